"""How to reach the customer: phones and emails in their own words, the last correction counting.

Pure. Only customer lines are read, each line by itself, and what they quoted is not their speech.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

import msgspec

from libs.shops.profile import ShopProfile
from libs.snapshot import Contact, Line
from services.lead.contact_words import (
    CORRECTS,
    NOT_THIS_AFTER,
    NOT_THIS_BEFORE,
    OLD_ONE_AFTER,
    PHONE_CUE,
    SORRY,
)
from services.lead.emails import Found, find_emails
from services.lead.folding import Row, rows_of
from services.lead.phones import Region, find_phones
from services.lead.providers import distance

_NEAR: Final = 60
_ALIKE: Final = 3
_QUOTE: Final = re.compile(r"\s*(?:>|&gt;|\|\s)")

Kind = Literal["phone", "email"]


class Mention(msgspec.Struct, frozen=True):
    """One value where it stands; `corrects`: it stands in for one before it."""

    contact: Contact
    row: int
    corrects: bool


def contacts(lines: Sequence[Line], profile: ShopProfile) -> tuple[Contact, ...]:
    """The one to use first; what was corrected later is left out."""
    kept: list[Mention] = []
    for mention in _mentions(lines, profile):
        if mention.corrects:
            kept = _without_corrected(kept, mention)
        kept = [*(one for one in kept if not _is_same(one, mention)), _merged(kept, mention)]
    kept.sort(key=lambda mention: -mention.row)  # stable: within a row as it was said
    return tuple(mention.contact for mention in kept)


def _mentions(lines: Sequence[Line], profile: ShopProfile) -> Iterator[Mention]:
    region = region_of(profile)
    asked, announced = False, False
    number = 0
    for line in lines:
        if line.speaker != "customer":
            asked = PHONE_CUE.search(line.text) is not None
            continue
        for row in rows_of(line.text):
            if _QUOTE.match(row.text):
                continue
            number += 1
            found = list(_in_row(row, line, profile, region, asked=asked))
            for kind, one, corrects in found:
                contact = _contact(kind, one, row, line)
                yield Mention(contact, number, corrects or announced)
            announced = not found and CORRECTS.search(row.text) is not None


def region_of(profile: ShopProfile) -> Region:
    import phonenumbers

    name = profile.phone_region
    code = phonenumbers.country_code_for_region(name)
    return Region(name, code, profile.phone[2:5] if code == 1 else "")


def _in_row(
    row: Row, line: Line, profile: ShopProfile, region: Region, *, asked: bool
) -> Iterator[tuple[Kind, Found, bool]]:
    emails = find_emails(row.text)
    text = row.text
    for one in emails:
        text = text[: one.start] + "\x01" * (one.end - one.start) + text[one.end :]
    phones = find_phones(text, region, asked=asked)
    ends: dict[Kind, int] = {}
    pairs: list[tuple[Kind, Found]] = [("email", one) for one in emails]
    pairs += [("phone", one) for one in phones]
    for kind, one in sorted(pairs, key=lambda pair: pair[1].start):
        if is_own(kind, one.value, profile) or _is_denied(row.text, one):
            continue
        yield kind, one, _corrects(row.text, one, ends.get(kind, 0))
        ends[kind] = one.end


def is_own(kind: Kind, value: str, profile: ShopProfile) -> bool:
    """The shop's own number or address, however it is written."""
    if kind == "phone":
        return value.partition(";")[0] in profile.own_phones
    domain = value.rpartition("@")[2]
    return any(domain == own or domain.endswith(f".{own}") for own in profile.email_domains)


def _is_denied(text: str, one: Found) -> bool:
    before = text[max(0, one.start - _NEAR) : one.start]
    after = text[one.end : one.end + _NEAR]
    return bool(NOT_THIS_BEFORE.search(before) or NOT_THIS_AFTER.match(after))


def _corrects(text: str, one: Found, since: int) -> bool:
    before = text[max(since, one.start - _NEAR) : one.start]
    if before.lstrip().startswith("*") and not since:
        return True
    return bool(
        CORRECTS.search(before)
        or SORRY.search(before)
        or OLD_ONE_AFTER.match(text[one.end : one.end + _NEAR])
    )


def _contact(kind: Kind, one: Found, row: Row, line: Line) -> Contact:
    return Contact(
        kind=kind,
        value=one.value,
        shown=one.shown,
        item_id=line.item_id,
        start=row.original(one.start),
        end=row.original(one.end),
        doubt=one.doubt,
    )


def _without_corrected(kept: list[Mention], new: Mention) -> list[Mention]:
    """The one most like the correction, else all of the last line that had any of its kind."""
    rivals = [
        one for one in kept if one.contact.kind == new.contact.kind and not _is_same(one, new)
    ]
    if not rivals:
        return kept
    closest = min(rivals, key=lambda one: distance(one.contact.value, new.contact.value))
    if distance(closest.contact.value, new.contact.value) <= _ALIKE:
        return [one for one in kept if one is not closest]
    last = max(one.row for one in rivals)
    return [one for one in kept if one not in rivals or one.row != last]


def _is_same(one: Mention, other: Mention) -> bool:
    return (one.contact.kind, _bare(one)) == (other.contact.kind, _bare(other))


def _bare(mention: Mention) -> str:
    return mention.contact.value.partition(";")[0].lower()


def _merged(kept: list[Mention], new: Mention) -> Mention:
    """Said again without its extension, a number keeps it."""
    if ";" in new.contact.value or new.contact.kind != "phone":
        return new
    for one in kept:
        if _is_same(one, new) and ";" in one.contact.value:
            return msgspec.structs.replace(one, row=new.row)
    return new
