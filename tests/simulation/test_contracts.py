"""The simulated parts are held to the contracts of the real ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import pytest

from libs.blobs.port import Blobs
from libs.conversations.fakes import MemoryConversations
from libs.conversations.port import Conversations
from libs.leases.fakes import MemoryLeases, MemorySentMarks
from libs.leases.port import Leases, SentMark, SentMarks, lease_key
from libs.ledger.events import Rules
from libs.ledger.port import LeadRecords
from libs.ledger.record import LeadKey
from libs.runtime.clock import SystemClock
from libs.streams.broker import Broker
from services.mailer.ports import Journal
from tests.clock import HandClock
from tests.contracts.houses import House, MemoryHouse
from tests.contracts.test_blobs import BlobsContract
from tests.contracts.test_conversations import ConversationsContract
from tests.contracts.test_lead_records import LeadRecordsContract
from tests.contracts.test_leases import LeasesContract, SentMarksContract
from tests.contracts.test_limits import LimitsContract
from tests.contracts.test_mail_transports import LossContract, TransportContract
from tests.contracts.test_streams_broker import BrokerContract, Flush
from tests.contracts.test_summary_models import SummaryModelContract
from tests.simulation import model, provider
from tests.simulation.checker import Checker
from tests.simulation.faults import Faults
from tests.simulation.front import MarkedLimits
from tests.simulation.loop import SimLoop, SimProcess
from tests.simulation.model import summary_model
from tests.simulation.plan import Plan, Transport
from tests.simulation.provider import Provider, SimTransport
from tests.simulation.stores import (
    CheckedMarks,
    CheckedRecords,
    LyingBroker,
    LyingLeases,
    LyingMarks,
    Reached,
    ReachedRecords,
    SimBlobs,
    SimJournal,
    Stores,
    open_stores,
)
from tests.transcripts import Transcript
from tests.unit.mailer.test_journal import JournalContract


class ThisLoop:
    """The running loop with a simulated one's `now`; `later` only delivers events, ignored here."""

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def passing(self, seconds: float) -> Awaitable[None]:
        return asyncio.sleep(seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio.get_running_loop(), name)


class WillingFaults(Faults):
    """Strikes when it is told to."""

    def __init__(self, plan: Plan | None = None) -> None:
        super().__init__(plan or Plan(seed=0), cast(SimLoop, ThisLoop()))
        self.wanted: set[str] = set()
        self.passed: list[str] = []

    async def point(self, where: str) -> None:
        self.passed.append(where)
        await super().point(where)

    def strikes(self, fault: str, where: str = "", **_: object) -> bool:
        return fault in self.wanted


def a_checker() -> Checker:
    return Checker(Rules(), frozenset())


class SimOffice:
    def __init__(self, transport: Transport) -> None:
        self.faults = WillingFaults(Plan(seed=0, transport=transport))
        self.faults.wanted.add("events.lost")
        clock = SystemClock()
        self.provider = Provider(self.faults, a_checker(), clock.now, lambda _: None)
        self.transport = SimTransport(self.provider, clock, self.faults, transport)

    def arrived(self) -> list[bytes]:
        return [mail.body for mail in self.provider.taken]

    def refuse_this(self) -> None:
        """An outbox refuses one mail when its draft was taken away."""
        if self.transport.name == "outbox":
            self.provider.drafts.clear()
        else:
            self.faults.wanted.add("provider.refuses")

    def refuse_everybody(self) -> None:
        full = self.transport.name == "outbox"
        self.faults.wanted.add("provider.refuses" if full else "provider.throttles")

    def lose_reply(self) -> None:
        self.faults.wanted.add("provider.silent")

    async def vanish(self) -> None:
        self.faults.wanted.add("provider.away")


class TestSimSes(TransportContract, LossContract):
    @pytest.fixture
    async def office(self, monkeypatch: pytest.MonkeyPatch) -> SimOffice:
        monkeypatch.setitem(provider.SILENCE, "ses", 0.0)  # real time passes in this test
        return SimOffice("ses")


class TestSimSmtp(TransportContract, LossContract):
    @pytest.fixture
    async def office(self, monkeypatch: pytest.MonkeyPatch) -> SimOffice:
        monkeypatch.setitem(provider.SILENCE, "smtp", 0.0)
        return SimOffice("smtp")


class TestSimOutbox(TransportContract):
    @pytest.fixture
    async def office(self) -> SimOffice:
        return SimOffice("outbox")


