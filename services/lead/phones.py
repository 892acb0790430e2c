"""Phone numbers in a line: typed, spaced, spelled or said, in the shop's region."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from services.lead.contact_words import MONEY_AFTER, MONEY_BEFORE, OTHER_NUMBER, PHONE_CUE
from services.lead.emails import Found
from services.lead.providers import FILE_ENDINGS
from services.lead.spoken import digits_for_characters, spoken_digits

MOST_TRIES: Final = 40
"""Candidates of one line that we look up; nobody gives us forty numbers in one line."""
_NEAR: Final = 60
"""How far around a number its line is read for what it is."""
_FEWEST_DIGITS: Final = 8

_GAP: Final = r"(?: ?[-./] ?|,| {1,3}+)?"
_NANP: Final = re.compile(
    rf"(?<!\d)(?<!\d[-.])(?:\+ ?)?(?:\(?1\)?{_GAP})?[(\[]? ?([2-9]\d\d) ?[)\]]?{_GAP}([2-9]\d\d){_GAP}"
    r"(\d{4})(?!\d|[-.]\d)"
)
"""3-3-4 or any part of it closed up, with or without the country code."""
_PLUS: Final = re.compile(
    r"(?<!\d)(?:\+|(?<![\w.+-])(?:00|011)[ -]?)\(?\d(?:[ ().\-/]{0,3}+\d){6,}+"
)
_RUN: Final = re.compile(r"(?<![\d.+#-])\(?\d(?:[ ().\-/]{1,3}+\d|\d){6,}+")
_LOCAL: Final = re.compile(r"(?<![\w.,/$#+-])([2-9]\d\d)([-. ]?)(\d{4})(?!\w|[-./,]\d)")
_EXTENSION: Final = re.compile(
    r"[\s,;(]*(?:extension|extn?|ext|x|anexo|interno|int|poste|ramal|доб|分机|分機|內線|内线|내선|内線)"
    r"[\s.:#]*(\d{1,6})\)?(?!\d)|\s?#\s?(\d{1,5})(?!\d)",
    re.IGNORECASE,
)
_ZERO: Final = re.compile(r"(?<=[\d(\-. ])[oO](?=[-. ]?\d)|(?<=\d)[oO]+(?=[\d\-. ]|$)")
_HIDDEN: Final = (
    re.compile(r"(?:https?://|www\.)(?!wa\.me|(?:www\.)?api\.whatsapp)\S+", re.I),
    re.compile(rf"[^\s/\\]{{1,120}}\.(?:{'|'.join(FILE_ENDINGS)})\b", re.I),
    re.compile(r"(?<![\d.-])\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?![\d]|[-.]\d)"),
    re.compile(r"(?<![\d.-])\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})(?![\d]|[-.]\d)"),
    re.compile(r"(?<!\d)\d{1,2}:\d{2}(?::\d{2})?"),
    re.compile(r"(?<![\w+])-?\d{1,3}\.\d{4,}, ?-?\d{1,3}\.\d{4,}"),
    re.compile(r"\b[A-HJ-NPR-Z0-9]{17}\b", re.I),
)
"""What holds digits and no phone: addresses of pages, files, dates, times, places, VINs."""
_DIGITS: Final = re.compile(r"\d")
_OPENS_TOKEN: Final = re.compile(r"[A-Za-z0-9_$@&%=*]*+\Z")
_WORD_END: Final = re.compile(r"([A-Za-z_]+)\Z")
_WORD_START: Final = re.compile(r"[A-Za-z_]+")
_FILE_AFTER: Final = re.compile(rf"[)\s\w]{{0,6}}\.(?:{'|'.join(FILE_ENDINGS)})\b", re.I)


class Region(msgspec.Struct, frozen=True):
    """Where a number without a country code is."""

    name: str
    code: int
    area: str = ""
    """The shop's own area code, for numbers said without one."""

    @property
    def is_nanp(self) -> bool:
        return self.code == 1


class Candidate(msgspec.Struct, frozen=True):
    written: str
    """As phonenumbers is to read it."""
    start: int
    end: int
    doubt: str = ""


def find_phones(row: str, region: Region, *, asked: bool) -> list[Found]:
    """In order of appearance. `asked`: the line before asked for a number."""
    if not _DIGITS.search(row) and not any(True for _ in spoken_digits(row)):
        row = digits_for_characters(row)
        if not _DIGITS.search(row):
            return []
    text = _ZERO.sub(lambda found: "0" * len(found[0]), digits_for_characters(_hide(row)))
    cued = asked or PHONE_CUE.search(text) is not None
    found: list[Found] = []
    tries = 0
    for candidate in _candidates(text, region, cued=cued):
        if _taken(candidate, found) or not _may_be_phone(text, candidate, region):
            continue
        tries += 1
        if tries > MOST_TRIES:
            break
        if read := _read(candidate, region, text):
            found.append(read)
    return sorted(found, key=lambda one: one.start)


def _hide(row: str) -> str:
    for pattern in _HIDDEN:
        row = pattern.sub(lambda found: "\x01" * len(found[0]), row)
    return row


def _taken(candidate: Candidate, found: list[Found]) -> bool:
    return any(candidate.start < one.end and one.start < candidate.end for one in found)


