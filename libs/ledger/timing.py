"""How long a lead waits: every number of the protocol that is not a transport's own."""

from __future__ import annotations

import zlib
from typing import Final

DAY_SECONDS: Final = 24 * 3600
"""A refused mail goes to a person after this; a thread without contact closes after this."""
MOST_TRIES: Final = 8
"""Refusals of one mail before a person decides."""
MOST_UNKNOWN: Final = 3
"""Attempts of one lead whose fate nobody knows; then a person decides, whatever the policy."""
BACKOFF_CAP_SECONDS: Final = 30 * 60
PATIENCE_SECONDS: Final = 600
"""How long after its first refusal a mail still waits for a recipient who is put off: a greylist
ends in five minutes, and the others wait for a fresh lead.
"""
TELL_SECONDS: Final = 60
"""Whoever settled a record tells the person at once; after this the sweeper sees that they are."""
LOOK_AGAIN_SECONDS: Final = 600
"""After a process without the shop's profile: a deploy that adds a shop is over by then."""
HISTORY_STEPS: Final = 32


def backoff_seconds(tries: int, seed: str, first_seconds: float) -> float:
    """First x 2^k up to 30 minutes, less up to a quarter of it; the same seed, the same wait."""
    doublings = min(max(0, tries - 1), 10)
    return _spread(first_seconds * (1 << doublings), seed)


def growing_seconds(age_seconds: float, seed: str, first_seconds: float) -> float:
    """The same for what counts no tries: first + age doubles whenever it has been waited for."""
    return _spread(first_seconds + max(0.0, age_seconds), seed)


def _spread(seconds: float, seed: str) -> float:
    whole = min(BACKOFF_CAP_SECONDS, seconds)
    spread = zlib.crc32(seed.encode()) / 2**32
    return whole * (0.75 + 0.25 * spread)
