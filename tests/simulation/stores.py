"""The parts that keep state, as one process reaches them: over a network that fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from libs.blobs.fakes import MemoryBlobs
from libs.blobs.port import BlobInfo
from libs.conversations.fakes import MemoryConversations
from libs.errors import Unavailable
from libs.leases.fakes import MemoryLeases, MemorySentMarks
from libs.leases.port import SentMark
from libs.ledger.fakes import MemoryRecords
from libs.ledger.record import LeadKey, LeadRecord
from libs.messages.lead import ConsiderLead
from libs.messages.streams import LEAD_CONSIDER, SESSION_MINT
from libs.runtime.clock import Clock
from libs.streams.broker import DeadLetter, Entry, Turn
from libs.streams.envelope import decoder
from libs.streams.lanes import lanes_of
from libs.streams.memory import MemoryBroker
from services.mailer.ports import Receipt
from tests.simulation.checker import Checker
from tests.simulation.evidence import SIGHT, blinded
from tests.simulation.faults import EVEN, FORGOTTEN, Faults
from tests.simulation.loop import PROCESS, SimProcess

CONSIDER = decoder(ConsiderLead)
T = TypeVar("T")

NOTHING_DUE = Turn(paused=False, next_at=None)
MADE_UP = SentMark(visitor="v_nobody", sent_at=2e9)


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
        if before is not None and record.lid != before.lid:
            process = PROCESS.get()
            machine = process.machine if process else ""
            seen = self._checker.evidence.seen_by(record.key, machine, SIGHT.get())
            self._checker.on_armed_against(record.key, seen)
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
        act, part, reach = getattr(self._store, method), self._part, self._faults.call

        def call(*args: object, **kwargs: object) -> Awaitable[Any]:
            return reach(part, method, lambda: act(*args, **kwargs))

        self.__dict__[method] = call
        return call


class ReachedRecords(Reached):
    def __init__(self, store: CheckedRecords, faults: Faults, process: SimProcess) -> None:
        super().__init__("records", store, faults)
        self._process = process

    async def clock_skew(self) -> float | None:
        """As a Date header tells it; SQLite tells nothing."""
        return self._process.clock_offset if self._faults.plan.clock_told else None


class Forgetful(Reached):
    """A Redis that may say that it did what it did not, or that there was nothing to do."""

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        reached = super().__getattr__(method)
        if method not in FORGOTTEN:
            return reached

        def call(*args: object, **kwargs: object) -> Awaitable[Any]:
            if not self._faults.lies(method):
                return reached(*args, **kwargs)
            said = {"claim": [], "own": [], "turn": NOTHING_DUE}.get(method)
            return self._faults.call("redis", method, lambda: _untrue(said))

        self.__dict__[method] = call
        return call


class LyingLeases(Forgetful):
    """A Redis that may say the opposite of what is true."""

    async def take(self, name: str, nonce: str, seconds: float) -> bool:
        return await self._told("take", name, nonce, seconds)

    async def extend(self, name: str, nonce: str, seconds: float) -> bool:
        return await self._told("extend", name, nonce, seconds)

    async def _told(self, method: str, name: str, nonce: str, seconds: float) -> bool:
        act = getattr(self._store, method)
        said = await self._faults.call("redis", method, lambda: act(name, nonce, seconds))
        return said != self._faults.lies(method)


class LyingMarks(Reached):
    """It hides a mark, makes one up, or gives that of another thread."""

    _store: MemorySentMarks

    async def mark(self, shop: str, thread_id: str, mark: SentMark) -> None:
        store = self._store
        await self._faults.call("redis", "mark", lambda: store.mark(shop, thread_id, mark))

    async def read(self, shop: str, thread_id: str) -> SentMark | None:
        store = self._store
        try:
            mark = await self._faults.call(
                "redis", "read_mark", lambda: store.read(shop, thread_id)
            )
        except Unavailable:
            blinded("redis")
            raise
        if not self._faults.lies("read_mark"):
            return mark
        blinded("redis")
        return None if mark else self._faults.rng.choice([MADE_UP, *store.marks.values()])


class LyingBroker(Forgetful):
    """It says that it did what it did not, and gives one entry to two."""

    _store: MemoryBroker

    def __init__(self, stores: Stores, faults: Faults, checker: Checker) -> None:
        super().__init__("redis", stores.broker, faults)
        self._took = stores.took
        self._checker = checker

    async def add(self, lane: str, body: bytes) -> None:
        await self._said("add", lane, body)
        if lane.startswith(LEAD_CONSIDER.name):
            self._took.append(body)

    async def ack(self, lane: str, ids: Sequence[str]) -> None:
        stream = lane.partition(":")[0]
        if stream != SESSION_MINT.name:  # what nobody waits for any more is acked unhandled
            for entry_id in ids:
                self._checker.on_ack(stream, entry_id)
        await self._said("ack", lane, ids)

    async def park(self, lane: str, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            self._checker.on_parked(letter.reason)
        await self._said("park", lane, letters)

    async def read(self, lane: str, reader: str, *, count: int, wait_seconds: float) -> list[Entry]:
        store = self._store
        found = await self._faults.call(
            "redis", "read",
            lambda: store.read(lane, reader, count=count, wait_seconds=wait_seconds),
        )  # fmt: skip
        if self._faults.lies("read"):
            found += await store.claim(lane, reader, count=1, idle_seconds=0)
        return found

    async def _said(self, method: str, lane: str, what: Any) -> None:
        act = getattr(self._store, method)
        if self._faults.lies(method):
            act = _nothing
        await self._faults.call("redis", method, lambda: act(lane, what))


async def _nothing(*_: object) -> None:
    """Said to be done."""


async def _untrue(said: T) -> T:
    return said


class CheckedMarks(MemorySentMarks):
    """Since when there has been a mark is shown to the checker."""

    def __init__(self, checker: Checker, faults: Faults) -> None:
        super().__init__()
        self._since = checker.evidence.marks
        self._now = faults.loop.time

    async def mark(self, shop: str, thread_id: str, mark: SentMark) -> None:
        await super().mark(shop, thread_id, mark)
        self._since.setdefault(LeadKey(shop, thread_id), self._now())

    def restart(self, marks: dict[str, SentMark]) -> None:
        """Whoever looked while it was away saw nothing."""
        self.marks = marks
        self._since.clear()


class SimBlobs(MemoryBlobs):
    def __init__(self, faults: Faults, now: Callable[[], float]) -> None:
        super().__init__(self._listing, now)
        self._faults = faults

    async def _listing(self, method: str, key: str) -> None:
        if method == "list":
            await self._faults.call("blobs", "list", _nothing)

    async def put(self, key: str, body: bytes, *, content_type: str) -> None:
        act = super().put
        await self._faults.call("blobs", "put", lambda: act(key, body, content_type=content_type))

    async def get(self, key: str) -> bytes:
        act = super().get
        return await self._faults.call("blobs", "get", lambda: act(key))

    async def info(self, key: str) -> BlobInfo | None:
        act = super().info
        return await self._faults.call("blobs", "info", lambda: act(key))


class SimJournal:
    """Journal: a machine's own disk, which outlives its processes and sometimes fails."""

    def __init__(
        self, disk: dict[LeadKey, Receipt], machine: str, checker: Checker, faults: Faults
    ) -> None:
        self._disk = disk
        self._machine = machine
        self._since = checker.evidence.journals
        self._faults = faults

    async def write(self, receipt: Receipt) -> None:
        await self._faults.point("journal.write")
        failed = self._faults.strikes("journal.fails", "write")
        if not failed or self._faults.rng.random() < EVEN:
            self._disk[receipt.key] = receipt
            self._since.setdefault((self._machine, receipt.key), self._faults.loop.time())
        if failed:
            raise Unavailable("journal", "errno 5")
        await self._faults.point("journal.written")

    async def find(self, key: LeadKey) -> Receipt | None:
        if self._faults.strikes("journal.fails", "find"):
            blinded("journal")
            raise Unavailable("journal", "errno 5")
        return self._disk.get(key)

    async def receipts(self) -> list[Receipt]:
        self._perhaps("receipts")
        return list(self._disk.values())

    async def drop(self, receipt: Receipt) -> None:
        await self._faults.point("journal.drop")
        self._perhaps("drop")
        self._disk.pop(receipt.key, None)
        self._since.pop((self._machine, receipt.key), None)

    def _perhaps(self, method: str) -> None:
        if self._faults.strikes("journal.fails", method):
            raise Unavailable("journal", "errno 5")


