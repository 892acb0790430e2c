"""Whose a value is, and whether it is to be used: the words right around it tell."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from services.lead.contact.doubts import A_THINGS, Doubt
from services.lead.contact.folding import Found
from services.lead.contact.taken_back import Kind, retracts
from services.lead.contact.words import (
    ANOTHERS_AFTER,
    ANOTHERS_BEFORE,
    APPOSITION,
    ASKED_ABOUT,
    DENIED_AFTER,
    DENIED_BEFORE,
    LIMITED_AFTER,
    NOT_BEFORE,
    OURS_AFTER,
    OURS_BEFORE,
    THEIRS_AFTER,
    WRONG_TO_THEM,
)

_NEAR: Final = 60


class Standing(IntEnum):
    """The better one first. Only what is the shop's is dropped unseen."""

    THEIRS = 0
    A_THINGS = 1
    """Their own, or what a thing goes by of which they spoke right before."""
    ANOTHERS = 2
    DENIED = 3
    """Left out only where the customer gave another of its kind."""
    OURS = 4


DOUBTS: Final = {
    Standing.A_THINGS: A_THINGS,
    Standing.ANOTHERS: Doubt("anothers"),
    Standing.DENIED: Doubt("denied"),
}


def standing_of(text: str, one: Found, *, kind: Kind, since: int, stands_in: bool) -> Standing:
    """The words up to `since` belong to the value before it, for which it may stand in."""
    before = text[max(since, one.start - _NEAR) : one.start]
    after = text[one.end : one.end + _NEAR]
    if _is_ours(before, after):
        return Standing.OURS
    spoken_of = stands_in and _is_of_the_one_before(before, after, kind)
    denied = DENIED_BEFORE.search(before) or NOT_BEFORE.search(before)
    if (denied and not spoken_of) or DENIED_AFTER.match(after):
        return Standing.THEIRS if LIMITED_AFTER.match(after) else Standing.DENIED
    if ANOTHERS_BEFORE.search(before) or ANOTHERS_AFTER.match(after):
        return Standing.THEIRS if THEIRS_AFTER.match(after) else Standing.ANOTHERS
    return Standing.A_THINGS if one.doubt == A_THINGS else Standing.THEIRS


def opens_with_not(text: str, one: Found) -> bool:
    """Who says no more than `wrong number, ...` speaks of what the shop had of them."""
    return NOT_BEFORE.match(text, 0, one.start) is not None


def _is_of_the_one_before(before: str, after: str, kind: Kind) -> bool:
    """`that was my old number, ...`, and no apposition."""
    lead = before.rstrip(" \"'(")
    if not lead.endswith((",", ":", "\n")) or APPOSITION.match(after):
        return False
    if DENIED_BEFORE.search(before):
        return not lead.endswith(":") and retracts(before, kind)
    return WRONG_TO_THEM.search(before) is None


def _is_ours(before: str, after: str) -> bool:
    if OURS_BEFORE.search(before):
        return THEIRS_AFTER.match(after) is None
    return bool(ASKED_ABOUT.search(before) and OURS_AFTER.match(after))
