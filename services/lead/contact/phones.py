"""Phone numbers as typed, spaced, spelled or said, read in the shop's region."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from services.lead.contact.doubts import A_THINGS, Doubt
from services.lead.contact.folding import MASK, Found
from services.lead.contact.number_context import Candidate, as_phone
from services.lead.contact.numbering import (
    Region,
    is_abroad,
    is_country_code,
    known_number,
    siblings,
    unknown_number,
)
from services.lead.contact.spoken import digits_for_characters, spoken_digits
from services.lead.contact.words import AREA_CODE

MOST_LOOKED_AT: Final = 120
"""Per message: more are a list that somebody pasted, and each costs a fifth of a millisecond."""
MOST_TRIED: Final = 30
"""Candidates of one message: nobody gives us thirty numbers in one."""
_LONGEST: Final = 40
_FEWEST_DIGITS: Final = 8
_NANP_DIGITS: Final = 10
_LOCAL_DIGITS: Final = 7
_NEAR: Final = 40

_GAP: Final = r"(?: ?[-./] ?|[,*_]| {1,3}+)?"
_NANP: Final = re.compile(
    rf"([2-9]\d\d) ?[)\]]?{_GAP}([2-9]\d\d){_GAP}(\d\d)[ .-]?(\d\d)(?!\d|[-.]\d)"
)
"""3-3-4 or any part of it closed up."""
_NANP_BEFORE: Final = re.compile(rf"(?<![\d])(?<!\d[-._])(?:\+ ?)?(?:\(?1\)?{_GAP})?[(\[]?\Z")
_PLUS: Final = re.compile(r"(?:\+ ?|0(?:0|11)[ -]?)\(?\d(?:[ ().\-/]{0,3}+\d){6,20}+")
_RUN: Final = re.compile(r"\d(?:[ ().\-/]{1,3}+\d|\d){6,}+")
_LOCAL: Final = re.compile(r"([2-9]\d\d)[-. ]?(\d{4})(?!\w|[-./,]\d)")
_ISLAND: Final = re.compile(r"[+\d][\d ()\[\].\-/,*_]{6,}+")
_VIN_LENGTH: Final = 17
_VIN: Final = re.compile(
    r"\b(?=\d*[A-Z])(?=[A-Z]*\d)[A-HJ-NPR-Z\d]{17}\b", re.IGNORECASE | re.ASCII
)
_LONGEST_ISLAND: Final = 400
"""Longer ones are data that somebody pasted."""
_MOST_ISLANDS: Final = 600
"""Of more, the first and the last."""
_LETTER_FOR_ZERO: Final = re.compile(
    r"[oO](?:(?<=[\d(. -][oO])(?=[-. ]?\d)(?! \d{4}(?!\d))|(?<=\d[oO])(?=[\doO. -]|$))"
)
_NO_PHONE: Final = re.compile(
    r"(?<!\d)(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2(?:\d{4}|\d{2}))(?!\d|[-.]\d)"
    r"|^\d{1,3}(?:\.\d{1,3}){3}$"
)
"""A date, and the address of a computer."""
_SHAPED: Final = re.compile(r"[2-9]\d\d(?:\) ?|-)\d{3}-\d{4,5}")
_MEXICAN: Final = re.compile(
    r"(?<!\d)(?<!\d[-.])52[ -](?:1[ -])?\(?\d{3}\)?[ -]\d{3}[ -]\d{4}(?!\d|[-.]\d)"
)
_MEXICAN_AFTER: Final = re.compile(
    r"^\W*$|(?:\b(?:(?:tele)?phone|cell|(?:my|phone|cell) number|m[eé]xico|whats\w*|call|text|"
    r"tel\w*|cel\w*|n[uú]mero|m[oó]vil|ll[aá]m\w+|marque\w*|escr[ií]b\w+|mensaje)|电话|電話)"
    r"(?:\W+(?:is|es|me|us|at|al|el|a|on))*\W*$",
    re.IGNORECASE,
)
"""Without its plus; after `unit 52` the ten digits alone are the number."""
_BEFORE_NANP: Final = 8
_NO_PLUS_AFTER: Final = re.compile(r"(?:[\d+-]|\d\.)\Z")
_NO_RUN_AFTER: Final = re.compile(r"(?:[+#-]|\d\.)\Z")
_NO_LOCAL_AFTER: Final = re.compile(r"(?:[\d_,/$#+-]|\d\.)\Z")
_PARTICLE: Final = re.compile(r"(?<=\d)[의에の](?= ?\d)")
_IN_AREA: Final = re.compile(r"(?<!\d)(?<!\d[-.])([2-9]\d\d) area\b", re.IGNORECASE)
_GROUP: Final = re.compile(r"\d+")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_DECIMAL: Final = re.compile(r"\d{3}\.\d{7}|\d{6}\.\d{4}")


def find_phones(text: str, region: Region, *, asked: bool) -> list[Found]:
    """In order of appearance. `asked`: what was said before asked for a number.

    What is called a phone and is no number we know is better than nothing, and doubted; with a
    country's code it may be newer than our tables, and stays beside others.
    """
    text = _LETTER_FOR_ZERO.sub("0", _PARTICLE.sub("-", digits_for_characters(text)))
    text = _VIN.sub(MASK * _VIN_LENGTH, text)
    found: list[Found] = []
    unknown: list[Found] = []
    abroad: list[Found] = []
    looked = tried = 0
    for seen in _candidates(text, region):
        looked += 1
        if looked > MOST_LOOKED_AT or tried >= MOST_TRIED:
            break
        taken = found if text[seen.start] in "+0" else found + abroad
        if _overlaps(seen, taken) or not (candidate := as_phone(text, seen, asked=asked)):
            continue
        tried += 1
        if one := known_number(candidate, region, text):
            found += [one, *siblings(one, text)]
        elif candidate.doubt != A_THINGS and not _overlaps(candidate, unknown):
            odd = list(unknown_number(candidate, region, text))
            unknown += odd
            abroad += odd if is_abroad(candidate, region, text) else ()
    found += [one for one in abroad if not _overlaps(one, found)]
    return sorted(found or unknown, key=lambda one: one.start)


def _overlaps(candidate: Candidate | Found, found: list[Found]) -> bool:
    return any(candidate.start < one.end and one.start < candidate.end for one in found)


def _candidates(text: str, region: Region) -> Iterator[Candidate]:
    """The surest first."""
    islands = [
        found.span()
        for found in _ISLAND.finditer(text)
        if found.end() - found.start() <= _LONGEST_ISLAND
    ]
    if len(islands) > _MOST_ISLANDS:
        islands = islands[: _MOST_ISLANDS // 2] + islands[-_MOST_ISLANDS // 2 :]
    for found in _in_islands(_PLUS, text, islands):
        if not _follows(text, found.start(), _NO_PLUS_AFTER):
            yield from _shortened(found)
    if region.is_nanp:
        yield from _nanp(text, islands)
    yield from _dictated(text, region)
    for found in _in_islands(_RUN, text, islands):
        if len(found[0]) <= _LONGEST and not _follows(text, found.start(), _NO_RUN_AFTER):
            yield from _run(found, region)
    if region.is_nanp:
        yield from _local(text, islands, region)


def _in_islands(
    pattern: re.Pattern[str], text: str, islands: list[tuple[int, int]]
) -> Iterator[re.Match[str]]:
    for start, end in islands:
        yield from pattern.finditer(text, start, end + 2)  # lookahead needs a glance beyond


def _follows(text: str, start: int, marks: re.Pattern[str]) -> bool:
    return marks.search(text[max(0, start - 2) : start]) is not None


def _nanp(text: str, islands: list[tuple[int, int]]) -> Iterator[Candidate]:
    """With or without the country code, unless Mexico's is said to stand before it."""
    mexican = [
        Candidate("+" + found[0], *found.span()) for found in _in_islands(_MEXICAN, text, islands)
    ]
    for one in mexican:
        if _MEXICAN_AFTER.search(text[max(0, one.start - _NEAR) : one.start]):
            yield one
    for found in _in_islands(_NANP, text, islands):
        floor = max(0, found.start() - _BEFORE_NANP)
        before = _NANP_BEFORE.search(text[floor : found.start()])
        if before and not (before.start() == 0 and floor > 0):
            start = floor + before.start()
            decimal = _DECIMAL.fullmatch(found[0]) is not None
            yield Candidate("".join(found.groups()), start, found.end(), needs_cue=decimal)
    yield from mexican


