"""Where lead records live: SQLite on one machine, DynamoDB on many."""

from __future__ import annotations

from typing import Protocol

import msgspec

from libs.ledger.record import LeadKey, LeadRecord, Watch


class Place(msgspec.Struct, frozen=True, order=True):
    """Where something stands among all that is overdue."""

    due_at: float
    key: LeadKey


class Overdue(msgspec.Struct, frozen=True):
    """One page of it."""

    records: list[LeadRecord]
    unreadable: list[LeadKey]
    """Due as well, but nobody can tell for what."""
    ends_at: Place | None
    """The next page begins behind it; None: this was the last one."""


class Held(msgspec.Struct, frozen=True):
    """What waits for a person."""

    records: list[LeadRecord]
    unreadable: list[LeadKey]
    """It was held when it could still be read."""


class LeadRecords(Protocol):
    """Every method raises Unavailable("records", ...) when the store does not answer in time."""

    async def read(self, key: LeadKey) -> LeadRecord | None:
        """A strongly consistent read. Raises Rejected when what it finds cannot be read."""
        ...

    async def write(self, record: LeadRecord, *, expected_version: int | None) -> bool:
        """Write if the stored version is `expected_version` (None: only if absent).

        False: somebody else wrote first. After a lost reply the caller reads back.
        """
        ...

    async def due(self, now: float, limit: int, after: Place | None = None) -> Overdue:
        """Records whose `due_at` has passed, the longest overdue first."""
        ...

    async def put_watch(self, watch: Watch) -> None:
        """Write or replace a visitor's watch."""
        ...

    async def due_watches(self, now: float, limit: int) -> list[Watch]:
        """One that is spoiled is due all the same, without its page and language."""
        ...

    async def end_watch(self, watch: Watch) -> bool:
        """Remove it if it is still due when it was; False when a newer session moved it.

        Whatever else is in it, a field of another release too, does not count.
        """
        ...

    async def held(self, limit: int) -> Held:
        """Those that wait for a person, of all shops, in no order that means anything."""
        ...

    async def list_keys(self, shop: str, *, after: str = "", limit: int = 100) -> list[LeadKey]:
        """Page through a shop's threads in their order (exports, `handoff forget`)."""
        ...

    async def clock_skew(self) -> float | None:
        """Our clock minus the store's, in seconds; None where the store has no clock of its own."""
        ...
