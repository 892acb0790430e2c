"""How often somebody may do something, and how often all of us together may spend money."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from libs.runtime.settings import Rate

Kind = Literal["rate", "cap"]


class Limit(msgspec.Struct, frozen=True):
    """One line of what must hold before a request is admitted."""

    name: str
    """As in the settings, lower case: `triggers_per_thread`. Shown and logged."""
    subject: str
    """Whose: an address, a visitor, a thread; empty for everybody together."""
    rate: Rate
    kind: Kind = "rate"
    """
    `rate`: GCRA, `count` at once and then one every `seconds / count`.
    `cap`: never more than `count` in one calendar window of `seconds` (UTC): a bill has an end.
    """


class Verdict(msgspec.Struct, frozen=True):
    """Whether all limits held. When one did not, none was charged."""

    refused: Limit | None = None
    """The one that takes longest to hold again."""
    retry_after_seconds: float = 0.0
    noted: bytes | None = None
    """The value of the key that was read along."""

    @property
    def retry_after(self) -> int:
        """Whole seconds, as a header and a log line say it."""
        return max(1, math.ceil(self.retry_after_seconds))


class Limits(Protocol):
    async def admit(self, shop: str, limits: Sequence[Limit], *, read: str = "") -> Verdict:
        """Charge every limit, or none; one round trip.

        `read` is a key with the shop's tag (such as `sent_key`) whose value comes back with the
        verdict. Limits that are `off` are skipped. Raises Unavailable("redis", ...).
        """
        ...


def limit_key(shop: str, limit: Limit) -> str:
    """All keys of a shop share one hash tag: one Lua call may touch them all."""
    return f"{{limits:{shop}}}:{limit.name}:{limit.subject}"
