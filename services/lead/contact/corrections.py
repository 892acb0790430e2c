"""Of several ways to reach the customer: which stands, which was taken back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from libs.snapshot import Contact
from services.lead.contact.folding import Found
from services.lead.contact.providers import distance
from services.lead.contact.words import (
    APOLOGY,
    CORRECTS,
    NOT_THIS_AFTER,
    NOT_THIS_BEFORE,
    OLD_ONE_AFTER,
    SORRY,
)

MOST_KEPT: Final = 12
"""Ways to reach one customer; of more, the newest."""
_NEAR: Final = 60
_ALIKE: Final = 3
"""So many slips apart, a new value is the old one spelled right."""
_VERY_ALIKE: Final = 2
_SHORT: Final = 200
"""Who corrects a few digits says little else."""
_END: Final = re.compile(r"(?<![\w$#.,/-])(?!19|20)\d{4}(?![\w/-])")

Correction = Literal["none", "perhaps", "surely"]


class Mention(msgspec.Struct, frozen=True):
    """One value where it stands."""

    contact: Contact
    row: int
    """Which line of the conversation."""
    corrects: Correction
    """Whether it stands in for one before it."""


def is_taken_back(text: str, start: int, end: int) -> bool:
    """`not 408-…`, `408-… is my old number`."""
    return bool(
        NOT_THIS_BEFORE.search(text[max(0, start - _NEAR) : start])
        or NOT_THIS_AFTER.match(text[end : end + _NEAR])
    )


def correction_in(text: str, start: int, end: int, *, since: int) -> Correction:
    """What the words around [start, end) say; those up to `since` belong to another value."""
    before = text[max(since, start - _NEAR) : start]
    starred = since == 0 and before.strip() == "*"
    if starred or CORRECTS.search(before) or SORRY.search(before):
        return "surely"
    if OLD_ONE_AFTER.match(text[end : end + _NEAR]):
        return "surely"
    return "perhaps" if APOLOGY.search(before) else "none"


def announces_correction(text: str) -> bool:
    """`Oops, wrong number`, the right one to follow."""
    return CORRECTS.search(text) is not None


def corrected_end(text: str, last: Found) -> Found | None:
    """`No, it's 0181`: of the number given last, its end; a year is the car's."""
    number = last.value.partition(";")[0]
    if len(text) > _SHORT or not last.shown.endswith(number[-4:]):
        return None
    for found in _END.finditer(text):
        start, end = found.span()
        near = distance(number[-4:], found[0]) == 1
        if near and correction_in(text, start, end, since=0) == "surely":
            value, shown = number[:-4] + found[0], last.shown[:-4] + found[0]
            return Found(value, shown, start, end, last.doubt)
    return None


def what_stands(mentions: Iterable[Mention]) -> tuple[Contact, ...]:
    """The newest line first, and within a line as it was said."""
    kept: list[Mention] = []
    for mention in mentions:
        gone = _replaced(kept, mention)
        stays = [one for one in kept if one not in gone and not _is_same(one, mention)]
        kept = [*stays, _with_extension(kept, mention)][-MOST_KEPT:]
    kept.sort(key=lambda mention: -mention.row)
    return tuple(mention.contact for mention in kept)


def _replaced(kept: list[Mention], new: Mention) -> list[Mention]:
    """The one most like it; for a plain correction else all of the last line that had one."""
    rivals = [
        one for one in kept if one.contact.kind == new.contact.kind and not _is_same(one, new)
    ]
    if not rivals or (new.corrects == "none" and not any(one.contact.doubt for one in rivals)):
        return []
    gaps = [distance(one.contact.value, new.contact.value) for one in rivals]
    closest, gap = rivals[gaps.index(min(gaps))], min(gaps)
    if new.corrects == "surely":
        last = max(one.row for one in rivals)
        return [closest] if gap <= _ALIKE else [one for one in rivals if one.row == last]
    retyped = closest.contact.doubt and not new.contact.doubt and gap <= _ALIKE
    return [closest] if retyped or (new.corrects == "perhaps" and gap <= _VERY_ALIKE) else []


def _is_same(one: Mention, other: Mention) -> bool:
    return _bare(one.contact) == _bare(other.contact)


def _bare(contact: Contact) -> str:
    return contact.value.partition(";")[0].lower()


def _with_extension(kept: list[Mention], new: Mention) -> Mention:
    """Said again without its extension, a number keeps it."""
    for one in kept:
        if _is_same(one, new) and len(one.contact.value) > len(new.contact.value):
            return msgspec.structs.replace(one, row=new.row)
    return new
