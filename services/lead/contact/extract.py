"""How to reach the customer: phones and emails in their own words, the last correction counting.

Pure. Only customer lines are read, each line by itself, and what they quoted is not their speech.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from email.utils import parseaddr
from functools import lru_cache
from typing import Final

import msgspec

from libs.leads.snapshot import Contact, Line
from libs.shops.profile import ShopProfile
from services.lead.contact.corrections import (
    Correction,
    Mention,
    announces_correction,
    correction_in,
    what_stands,
)
from services.lead.contact.emails import find_emails
from services.lead.contact.folding import Folded, Found, fold, masked
from services.lead.contact.numbering import Region
from services.lead.contact.parts import said_again
from services.lead.contact.phones import find_phones
from services.lead.contact.providers import is_provider
from services.lead.contact.standing import DOUBTS, Standing, opens_with_not, standing_of
from services.lead.contact.taken_back import Kind, opted_out, retracted
from services.lead.contact.words import PHONE_CUE

_TAIL: Final = 200
_REMARK: Final = 600
"""So much of a line's end may take back what was given."""
_NANP: Final = 1
LINES_KEPT: Final = 512
"""As read, for each trigger of a thread reads all of its lines again."""

Said = tuple[Kind, Found, Standing, Correction]


def contacts(lines: Sequence[Line], profile: ShopProfile) -> tuple[Contact, ...]:
    """The one to use first; what was corrected later is left out."""
    return what_stands(_mentions(lines, profile))


def named(lines: Sequence[Line], profile: ShopProfile) -> frozenset[str]:
    """Every phone and email that the customer gave, also those they corrected later."""
    return frozenset(mention.contact.value for mention in _mentions(lines, profile))


def _mentions(lines: Sequence[Line], profile: ShopProfile) -> Iterator[Mention]:
    """Each value where it is given, and once more where it is taken back."""
    given: dict[str, Mention] = {}
    last: dict[Kind, Mention] = {}
    newest: Mention | None = None
    for row, folded, said in _read(lines, profile):
        for kind, one, standing, corrects in said:
            contact = _contact(kind, one, folded, lines[row], profile.languages[0])
            newest = last[kind] = Mention(contact, row, standing, corrects)
            given[newest.bare] = newest
            yield newest
        if newest:
            remark = _after(said, folded.text)[-_REMARK:]
            just_given = newest.row >= row - 1
            gone, wrong = _denied(remark, newest.contact.kind, just_given=just_given)
            doubt = DOUBTS[Standing.DENIED].told(profile.languages[0])
            mistaken = [last[kind] for kind in wrong if kind in last]
            for taken in _taken_back(given, gone) + mistaken:
                contact = msgspec.structs.replace(taken.contact, doubt=doubt)
                yield Mention(contact, row, Standing.DENIED, "none")


def _taken_back(given: dict[str, Mention], gone: frozenset[Kind]) -> list[Mention]:
    """All of a kind, each once: who says STOP a thousand times has not said more."""
    if not gone:
        return []
    taken = [one for one in given.values() if one.contact.kind in gone]
    for one in taken:
        del given[one.bare]
    return taken


@lru_cache(maxsize=LINES_KEPT)
def _denied(
    remark: str, last: Kind, *, just_given: bool
) -> tuple[frozenset[Kind], frozenset[Kind]]:
    gone = opted_out(remark)
    return gone, retracted(remark, last, just_given=just_given) - gone


def _after(said: Sequence[Said], text: str) -> str:
    return text[max((one.end for _, one, *_ in said), default=0) :]


