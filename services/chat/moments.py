"""What a conversation tells the agent whose turn it is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from libs.conversations.port import Item

_EMAIL: Final = re.compile(r"[^\s@]{1,64}@[^\s@.]{1,63}(?:\.[^\s@.]{1,63})+")
_NUMBER: Final = re.compile(r"(?<![\w$€])\+?\(?\d[\d\s().\-/]{5,24}\d(?!\w)")
_PHONE_DIGITS: Final = range(7, 16)
_YEARS: Final = re.compile(r"(19|20)\d\d\s*-\s*(19|20)\d\d")

TITLE_CHARACTERS: Final = 60


def customer_lines(items: Iterable[Item]) -> list[str]:
    return [item.text for item in items if item.speaker == "customer"]


def last_words(items: Sequence[Item]) -> str:
    """What the customer just said; empty when they only sent a photo."""
    return items[-1].text if items and items[-1].speaker == "customer" else ""


def is_reachable(items: Iterable[Item]) -> bool:
    """A phone number or email address in the customer's own words, as far as asking for one goes.

    What counts for the lead is decided where the lead is made, and more carefully.
    """
    return any(_EMAIL.search(line) or _has_phone(line) for line in customer_lines(items))


def _has_phone(line: str) -> bool:
    plain = "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in line)
    return any(
        sum(c.isdigit() for c in found) in _PHONE_DIGITS and not _YEARS.fullmatch(found)
        for found in _NUMBER.findall(plain)
    )


def title_of(items: Iterable[Item]) -> str:
    """A thread is called by what its customer said first; empty while they said nothing."""
    for line in customer_lines(items):
        words = " ".join(line.split())
        if len(words) > TITLE_CHARACTERS:
            cut = words[:TITLE_CHARACTERS]
            return (cut.rpartition(" ")[0] or cut) + "…"
        if words:
            return words
    return ""
