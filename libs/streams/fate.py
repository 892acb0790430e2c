"""What becomes of a delivery that failed: again later, or parked for a person."""

from __future__ import annotations

import random
from typing import Final

from libs.errors import Rejected, Retryable, Unavailable
from libs.streams.broker import DeadLetter, Entry, Later
from libs.streams.envelope import reseal, unseal

MAX_ATTEMPTS: Final = 12
"""About a quarter of an hour of backoff. An outage elsewhere (Unavailable) does not count."""

MAX_DELIVERIES: Final = 5
"""Deliveries of one entry that never came to an end: it is what ends its readers."""

_FIRST_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 300.0


def backoff_seconds(attempt: int, rng: random.Random) -> float:
    longest = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2.0 ** min(attempt - 1, 16))
    return longest * rng.uniform(0.5, 1.0)


def decide_fate(
    entry: Entry, attempt: int, error: Retryable | Rejected, now: float, rng: random.Random
) -> Later | DeadLetter:
    if isinstance(error, Rejected):
        return parked(entry, attempt, error.reason)
    opened, elsewhere = unseal(entry.body), isinstance(error, Unavailable)
    outages = opened.outages + elsewhere
    if not elsewhere and attempt - outages >= MAX_ATTEMPTS:
        return parked(entry, attempt, f"gave up: {error.reason}")
    wait = error.after_seconds
    at = now + (backoff_seconds(attempt, rng) if wait is None else wait)
    body = reseal(opened, attempts=attempt, outages=outages)
    return Later(entry.id, at, body, opened.timer)


def parked(entry: Entry, attempts: int, reason: str) -> DeadLetter:
    return DeadLetter("", entry.id, reason, attempts, entry.body)
