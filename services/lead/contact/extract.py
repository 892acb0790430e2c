"""How to reach the customer: phones and emails in their own words, the last correction counting.

Pure. Only customer lines are read, each line by itself, and what they quoted is not their speech.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, Literal

from libs.shops.profile import ShopProfile
from libs.snapshot import Contact, Line
from services.lead.contact.corrections import (
    Mention,
    announces_correction,
    corrected_end,
    correction_in,
    is_taken_back,
    what_stands,
)
from services.lead.contact.emails import find_emails
from services.lead.contact.folding import Folded, Found, fold, masked
from services.lead.contact.phones import Region, find_phones
from services.lead.contact.words import PHONE_CUE

_TAIL: Final = 200
_NANP: Final = 1

Kind = Literal["phone", "email"]


def contacts(lines: Sequence[Line], profile: ShopProfile) -> tuple[Contact, ...]:
    """The one to use first; what was corrected later is left out."""
    return what_stands(_mentions(lines, profile))


def named(lines: Sequence[Line], profile: ShopProfile) -> frozenset[str]:
    """Every phone and email that the customer gave, also those they corrected later."""
    return frozenset(mention.contact.value for mention in _mentions(lines, profile))


def _mentions(lines: Sequence[Line], profile: ShopProfile) -> Iterator[Mention]:
    """What the line before asked for or announced carries over to the next."""
    region = region_of(profile)
    asked = announced = False
    last: Found | None = None
    for number, line in enumerate(lines):
        if line.speaker != "customer":
            asked = _asks_for_phone(line.text)
            continue
        folded = fold(line.text)
        ends: dict[Kind, int] = {}
        found = list(_in_line(folded.text, profile, region, asked=asked))
        if not found and last and (end := corrected_end(folded.text, last)):
            found = [("phone", end)]
        for kind, one in found:
            since = ends.get(kind, 0)
            corrects = correction_in(folded.text, one.start, one.end, since=since)
            if announced and not ends:
                corrects = "surely"
            last = one if kind == "phone" else last
            yield Mention(_contact(kind, one, folded, line), number, corrects)
            ends[kind] = one.end
        tail = folded.text[max(ends.values(), default=0) :][-_TAIL:]
        announced = announces_correction(tail)
        asked = not ends and (asked or _asks_for_phone(tail))


def _asks_for_phone(text: str) -> bool:
    return PHONE_CUE.search(text) is not None


def region_of(profile: ShopProfile) -> Region:
    import phonenumbers

    name = profile.phone_region
    code = phonenumbers.country_code_for_region(name)
    return Region(name, code, profile.phone[2:5] if code == _NANP else "")


def _in_line(
    text: str, profile: ShopProfile, region: Region, *, asked: bool
) -> Iterator[tuple[Kind, Found]]:
    for kind, one in _found(text, region, asked=asked):
        if not is_own(kind, one.value, profile) and not is_taken_back(text, one.start, one.end):
            yield kind, one


@lru_cache(maxsize=512)
def _found(text: str, region: Region, *, asked: bool) -> tuple[tuple[Kind, Found], ...]:
    """Each trigger of a thread reads all of its lines again."""
    emails = find_emails(text)
    pairs: list[tuple[Kind, Found]] = [("email", one) for one in emails]
    rest = masked(text, emails)
    pairs += [("phone", one) for one in find_phones(rest, region, asked=asked)]
    return tuple(sorted(pairs, key=lambda pair: pair[1].start))


def forget_read_lines() -> None:
    _found.cache_clear()


def is_own(kind: Kind, value: str, profile: ShopProfile) -> bool:
    """The shop's own number or address, however it is written."""
    if kind == "phone":
        return value.partition(";")[0] in profile.own_phones
    domain = value.rpartition("@")[2]
    return any(domain == own or domain.endswith(f".{own}") for own in profile.email_domains)


def _contact(kind: Kind, one: Found, folded: Folded, line: Line) -> Contact:
    start, end = folded.original(one.start, one.end)
    return Contact(
        kind=kind,
        value=one.value,
        shown=one.shown,
        item_id=line.item_id,
        start=start,
        end=end,
        doubt=one.doubt,
    )
