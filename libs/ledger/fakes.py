"""Lead records in memory: atomic like the real ones, with a hook where a store can misbehave."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from libs.errors import Rejected
from libs.ledger.port import Held, Overdue, Place
from libs.ledger.record import LeadKey, LeadRecord, State, Watch

Hook = Callable[[str, object], Awaitable[None]]
"""Called as (method, argument) before each call; may wait or raise Unavailable."""


class MemoryRecords:
    """LeadRecords: `leads` and `watches` are plain dicts, `writes` counts what was stored."""

    def __init__(self, hook: Hook | None = None) -> None:
        self.leads: dict[LeadKey, LeadRecord] = {}
        self.watches: dict[tuple[str, str], Watch] = {}
        self.spoiled: set[LeadKey] = set()
        """Records that are there and cannot be read."""
        self.writes = 0
        self.skew: float | None = None
        self._hook = hook

    async def _before(self, method: str, argument: object) -> None:
        if self._hook is not None:
            await self._hook(method, argument)

    async def read(self, key: LeadKey) -> LeadRecord | None:
        await self._before("read", key)
        if key in self.spoiled:
            raise Rejected(f"the record of {key.thread_id} cannot be read")
        return self.leads.get(key)

    async def write(self, record: LeadRecord, *, expected_version: int | None) -> bool:
        await self._before("write", record)
        return self.store(record, expected_version)

    def store(self, record: LeadRecord, expected_version: int | None) -> bool:
        """The conditional write itself; the simulator applies a lost request late with it."""
        stored = self.leads.get(record.key)
        if (stored.version if stored is not None else None) != expected_version:
            return False
        self.leads[record.key] = record
        self.writes += 1
        return True

    async def due(self, now: float, limit: int, after: Place | None = None) -> Overdue:
        await self._before("due", now)
        places = sorted(
            Place(record.due_at, record.key)
            for record in self.leads.values()
            if record.due_at is not None and record.due_at <= now
        )
        page = [place for place in places if after is None or place > after][:limit]
        keys = [place.key for place in page]
        return Overdue(
            [self.leads[key] for key in keys if key not in self.spoiled],
            [key for key in keys if key in self.spoiled],
            page[-1] if len(page) == limit else None,
        )

    async def put_watch(self, watch: Watch) -> None:
        await self._before("put_watch", watch)
        self.watches[watch.shop, watch.visitor] = watch

    async def due_watches(self, now: float, limit: int) -> list[Watch]:
        await self._before("due_watches", now)
        overdue = [watch for watch in self.watches.values() if watch.due_at <= now]
        return sorted(overdue, key=lambda watch: watch.due_at)[:limit]

    async def end_watch(self, watch: Watch) -> bool:
        await self._before("end_watch", watch)
        stored = self.watches.get((watch.shop, watch.visitor))
        if stored is None or stored.due_at != watch.due_at:
            return False
        del self.watches[watch.shop, watch.visitor]
        return True

    async def held(self, limit: int) -> Held:
        await self._before("held", None)
        held = [key for key, one in self.leads.items() if one.state is State.HELD][:limit]
        return Held(
            [self.leads[key] for key in held if key not in self.spoiled],
            [key for key in held if key in self.spoiled],
        )

    async def list_keys(self, shop: str, *, after: str = "", limit: int = 100) -> list[LeadKey]:
        await self._before("list_keys", shop)
        found = sorted(key for key in self.leads if key.shop == shop and key.thread_id > after)
        return found[:limit]

    async def clock_skew(self) -> float | None:
        await self._before("clock_skew", None)
        return self.skew
