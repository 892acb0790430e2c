"""Where lead records live: SQLite on one machine, DynamoDB on many."""

from __future__ import annotations

from typing import Protocol

from libs.ledger.record import LeadKey, LeadRecord, Watch


class LeadRecords(Protocol):
    """Every method raises Unavailable("records", ...) when the store does not answer in time."""

    async def read(self, key: LeadKey) -> LeadRecord | None:
        """A strongly consistent read."""
        ...

    async def write(self, record: LeadRecord, *, expected_version: int | None) -> bool:
        """Write if the stored version is `expected_version` (None: only if absent).

        False: somebody else wrote first. After a lost reply the caller reads back.
        """
        ...

    async def due(self, now: float, limit: int) -> list[LeadRecord]:
        """Records whose `due_at` has passed, the longest overdue first."""
        ...

    async def put_watch(self, watch: Watch) -> None:
        """Write or replace a visitor's watch."""
        ...

    async def due_watches(self, now: float, limit: int) -> list[Watch]: ...

    async def end_watch(self, watch: Watch) -> bool:
        """Remove it if it is still due when it was; False when a newer session moved it.

        Whatever else is in it, a field of another release too, does not count.
        """
        ...

    async def list_leads(self, shop: str, *, after: str = "", limit: int = 100) -> list[LeadRecord]:
        """Page through a shop's records in thread order (exports, `handoff forget`)."""
        ...

    async def clock_skew(self) -> float | None:
        """Our clock minus the store's, in seconds; None where the store has no clock of its own."""
        ...