@dataclass
class Stores:
    """What outlives every process."""

    records: CheckedRecords
    broker: MemoryBroker
    leases: MemoryLeases
    marks: CheckedMarks
    blobs: SimBlobs
    conversations: MemoryConversations
    disks: dict[str, dict[LeadKey, Receipt]] = field(default_factory=dict)
    took: list[bytes] = field(default_factory=list)
    """Every wish to consider a thread that Redis said it had taken."""

    def handed(self, process: SimProcess) -> list[str]:
        """Threads that a lead process was handed, whether it has heard of them yet or not."""
        lanes = [self.broker._lane(name) for name in lanes_of(LEAD_CONSIDER)]
        return [
            CONSIDER.decode(lane.entries[entry_id]).message.thread_id
            for lane in lanes
            for entry_id, pending in lane.pending.items()
            if pending.reader.startswith(f"{process.name}-")
        ]

    def flush_redis(self) -> None:
        self.broker.flush()
        self.leases.held.clear()
        self.marks.restart({})

    def photograph_redis(self) -> Callable[[], None]:
        """Later: restart it with what it had now, the tail since then lost."""
        restart, held, marks = self.broker.photograph(), dict(self.leases.held), self.marks.marks
        then = dict(marks)

        def restore() -> None:
            self.leases.held = held
            self.marks.restart(then)
            restart()

        return restore


def open_stores(checker: Checker, faults: Faults, clock: Clock) -> Stores:
    return Stores(
        records=CheckedRecords(checker, faults),
        broker=MemoryBroker(clock),
        leases=MemoryLeases(clock),
        marks=CheckedMarks(checker, faults),
        blobs=SimBlobs(faults, clock.now),
        conversations=MemoryConversations(),
    )