class TestSimBlobs(BlobsContract):
    @pytest.fixture
    async def blobs(self) -> Blobs:  # type: ignore[override] - its faults need a loop
        return SimBlobs(WillingFaults(), SystemClock().now)


class TestMarkedLimits(LimitsContract):
    @pytest.fixture
    def clock(self) -> HandClock:
        return HandClock()

    @pytest.fixture
    def marks(self) -> MemorySentMarks:
        return MemorySentMarks()

    @pytest.fixture
    async def limits(self, clock: HandClock, marks: MemorySentMarks) -> MarkedLimits:
        return MarkedLimits(clock, marks, WillingFaults())

    @pytest.fixture
    def put(self, marks: MemorySentMarks) -> Any:
        async def put(key: str, value: bytes) -> None:
            marks.marks[key] = msgspec.json.decode(value, type=SentMark)

        return put


class TestSimJournal(JournalContract):
    @pytest.fixture
    async def journal(self) -> Journal:  # type: ignore[override] - its faults need a loop
        return SimJournal({}, "machine-1", a_checker(), WillingFaults())


class TestLyingBroker(BrokerContract):
    """All of these do as they are told until a fault strikes."""

    @pytest.fixture
    async def stores(self) -> Stores:
        return open_stores(a_checker(), WillingFaults(), SystemClock())

    @pytest.fixture
    async def broker(self, stores: Stores) -> Broker:
        return cast(Broker, LyingBroker(stores, WillingFaults(), a_checker()))

    @pytest.fixture
    def flush(self, stores: Stores) -> Flush:
        async def flush() -> None:
            stores.flush_redis()

        return flush


class TestLyingLeases(LeasesContract):
    @pytest.fixture
    def held(self) -> MemoryLeases:
        return MemoryLeases(SystemClock())

    @pytest.fixture
    async def leases(self, held: MemoryLeases) -> Leases:
        self.held = held
        return cast(Leases, LyingLeases("redis", held, WillingFaults()))

    async def seconds_left(self, leases: Leases) -> float:
        return self.held.held[lease_key("t")][1] - SystemClock().boot()


class TestLyingMarks(SentMarksContract):
    @pytest.fixture
    async def marks(self) -> SentMarks:
        faults = WillingFaults()
        return cast(SentMarks, LyingMarks("redis", CheckedMarks(a_checker(), faults), faults))


class TestReachedRecords(LeadRecordsContract):
    @pytest.fixture
    async def records(self) -> LeadRecords:
        faults = WillingFaults()
        self.store = CheckedRecords(a_checker(), faults)
        process = SimProcess("mailer-1", "machine-1")
        return cast(LeadRecords, ReachedRecords(self.store, faults, process))

    async def spoil(self, records: LeadRecords, key: LeadKey) -> None:
        self.store.spoiled.add(key)


class TestReachedConversations(ConversationsContract):
    @pytest.fixture
    async def house(self) -> House:
        house = MemoryHouse(MemoryConversations())
        reached = Reached("conversations", house.source, WillingFaults())
        return ReachedHouse(house, cast(Conversations, reached))


@dataclass
class ReachedHouse:
    house: House
    source: Conversations

    async def keep(self, thread_id: str, visitor: str, transcript: Transcript) -> None:
        await self.house.keep(thread_id, visitor, transcript)


class SimProvider:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._faults = WillingFaults()
        self.model = summary_model(self._faults, a_checker(), attempt_seconds=0.1)
        self.said = model.draft(ready=False)

    def asked(self) -> int:
        return self._faults.passed.count("model.ask")

    def _cut(self, where: str) -> None:
        self._monkeypatch.setattr(model, "CUTS", (where,))
        self._faults.wanted.add("model.cut_off")

    def cut_text(self) -> None:
        self._cut("text")

    def cut_answer(self) -> None:
        self._cut("answer")

    def cut_body(self) -> None:
        self._cut("body")

    def cut_connection(self) -> None:
        self._cut("connection")

    def throttle(self) -> None:
        self._faults.wanted.add("model.throttled")

    def hang(self) -> None:
        self._faults.wanted.add("model.hangs")


class TestSimModel(SummaryModelContract):
    @pytest.fixture
    async def provider(self, monkeypatch: pytest.MonkeyPatch) -> SimProvider:
        monkeypatch.setattr(model, "THINKS_SECONDS", (0.0, 0.0))  # real time passes in this test
        return SimProvider(monkeypatch)

    def test_cuts_are_all_that_the_contract_knows(self) -> None:
        assert {f"cut_{where}" for where in model.CUTS} == {
            name for name in dir(SimProvider) if name.startswith("cut_")
        }
