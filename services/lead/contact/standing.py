"""Whose a value is, and whether it is to be used: the words right around it tell."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from services.lead.contact.doubts import Doubt
from services.lead.contact.words import (
    ANOTHERS_AFTER,
    ANOTHERS_BEFORE,
    ASKED_ABOUT,
    DENIED_AFTER,
    DENIED_BEFORE,
    LIMITED_AFTER,
    OURS_AFTER,
    OURS_BEFORE,
    THEIRS_AFTER,
)

_NEAR: Final = 60


class Standing(IntEnum):
    """The better one first. Only what is the shop's is dropped unseen."""

    THEIRS = 0
    ANOTHERS = 1
    DENIED = 2
    """Left out only where the customer gave another of its kind."""
    OURS = 3


DOUBTS: Final = {
    Standing.ANOTHERS: Doubt("anothers"),
    Standing.DENIED: Doubt("denied"),
}


def standing_of(text: str, start: int, end: int, *, since: int) -> Standing:
    """Of [start, end); the words up to `since` belong to the value before it."""
    before, after = text[max(since, start - _NEAR) : start], text[end : end + _NEAR]
    if _is_ours(before, after):
        return Standing.OURS
    if DENIED_BEFORE.search(before) or DENIED_AFTER.match(after):
        return Standing.THEIRS if LIMITED_AFTER.match(after) else Standing.DENIED
    if ANOTHERS_BEFORE.search(before) or ANOTHERS_AFTER.match(after):
        return Standing.THEIRS if THEIRS_AFTER.match(after) else Standing.ANOTHERS
    return Standing.THEIRS


def _is_ours(before: str, after: str) -> bool:
    if OURS_BEFORE.search(before):
        return THEIRS_AFTER.match(after) is None
    return bool(ASKED_ABOUT.search(before) and OURS_AFTER.match(after))