def _read(
    lines: Sequence[Line], profile: ShopProfile
) -> Iterator[tuple[int, Folded, Sequence[Said]]]:
    """What the line before asked for or announced carries over to the next."""
    region = region_of(profile)
    asked = announced = False
    last: dict[Kind, Found] = {}
    for row, line in enumerate(lines):
        if line.speaker != "customer":
            asked = _asks_for_phone(line.text)
            continue
        folded = fold(line.text)
        found = tuple(
            (kind, one)
            for kind, one in _found(folded.text, region, asked=asked)
            if not is_own(kind, one.value, profile)
        )
        given = tuple((kind, one.value) for kind, one in last.items())
        said = _judged(found, folded.text, given=given, announced=announced)
        if not said and (part := said_again(folded.text, last)):
            said = ((*part, Standing.THEIRS, "surely"),)
        yield row, folded, said
        last |= {
            kind: one
            for kind, one, standing, _ in said
            if standing in {Standing.THEIRS, Standing.DENIED}
        }
        tail = _after(said, folded.text)[-_TAIL:]
        announced = _announces(tail)
        asked = not said and (asked or _asks_for_phone(tail))


@lru_cache(maxsize=LINES_KEPT)
def _judged(
    found: tuple[tuple[Kind, Found], ...],
    text: str,
    *,
    given: tuple[tuple[Kind, str], ...],
    announced: bool,
) -> tuple[Said, ...]:
    """`given`: last of each kind. `announced`: the line before said that the right one follows."""
    judged: list[Said] = []
    ends: dict[Kind, int] = {}
    newest, final = dict(given), dict(found)
    before = 0
    for kind, one in found:
        old = newest[kind] != one.value if kind in newest else opens_with_not(text, one)
        stands_in = old and one is final[kind]
        standing = standing_of(text, one, kind=kind, since=before, stands_in=stands_in)
        before, newest[kind] = one.end, one.value
        if standing is Standing.THEIRS:
            since, told = ends.get(kind, 0), announced and not ends
            corrects = correction_in(
                text, one.start, one.end, kind=kind, since=since, announced=told
            )
            judged.append((kind, one, standing, corrects))
            ends[kind] = one.end
        elif standing is not Standing.OURS:
            doubted = msgspec.structs.replace(one, doubt=one.doubt or DOUBTS[standing])
            judged.append((kind, doubted, standing, "none"))
    return tuple(judged)


_announces: Final = lru_cache(maxsize=LINES_KEPT)(announces_correction)


@lru_cache(maxsize=LINES_KEPT)
def _asks_for_phone(text: str) -> bool:
    return PHONE_CUE.search(text) is not None


def region_of(profile: ShopProfile) -> Region:
    import phonenumbers

    name = profile.phone_region
    code = phonenumbers.country_code_for_region(name)
    return Region(name, code, profile.phone[2:5] if code == _NANP else "")


@lru_cache(maxsize=LINES_KEPT)
def _found(text: str, region: Region, *, asked: bool) -> tuple[tuple[Kind, Found], ...]:
    emails = find_emails(text)
    pairs: list[tuple[Kind, Found]] = [("email", one) for one in emails]
    rest = masked(text, emails)
    pairs += [("phone", one) for one in find_phones(rest, region, asked=asked)]
    return tuple(sorted(pairs, key=lambda pair: pair[1].start))


def forget_read_lines() -> None:
    for read in (_found, _judged, _denied, _announces, _asks_for_phone):
        read.cache_clear()


def is_own(kind: Kind, value: str, profile: ShopProfile) -> bool:
    """The shop's own number or address, however it is written."""
    if kind == "phone":
        return value.partition(";")[0] in profile.own_phones
    value = value.lower()
    addresses = {parseaddr(box)[1].lower() for box in (profile.sender, *profile.recipients)}
    domain = value.rpartition("@")[2]
    return value in addresses or any(
        domain == name or domain.endswith(f".{name}")
        for name in map(str.lower, profile.email_domains)
        if not is_provider(name)
    )


def _contact(kind: Kind, one: Found, folded: Folded, line: Line, tag: str) -> Contact:
    start, end = folded.original(one.start, one.end)
    return Contact(
        kind=kind,
        value=one.value,
        shown=one.shown,
        item_id=line.item_id,
        start=start,
        end=end,
        doubt=one.doubt.told(tag) if one.doubt else "",
    )