def _local(text: str, islands: list[tuple[int, int]], region: Region) -> Iterator[Candidate]:
    for found in _in_islands(_LOCAL, text, islands):
        if not _follows(text, found.start(), _NO_LOCAL_AFTER):
            yield _with_area(found[1] + found[2], *found.span(), region, text)


def _with_area(digits: str, start: int, end: int, region: Region, text: str) -> Candidate:
    """`Area code 650, 555-0133`: else the shop's own, with a doubt."""
    near = max(0, start - _NEAR), end + _NEAR
    area = AREA_CODE.search(text, *near) or _IN_AREA.search(text, *near)
    if area:
        return Candidate(area[area.lastindex or 0] + digits, start, end)
    doubt = Doubt("no_area", (region.area,))
    return Candidate(region.area + digits, start, end, doubt, needs_cue=True)


def _shortened(found: re.Match[str]) -> Iterator[Candidate]:
    """The whole run, then without its last groups: `+52 55 1234 5678 2015 Honda`."""
    written, start = found[0], found.start()
    while sum(map(str.isdigit, written)) >= _FEWEST_DIGITS:
        number = "+" + re.sub(r"^ ?(?:\+|00|011)", "", written)
        yield Candidate(number, start, start + len(written))
        written, space, _ = written.rstrip().rpartition(" ")
        if not space:
            return


