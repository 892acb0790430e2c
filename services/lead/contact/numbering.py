"""What the numbering plans say of a candidate: a phone number, or none that we know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from services.lead.contact.doubts import Doubt
from services.lead.contact.folding import Found
from services.lead.contact.number_context import EXTENSION, Candidate
from services.lead.contact.providers import distance

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

_NANP: Final = 1
_ALIKE: Final = 2
_FEW: Final = 2
_LIKELY_LENGTH: Final = re.compile(r"\d{10,13}|\+\d{9,15}")
_MEXICO_OF_OLD: Final = re.compile(r"^(\+52)\D*1(?=(?:\D*\d){10}\D*$)")
"""WhatsApp writes the 1 that a mobile had there until 2019 to this day; it leads nowhere."""
_COUNTING: Final = "01234567890123456789"
_SIBLING: Final = re.compile(
    r" ?(?:/|,? ?(?:\b(?:or|and|o|y|ou|e|oder|und|atau|hoặc|или|и)\b|&|或者?|和|또는|か))"
    r" ?(?!19|20)(\d{4})(?![A-Za-z\d_$]|[-/.]\d)",
    re.IGNORECASE,
)


class Region(msgspec.Struct, frozen=True):
    """Where a number without a country code is."""

    name: str
    code: int
    area: str = ""
    """The shop's own area code, for numbers given without one."""

    @property
    def is_nanp(self) -> bool:
        return self.code == _NANP


def known_number(candidate: Candidate, region: Region, text: str) -> Found | None:
    import phonenumbers
    from phonenumbers import PhoneNumberFormat as Style

    number = _parsed(candidate.written, region)
    if number is None or not phonenumbers.is_valid_number(number):
        return None
    style = Style.NATIONAL if number.country_code == region.code else Style.INTERNATIONAL
    value = phonenumbers.format_number(number, Style.E164)
    shown = phonenumbers.format_number(number, style)
    end = candidate.end
    if extension := EXTENSION.match(text, end):
        inner, end = extension[extension.lastindex or 0], extension.end()
        value, shown = f"{value};ext={inner}", f"{shown} ext. {inner}"
    return Found(value, shown, candidate.start, end, candidate.doubt)


def unknown_number(candidate: Candidate, region: Region, text: str) -> Iterator[Found]:
    """As it was written: a digit too much, or a country left out. What counts up is a joke."""
    from phonenumbers import PhoneNumberFormat, format_number

    shown = text[candidate.start : candidate.end]
    unsure = candidate.needs_cue
    written = shown if unsure else candidate.written
    digits = re.sub(r"[^\d+]", "", written)
    bare = digits.removeprefix("+")
    if not _LIKELY_LENGTH.fullmatch(digits) or bare in _COUNTING or len(set(bare)) <= _FEW:
        return
    number = _whole(written, region) or (_valid_abroad(bare, region) if unsure else None)
    value = format_number(number, PhoneNumberFormat.E164) if number else digits
    doubt = Doubt("unknown_number", (region.name,))
    yield Found(value, shown, candidate.start, candidate.end, doubt)


def is_abroad(candidate: Candidate, region: Region, text: str) -> bool:
    """With its country code given, a number abroad may be newer than our tables."""
    import phonenumbers

    number = _parsed(candidate.written, region) if text[candidate.start] in "+0" else None
    if number is None or number.country_code == _NANP:
        return False
    return phonenumbers.is_possible_number(number)


def siblings(one: Found, text: str) -> Iterator[Found]:
    """`408-555-0117 or 0118`, `408-555-0117/0118`: the same but for a slip or two."""
    other = _SIBLING.match(text, one.end)
    if other is None or ";" in one.value or not one.shown.endswith(one.value[-4:]):
        return
    if distance(one.value[-4:], other[1]) <= _ALIKE:
        value, shown = one.value[:-4] + other[1], one.shown[:-4] + other[1]
        yield Found(value, shown, *other.span(1), one.doubt)


def _parsed(written: str, region: Region) -> PhoneNumber | None:
    import phonenumbers

    try:
        return phonenumbers.parse(_MEXICO_OF_OLD.sub(r"\1", written), region.name)
    except phonenumbers.NumberParseException:
        return None


def _whole(written: str, region: Region) -> PhoneNumber | None:
    """As long as a number there is, with its area."""
    from phonenumbers import PhoneNumberType, ValidationResult
    from phonenumbers import is_possible_number_for_type_with_reason as length

    number, kind = _parsed(written, region), PhoneNumberType.FIXED_LINE_OR_MOBILE
    return number if number and length(number, kind) == ValidationResult.IS_POSSIBLE else None


def _valid_abroad(digits: str, region: Region) -> PhoneNumber | None:
    """Where only the plus was left out."""
    import phonenumbers

    number = _parsed(f"+{digits}", region)
    return number if number and phonenumbers.is_valid_number(number) else None


def is_country_code(digits: str) -> bool:
    import phonenumbers

    return digits == "521" or int(digits) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE
