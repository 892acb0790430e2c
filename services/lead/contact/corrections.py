"""Of several ways to reach the customer: which stand, and the one to use first."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final, Literal

import msgspec

from libs.leads.snapshot import Contact
from services.lead.contact.providers import distance
from services.lead.contact.standing import Standing
from services.lead.contact.taken_back import Kind, retracts
from services.lead.contact.words import (
    ADDS,
    ADDS_AFTER,
    ANOTHER_MATTER,
    APOLOGY,
    CORRECTS,
    NAMES_A_WAY,
    NO_OBJECT,
    OLD_ONE_AFTER,
    SORRY,
    WRONG_TO_THEM,
)

MOST_KEPT: Final = 12
"""Phones of one customer, and emails; of more, the newest."""
_NEAR: Final = 60
_ALIKE: Final = 3
"""So many slips apart, a new value is the old one spelled right."""
_VERY_ALIKE: Final = 2

Correction = Literal["none", "perhaps", "surely"]


class Mention(msgspec.Struct, frozen=True):
    """One value where it stands."""

    contact: Contact
    row: int
    """Which line of the conversation."""
    standing: Standing
    corrects: Correction
    """Whether it stands in for one before it."""

    @property
    def bare(self) -> str:
        """What makes two of them the same way."""
        return self.contact.value.partition(";")[0].lower()


def correction_in(
    text: str, start: int, end: int, *, kind: Kind, since: int, announced: bool = False
) -> Correction:
    """What the words around [start, end) say; those up to `since` belong to another value.

    `announced`: the line before said that the right one follows.
    """
    before, after = text[max(since, start - _NEAR) : start], text[end : end + _NEAR]
    if ADDS_AFTER.match(after):
        return "none"
    if (since == 0 and before.strip() == "*") or SORRY.search(before) or retracts(before, kind):
        return "surely"
    corrects, sorry = _last(CORRECTS, before), _last(APOLOGY, before)
    between = before[max(corrects, sorry) :]
    misled = WRONG_TO_THEM.search(before)
    if ADDS.search(between) or (misled and not before[: misled.start()].endswith("you ")):
        return "none"
    plainly = corrects > 0 and not ANOTHER_MATTER.search(between)
    if announced or plainly or OLD_ONE_AFTER.match(after):
        return "surely"
    return "perhaps" if corrects or sorry else "none"


def _last(cue: re.Pattern[str], text: str) -> int:
    """Where the last one ends."""
    return max((found.end() for found in cue.finditer(text)), default=0)


def announces_correction(text: str) -> bool:
    """`Oops, wrong number`, the right one to follow; `I meant the Civic` says all there is."""
    end = _last(CORRECTS, text)
    return end > 0 and bool(NO_OBJECT.match(text, end) or NAMES_A_WAY.search(text))


def what_stands(mentions: Iterable[Mention]) -> tuple[Contact, ...]:
    """Their own first, of these the newest line, and within a line as it was said."""
    kept: dict[str, Mention] = {}
    for mention in mentions:
        same = kept.pop(mention.bare, None)
        for one in _replaced(kept.values(), mention):
            del kept[one.bare]
        kept[mention.bare] = _said_again(same, mention) if same else mention
        alike = [one.bare for one in kept.values() if one.contact.kind == mention.contact.kind]
        if len(alike) > MOST_KEPT:
            del kept[alike[0]]
    ranked = sorted(
        kept.values(),
        key=lambda mention: (mention.standing, bool(mention.contact.doubt), -mention.row),
    )
    theirs = {one.contact.kind for one in ranked if one.standing is Standing.THEIRS}
    return tuple(
        one.contact
        for one in ranked
        if one.standing is not Standing.DENIED or one.contact.kind not in theirs
    )


def _replaced(kept: Collection[Mention], new: Mention) -> list[Mention]:
    """The one most like it; for a plain correction else the last line's, where it had but one."""
    if new.corrects == "none" and new.contact.doubt:
        return []
    rivals = [one for one in kept if one.contact.kind == new.contact.kind]
    if not rivals or (new.corrects == "none" and not any(one.contact.doubt for one in rivals)):
        return []
    gaps = [distance(one.contact.value, new.contact.value, most=_ALIKE) for one in rivals]
    closest, gap = rivals[gaps.index(min(gaps))], min(gaps)
    if new.corrects == "surely":
        last = max(one.row for one in rivals)
        return [closest] if gap <= _ALIKE else [one for one in rivals if one.row == last]
    unsure = closest.contact.doubt and closest.standing is Standing.THEIRS
    retyped = unsure and not new.contact.doubt and gap <= _ALIKE
    return [closest] if retyped or (new.corrects == "perhaps" and gap <= _VERY_ALIKE) else []


def _said_again(old: Mention, new: Mention) -> Mention:
    """What it says now; its extension stays, and what was said whole is not doubted later."""
    if new.standing is Standing.A_THINGS:
        return old
    if new.standing is not Standing.THEIRS:
        contact = msgspec.structs.replace(old.contact, doubt=new.contact.doubt)
        return msgspec.structs.replace(old, row=new.row, standing=new.standing, contact=contact)
    fuller = len(old.contact.value) > len(new.contact.value)
    surer = bool(new.contact.doubt) and not old.contact.doubt
    contact = (old if fuller or surer else new).contact
    doubt = new.contact.doubt if old.contact.doubt else ""
    return msgspec.structs.replace(new, contact=msgspec.structs.replace(contact, doubt=doubt))