def _dictated(text: str, region: Region) -> Iterator[Candidate]:
    for said in spoken_digits(text):
        if region.is_nanp and len(said.digits) == _LOCAL_DIGITS:
            yield _with_area(said.digits, said.start, said.end, region, text)
        elif len(said.digits) >= _FEWEST_DIGITS:
            abroad = text[max(0, said.start - 5) : said.start].rstrip().endswith(("plus", "+"))
            yield Candidate("+" * abroad + said.digits, said.start, said.end)


def _run(found: re.Match[str], region: Region) -> Iterator[Candidate]:
    """Groups of any size: a number if the words around say so, or nothing else stands there."""
    written, (start, end) = found[0], found.span()
    start -= ")" in written and found.string[:start].endswith("(")
    groups = _GROUP.findall(written)
    if _NO_PHONE.search(written) or all(_YEAR.fullmatch(group) for group in groups):
        return
    if not region.is_nanp:
        filed = _YEAR.fullmatch(groups[0]) is not None  # `Rechnung 2025-0117123`
        plain = written.startswith("0") or (len(groups) > 1 and not filed)
        yield Candidate(written, start, end, needs_cue=not plain)
    elif _SHAPED.fullmatch(written):
        yield Candidate(written, start, end)
        return
    digits = "".join(groups)
    ours = region.is_nanp and len(digits.removeprefix("1")) == _NANP_DIGITS
    if ours:
        spaced = len(groups) == len(digits)
        yield Candidate(written, start, end, needs_cue=not spaced)
    if len(digits) > _NANP_DIGITS:
        surely = len(digits) > _NANP_DIGITS + 1 if len(groups) == 1 else is_country_code(groups[0])
        yield Candidate("+" * surely + digits, start, end, needs_cue=True)
