"""What the streams need of a server: bytes in lanes, and no opinion about what they mean.

A lane is one partition of a stream. An entry lives in it until it is acked, put back for later or
parked; each of those is one step on the server, and harmless when it is done twice. Everything
that decides (attempts, backoff, timeouts, what is poison) stands above this port, in `consume.py`.

Every method raises Unavailable("redis", ...) when the server does not answer: then nobody knows
whether it was done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

SUSPECT_DELIVERIES: Final = 2
"""Handed out this often without an end, an entry may be what ends its readers."""

SILENT_SECONDS: Final = 20.0
"""An entry whose reader has not renewed it for so long is worked on by nobody."""

MOST_UNREAD: Final = 1000
"""In a lane that is further behind, due timers stay where two copies of one are one."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    id: str
    body: bytes
    deliveries: int = 1
    """How often it was handed out since it was added; more than 1 after a crash."""


class Later(msgspec.Struct, frozen=True):
    """An entry that is to come back at `at` (epoch seconds) as `body`."""

    entry_id: str
    at: float
    body: bytes
    timer: str = ""
    """The timer it came from, if any: of those one waits, the first."""


class DeadLetter(msgspec.Struct, frozen=True):
    """An entry that a person must look at, with the bytes it came in."""

    id: str
    """Of the dead letter; empty while it is being parked."""
    entry_id: str
    reason: str
    attempts: int
    body: bytes


class Turn(msgspec.Struct, frozen=True):
    """What a turn of the lane's clock found."""

    paused: bool
    next_at: float | None
    """When the earliest waiting entry or timer is due; None: of those it may add, none waits."""


class LaneStats(msgspec.Struct, frozen=True):
    unread: int = 0
    pending: int = 0
    later: int = 0
    """Delayed retries."""
    timers: int = 0
    dead: int = 0
    oldest_id: str = ""
    """Of those that nobody works on: unread, or their reader is silent."""
    paused: bool = False

    @property
    def oldest_at(self) -> float | None:
        """When that entry was added, by the server's clock."""
        return int(self.oldest_id.partition("-")[0]) / 1000 if self.oldest_id else None


class Broker(Protocol):
    async def prepare(self, lane: str) -> None:
        """Make the lane's reader group, from its first entry on, unless it is there."""
        ...

    async def add(self, lane: str, body: bytes) -> None: ...

    async def schedule(self, lane: str, key: str, at: float, body: bytes) -> None:
        """Add `body` at epoch second `at`; the same key again replaces time and body."""
        ...

    async def turn(self, lane: str, now: float) -> Turn:
        """Add what is due by `now`: delayed retries and timers. While paused, nothing."""
        ...

    async def read(self, lane: str, reader: str, *, count: int, wait_seconds: float) -> list[Entry]:
        """Up to `count` entries nobody has had; waits for the first.

        A lane without a reader group (FLUSHALL) is Unavailable until `prepare` makes one.
        """
        ...

    async def own(self, lane: str, reader: str, *, after: str, count: int) -> list[Entry]:
        """What is pending for this reader, past entry id `after`, oldest first; it is renewed.

        The reply to a read may have been lost: then entries are ours and we never saw them.
        To ask, to claim and to renew show that the reader lives.
        """
        ...

    async def claim(
        self, lane: str, reader: str, *, count: int, idle_seconds: float
    ) -> list[Entry]:
        """Take over up to `count` entries whose reader has been silent for `idle_seconds`.

        An entry that was handed out twice before comes alone: it may be what kills its reader.
        """
        ...

    async def renew(self, lane: str, reader: str, ids: Sequence[str]) -> None:
        """We still work on these: nobody shall claim them."""
        ...

    async def hand_back(self, lane: str, reader: str) -> None:
        """The reader leaves: whatever is pending for it may be claimed at once."""
        ...

    async def ack(self, lane: str, ids: Sequence[str]) -> None: ...

    async def put_back(self, lane: str, entries: Sequence[Later]) -> None: ...

    async def park(self, lane: str, letters: Sequence[DeadLetter]) -> None: ...

    async def dead(self, lane: str, *, after: str = "", count: int = 100) -> list[DeadLetter]: ...

    async def revive(self, lane: str, dead_id: str, body: bytes) -> bool:
        """Put `body` into the lane in place of a dead letter; False when it is gone."""
        ...

    async def drop(self, lane: str, dead_id: str) -> bool: ...

    async def erase(self, lane: str, words: Sequence[bytes]) -> int:
        """Every entry, delayed retry, timer and dead letter that holds one of `words`; how many."""
        ...

    async def erase_answers(self, words: Sequence[bytes]) -> int:
        """Every `answer.…` with a piece that holds one of `words`; how many. In a `reply.…` stand
        verdicts for many, without a word that was said.
        """
        ...

    async def pause(self, lane: str, *, paused: bool) -> None: ...

    async def stats(self, lane: str) -> LaneStats: ...

    async def silence(self, lane: str) -> float | None:
        """Seconds since a reader last showed that it lives; None: it has no reader."""
        ...

    async def answer(self, address: str, *bodies: bytes) -> None:
        """Append to an answer, in one step: a reader who waits gets all of it. It is forgotten
        some minutes after the last piece.
        """
        ...

    async def pieces(
        self, address: str, *, after: str, wait_seconds: float
    ) -> list[tuple[str, bytes]]:
        """Pieces of an answer past position `after`; waits for the first."""
        ...

    async def forget(self, address: str, positions: Sequence[str]) -> None:
        """These pieces were read and nobody will ask for them again."""
        ...
