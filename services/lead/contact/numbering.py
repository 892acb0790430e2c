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

_ALIKE: Final = 2
_FEW: Final = 2
_LIKELY_LENGTH: Final = re.compile(r"\d{10,13}")
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
        return self.code == 1


def known_number(candidate: Candidate, region: Region, text: str) -> Found | None:
    import phonenumbers
    from phonenumbers import PhoneNumberFormat as Style

    number = _parsed(candidate.written, region)
    if number is None:
        return None
    if not phonenumbers.is_valid_number(number) and not _is_plausible(number, candidate):
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
    import phonenumbers

    written = text[candidate.start : candidate.end]
    digits = re.sub(r"\D", "", written)
    if not _LIKELY_LENGTH.fullmatch(digits) or digits in _COUNTING or len(set(digits)) <= _FEW:
        return
    number = _parsed(written, region)
    possible = number is not None and phonenumbers.is_possible_number(number)
    e164 = phonenumbers.PhoneNumberFormat.E164
    value = phonenumbers.format_number(number, e164) if number and possible else digits
    doubt = Doubt("unknown_number", (region.name,))
    yield Found(value, written, candidate.start, candidate.end, doubt)


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
        return phonenumbers.parse(written, region.name)
    except phonenumbers.NumberParseException:
        return None


def _is_plausible(number: PhoneNumber, candidate: Candidate) -> bool:
    """With its country code given, a number abroad may be newer than our tables."""
    import phonenumbers

    given = candidate.written.startswith("+") and not candidate.needs_cue
    return given and number.country_code != 1 and phonenumbers.is_possible_number(number)
