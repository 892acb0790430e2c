"""The parts that keep state, as one process reaches them: over a network that fails."""

from __future__ import annotations

import copy
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from libs.blobs.fakes import MemoryBlobs
from libs.errors import Unavailable
from libs.leases.memory import MemoryLeases, MemorySentMarks
from libs.leases.port import SentMark
from libs.ledger.fakes import MemoryRecords
from libs.ledger.record import LeadKey, LeadRecord
from libs.runtime.clock import Clock
from libs.streams.memory import MemoryBroker
from services.mailer.ports import Receipt
from tests.simulation.checker import Checker
from tests.simulation.customers import SimConversations
from tests.simulation.faults import Faults
from tests.simulation.loop import SimProcess


class CheckedRecords(MemoryRecords):
    """Every write that lands is shown to the checker."""

    def __init__(self, checker: Checker, faults: Faults) -> None:
        super().__init__()
        self._checker = checker
        self._faults = faults

    def store(self, record: LeadRecord, expected_version: int | None) -> bool:
        before = self.leads.get(record.key)
        if not super().store(record, expected_version):
            return False
        now = self._faults.loop.time()
        self._faults.note("wrote", record.key, record.state, record.version)
        self._checker.on_write(before, record, now)
        return True


class Reached:
    """Any port of a store, every call of which goes over the failing network.

    Attribute access stands here for twenty methods that would all read the same.
    """

    def __init__(self, part: str, store: object, faults: Faults) -> None:
        self._part = part
        self._store = store
        self._faults = faults

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        act = getattr(self._store, method)

        async def call(*args: object, **kwargs: object) -> object:
            return await self._faults.call(self._part, method, lambda: act(*args, **kwargs))

        return call


class ReachedRecords(Reached):
    def __init__(self, store: CheckedRecords, faults: Faults, process: SimProcess) -> None:
        super().__init__("records", store, faults)
        self._process = process

    async def clock_skew(self) -> float | None:
        """As a Date header tells it."""
        return self._process.clock_offset


class LyingLeases(Reached):
    """A Redis that may say the opposite of what is true."""

    async def take(self, name: str, nonce: str, seconds: float) -> bool:
        return await self._told("take", name, nonce, seconds)

    async def extend(self, name: str, nonce: str, seconds: float) -> bool:
        return await self._told("extend", name, nonce, seconds)

    async def _told(self, method: str, name: str, nonce: str, seconds: float) -> bool:
        act = getattr(self._store, method)
        said = await self._faults.call("redis", method, lambda: act(name, nonce, seconds))
        return said != self._faults.strikes("redis.lies", method, rate=0.3)


class LyingMarks(Reached):
    async def read(self, shop: str, thread_id: str) -> SentMark | None:
        assert isinstance(self._store, MemorySentMarks)
        store = self._store
        mark = await self._faults.call("redis", "read", lambda: store.read(shop, thread_id))
        return None if self._faults.strikes("redis.lies", "mark", rate=0.3) else mark


class SimJournal:
    """Journal: a machine's own disk, which outlives its processes."""

    def __init__(self, disk: dict[LeadKey, Receipt], faults: Faults) -> None:
        self._disk = disk
        self._faults = faults

    async def write(self, receipt: Receipt) -> None:
        await self._faults.point("journal.write")
        self._disk[receipt.key] = receipt
        await self._faults.point("journal.written")

    async def find(self, key: LeadKey) -> Receipt | None:
        return self._disk.get(key)

    async def receipts(self) -> list[Receipt]:
        return list(self._disk.values())

    async def drop(self, receipt: Receipt) -> None:
        await self._faults.point("journal.drop")
        self._disk.pop(receipt.key, None)


@dataclass
class Stores:
    """What outlives every process."""

    records: CheckedRecords
    broker: MemoryBroker
    leases: MemoryLeases
    marks: MemorySentMarks
    blobs: MemoryBlobs
    conversations: SimConversations
    disks: dict[str, dict[LeadKey, Receipt]]
    faults: Faults

    def flush_redis(self) -> None:
        self.broker.flush()
        self.leases.held.clear()
        self.marks.marks.clear()

    def photograph_redis(self) -> Callable[[], None]:
        """Later: restart it with what it had now, the tail since then lost."""
        broker, leases, marks = self.broker, self.leases, self.marks
        then = copy.deepcopy((broker._lanes, broker._answers, leases.held, marks.marks))

        def restore() -> None:
            broker._lanes, broker._answers, leases.held, marks.marks = then

        return restore


def open_stores(checker: Checker, faults: Faults, clock: Clock) -> Stores:
    async def blob_call(method: str, _: str) -> None:
        await faults.point(f"blobs.{method}")
        if faults.strikes("blobs.throttled", method):
            raise Unavailable("blobs", "throttled")

    return Stores(
        records=CheckedRecords(checker, faults),
        broker=MemoryBroker(clock),
        leases=MemoryLeases(clock),
        marks=MemorySentMarks(),
        blobs=MemoryBlobs(blob_call, clock.now),
        conversations=SimConversations(),
        disks={},
        faults=faults,
    )


def new_rng(seed: int, who: str) -> random.Random:
    return random.Random(f"{seed}:{who}")
