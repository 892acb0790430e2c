"""The simulated parts are held to the contracts of the real ones."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import msgspec
import pytest

from libs.blobs.port import Blobs
from libs.leases.memory import MemorySentMarks
from libs.leases.port import SentMark
from libs.ledger.events import Rules
from libs.runtime.clock import SystemClock
from services.mailer.ports import Journal
from tests.clock import HandClock
from tests.contracts.test_blobs import BlobsContract
from tests.contracts.test_limits import LimitsContract
from tests.contracts.test_mail_transports import LossContract, TransportContract
from tests.simulation import provider
from tests.simulation.checker import Checker
from tests.simulation.faults import Faults, Plan, Transport
from tests.simulation.front import MarkedLimits
from tests.simulation.loop import SimLoop
from tests.simulation.provider import Provider, SimTransport
from tests.simulation.stores import SimBlobs, SimJournal
from tests.unit.mailer.test_journal import JournalContract


class WillingFaults(Faults):
    """Strikes when it is told to."""

    def __init__(self, plan: Plan | None = None) -> None:
        # It needs of its loop what every loop has; `later` only delivers events, ignored here.
        loop = cast(SimLoop, asyncio.get_running_loop())
        super().__init__(plan or Plan(seed=0), loop)
        self.wanted: set[str] = set()

    def strikes(self, fault: str, where: str = "", *, rate: float | None = None) -> bool:
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
