"""What a mailer could have known of an attempt before it armed the next one (half of I2)."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field

from libs.ledger.record import LeadKey


@dataclass
class Sight:
    """One delivery's view: when it began to look, and what it could not see."""

    since: float
    blind: set[str] = field(default_factory=set)
    """`journal`, `redis`: asked, and no true answer came."""


SIGHT: ContextVar[Sight | None] = ContextVar("sight", default=None)
"""Of the delivery whose code is running; None: nobody could look (a write that landed late)."""


HANDLING: ContextVar[bool] = ContextVar("handling", default=False)
"""Whether a handler's code is running, and not one of the loops beside it."""

THREAD: ContextVar[str] = ContextVar("thread", default="")
"""Which one the lead handler considers whose code is running."""


def blinded(part: str) -> None:
    if sight := SIGHT.get():
        sight.blind.add(part)


@dataclass
class Evidence:
    """Since when there has been proof that a mail was taken; what was lost is forgotten."""

    journals: dict[tuple[str, LeadKey], float] = field(default_factory=dict)
    """By machine."""
    marks: dict[LeadKey, float] = field(default_factory=dict)
    """True ones, of whichever attempt was taken."""
    events: dict[LeadKey, float] = field(default_factory=dict)
    """Delivery events whose handler has ended."""

    def forget(self, key: LeadKey) -> None:
        self.events.pop(key, None)
        self.marks.pop(key, None)
        for place in [place for place in self.journals if place[1] == key]:
            del self.journals[place]

    def seen_by(self, key: LeadKey, machine: str, sight: Sight | None) -> str:
        """What was there to be seen all the while of its attempt, or nothing."""
        if key in self.events:
            return "a delivery event"
        if sight is None:
            return ""
        never = float("inf")
        if "journal" not in sight.blind and self.journals.get((machine, key), never) < sight.since:
            return "a receipt in the journal"
        if "redis" not in sight.blind and self.marks.get(key, never) < sight.since:
            return "a mark in Redis"
        return ""
