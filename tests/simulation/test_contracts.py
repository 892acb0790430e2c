"""The simulated provider is held to the contract of the real ones."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from libs.ledger.events import Rules
from libs.runtime.clock import SystemClock
from services.mailer.ports import Windows
from tests.contracts.test_mail_transports import RemoteContract
from tests.simulation import provider
from tests.simulation.checker import Checker
from tests.simulation.faults import Faults, Plan
from tests.simulation.loop import SimLoop
from tests.simulation.provider import Provider, SimTransport


class WillingFaults(Faults):
    """Strikes when it is told to."""

    def __init__(self) -> None:
        # It needs of its loop what every loop has; `later` only delivers events, ignored here.
        loop = cast(SimLoop, asyncio.get_running_loop())
        super().__init__(Plan(seed=0), loop)
        self.wanted: set[str] = set()

    def strikes(self, fault: str, where: str = "", *, rate: float | None = None) -> bool:
        return fault in self.wanted


class SimOffice:
    def __init__(self) -> None:
        self.faults = WillingFaults()
        self.faults.wanted.add("events.lost")
        clock = SystemClock()
        self.provider = Provider(
            self.faults, Checker(Rules(), frozenset()), clock.now, lambda _: None
        )
        self.transport = SimTransport(self.provider, clock, self.faults, Windows(300, 1200))

    def arrived(self) -> list[bytes]:
        return [mail.body for mail in self.provider.taken]

    def refuse_this(self) -> None:
        self.faults.wanted.add("provider.refuses")

    def refuse_everybody(self) -> None:
        self.faults.wanted.add("provider.throttles")

    def lose_reply(self) -> None:
        self.faults.wanted.add("provider.silent")

    async def vanish(self) -> None:
        self.faults.wanted.add("provider.away")


class TestSimTransport(RemoteContract):
    @pytest.fixture
    async def office(self, monkeypatch: pytest.MonkeyPatch) -> SimOffice:
        monkeypatch.setattr(provider, "SEND_SECONDS", 0.0)  # real time passes in this test
        return SimOffice()