def _candidates(text: str, region: Region, *, cued: bool) -> Iterator[Candidate]:
    """The surest first."""
    for found in _PLUS.finditer(text):
        yield from _shortened(found, region)
    if region.is_nanp:
        for found in _NANP.finditer(text):
            if cued or not _is_decimal(found):
                yield Candidate("".join(found.groups()), *_trim(text, *found.span()))
    yield from _dictated(text, region, cued=cued)
    alone = len(_DIGITS.findall(text)) == len(re.sub(r"[\s\W]", "", text))
    for found in _RUN.finditer(text):
        yield from _run(found, region, sure=cued or alone)
    if region.is_nanp and cued and region.area:
        for found in _LOCAL.finditer(text):
            doubt = f"no area code; {region.area} assumed"
            yield Candidate(region.area + found[1] + found[3], *found.span(), doubt)


def _is_decimal(found: re.Match[str]) -> bool:
    return bool(re.fullmatch(r"\d{3}\.\d{7}|\d{6}\.\d{4}", found[0].strip()))


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while text[start] in " +([" and not (text[start] in "+([" and start + 1 < end):
        start += 1
    return start, end


def _shortened(found: re.Match[str], region: Region) -> Iterator[Candidate]:
    """The whole run, then without its last groups: `+52 55 1234 5678 2015 Honda`."""
    written, start = found[0], found.start()
    while len(_DIGITS.findall(written)) >= _FEWEST_DIGITS:
        yield Candidate(_with_plus(written), start, start + len(written))
        shorter = re.sub(r"[ /]+[^ /]*$", "", written)
        if shorter == written:
            return
        written = shorter


def _with_plus(written: str) -> str:
    return "+" + re.sub(r"^\s*(?:\+|00|011)", "", written)


def _dictated(text: str, region: Region, *, cued: bool) -> Iterator[Candidate]:
    for said in spoken_digits(text):
        digits = said.digits
        if region.is_nanp and len(digits) == 7 and cued and said.words > 3:  # noqa: PLR2004
            doubt = f"no area code; {region.area} assumed"
            yield Candidate(region.area + digits, said.start, said.end, doubt)
        elif len(digits) >= _FEWEST_DIGITS:
            foreign = text[max(0, said.start - 5) : said.start].rstrip().endswith(("plus", "+"))
            yield Candidate("+" * foreign + digits, said.start, said.end)


def _run(found: re.Match[str], region: Region, *, sure: bool) -> Iterator[Candidate]:
    written, (start, end) = found[0], found.span()
    digits = "".join(_DIGITS.findall(written))
    national = region.is_nanp and len(digits.removeprefix("1")) == 10  # noqa: PLR2004 - its length
    trunk = not region.is_nanp and digits.startswith("0")
    grouped = not region.is_nanp and len(_DIGITS.findall(written)) < len(written.strip("()"))
    if sure or trunk or (grouped and len(digits) > _FEWEST_DIGITS):
        if national or not region.is_nanp:
            yield Candidate(written, start, end)
        if sure and len(digits) > 10:  # noqa: PLR2004 - more than a national number
            yield Candidate("+" + digits, start, end)


def _may_be_phone(text: str, candidate: Candidate, region: Region) -> bool:
    before = text[max(0, candidate.start - _NEAR) : candidate.start]
    after = text[candidate.end : candidate.end + _NEAR]
    if _FILE_AFTER.match(after) or MONEY_BEFORE.search(before) or MONEY_AFTER.match(after):
        return False
    if glued := _OPENS_TOKEN.search(before):
        word = _WORD_END.search(before)
        if glued[0] and not (word and glued[0] == word[0] and PHONE_CUE.search(f" {word[0]}")):
            return False
    if (word := _WORD_START.match(after)) and not _EXTENSION.match(after):
        if not PHONE_CUE.match(word[0]):
            return False
    sharp = before.rstrip().endswith("#")
    if sharp and not PHONE_CUE.search(before) and "-" not in text[candidate.start : candidate.end]:
        return False
    return not OTHER_NUMBER.search(before) or _named_phone(before)


def _named_phone(before: str) -> bool:
    """`my customer number ...` is none, `code: 12, cell ...` is."""
    return bool(re.search(r"(?:phone|cell|mobile|tel)\w*[\s:#.]*(?:\w+ ){0,2}$", before, re.I))


def _read(candidate: Candidate, region: Region, text: str) -> Found | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(candidate.written, region.name)
    except phonenumbers.NumberParseException:
        return None
    number.extension = None
    if not phonenumbers.is_valid_number(number) and not _plausible(number, candidate):
        return None
    value = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    home = number.country_code == region.code
    style = phonenumbers.PhoneNumberFormat
    shown = phonenumbers.format_number(number, style.NATIONAL if home else style.INTERNATIONAL)
    end = candidate.end
    if extension := _EXTENSION.match(text, candidate.end):
        inner, end = extension[1] or extension[2], extension.end()
        value, shown = f"{value};ext={inner}", f"{shown} ext. {inner}"
    return Found(value, shown, candidate.start, end, candidate.doubt)


def _plausible(number: object, candidate: Candidate) -> bool:
    """With its country code given, a number abroad may be newer than our tables."""
    import phonenumbers

    return (
        candidate.written.startswith("+")
        and isinstance(number, phonenumbers.PhoneNumber)
        and number.country_code != 1
        and phonenumbers.is_possible_number(number)
    )
