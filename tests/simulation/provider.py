"""The mail provider of the simulated world, as seen through the mailer's transport port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec

from libs.ledger.record import LeadKey
from libs.messages.mail import DeliveryEvent
from libs.runtime.clock import Clock
from services.mailer.ports import (
    Accepted,
    Mail,
    NotPrepared,
    Outcome,
    Refused,
    Unknown,
    Windows,
)
from tests.simulation.checker import Checker
from tests.simulation.faults import PROVIDER_RATE, Faults

FENCE_SECONDS = 300.0
"""The provider refuses what was signed longer ago than this, by the signer's clock and its own."""
EVENT_SECONDS = 1100.0
SEND_SECONDS = 60.0


class Letter(msgspec.Struct):
    """The body of a simulated mail."""

    thread_id: str
    attempt: int
    possible_copy: bool


@dataclass
class Provider:
    """Outside our processes: what it took, it took, whoever dies."""

    faults: Faults
    checker: Checker
    now: Callable[[], float]
    """True time, on the epoch."""
    deliver: Callable[[DeliveryEvent], None]
    taken: list[Mail] = field(default_factory=list)

    def take(self, mail: Mail, signed_at: float) -> Outcome:
        """What it decides in the moment the mail arrives."""
        if self.now() - signed_at > FENCE_SECONDS:
            return Refused("request_expired")
        self.taken.append(mail)
        if mail.kind == "alert":
            return Accepted("alert")
        flagged = b'"possible_copy":true' in mail.body
        key = LeadKey(mail.shop, mail.thread_id)
        self.checker.on_accept(
            key, mail.attempt, self.faults.loop.time(),
            flagged=flagged, recipients=mail.recipients,
        )  # fmt: skip
        self.faults.note("accepted", mail.name, flagged)
        self._tell(mail, "delivery")
        if self.faults.strikes("provider.bounces", mail.name, rate=PROVIDER_RATE):
            self._tell(mail, "bounce")
        return Accepted(f"ses-{mail.name}")

    def _tell(self, mail: Mail, what: str) -> None:
        """A delivery event: lost, late, twice, and in any order."""
        event = DeliveryEvent(
            shop=mail.shop, thread_id=mail.thread_id, attempt=mail.attempt, event=what,
            message_id=f"ses-{mail.name}", at=self.now(),
        )  # fmt: skip
        faults = self.faults
        if faults.strikes("events.lost", mail.name, rate=0.5):
            return
        late = faults.strikes("events.late", mail.name, rate=0.5)
        faults.loop.later(faults.rng.uniform(1, EVENT_SECONDS if late else 5), self.deliver, event)
        if faults.strikes("events.doubled", mail.name, rate=0.5):
            faults.loop.later(faults.rng.uniform(1, EVENT_SECONDS), self.deliver, event)


@dataclass(frozen=True)
class SimTransport:
    """MailTransport of one process."""

    provider: Provider
    clock: Clock
    faults: Faults
    windows: Windows
    name: str = "ses"

    @asynccontextmanager
    async def prepare(self, mail: Mail) -> AsyncIterator[SimReady]:
        await self.faults.point("provider.prepare")
        await asyncio.sleep(self.faults.rng.uniform(0.001, 0.05))
        if self.faults.strikes("provider.refuses_at_door", mail.name, rate=PROVIDER_RATE):
            raise NotPrepared(Refused("550"))
        if self.faults.strikes("provider.away", mail.name, rate=PROVIDER_RATE):
            raise NotPrepared(Refused("not_connected", provider_wide=True))
        yield SimReady(self, mail, self.clock.boot(), self.clock.now(), self.windows)

    async def fate(self, mail: Mail) -> Outcome:
        return Unknown("no_idempotency_key")


@dataclass(frozen=True)
class SimReady:
    at: SimTransport
    mail: Mail
    prepared_at: float
    signed_at: float
    windows: Windows
    transport: str = "ses"

    async def send(self) -> Outcome:
        mail, faults = self.mail, self.at.faults
        if mail.kind == "lead":
            key = LeadKey(mail.shop, mail.thread_id)
            waited = self.at.clock.boot() - self.prepared_at
            self.at.provider.checker.on_send(key, mail.attempt, mail.lid, waited)
        await faults.point("provider.send")
        await asyncio.sleep(faults.rng.uniform(0.005, 0.2))
        outcome = await self._outcome()
        await faults.point("provider.sent")
        faults.note("outcome", mail.name, type(outcome).__name__)
        return outcome

    async def _outcome(self) -> Outcome:
        mail, faults, provider = self.mail, self.at.faults, self.at.provider
        if faults.strikes("provider.refuses", mail.name, rate=PROVIDER_RATE):
            return Refused("554")
        if faults.strikes("provider.throttles", mail.name, rate=PROVIDER_RATE):
            return Refused("throttled", provider_wide=True, delay_seconds=60)
        if faults.strikes("provider.resets", mail.name, rate=PROVIDER_RATE):
            return Unknown("reset")
        if faults.strikes("provider.delays", mail.name, rate=PROVIDER_RATE):
            delay = faults.rng.uniform(1, 900)
            faults.loop.later(delay, provider.take, mail, self.signed_at)
            await asyncio.sleep(SEND_SECONDS)
            return Unknown("timeout")
        outcome = provider.take(mail, self.signed_at)
        if faults.strikes("provider.silent", mail.name, rate=PROVIDER_RATE):
            await asyncio.sleep(SEND_SECONDS)
            return Unknown("timeout")
        return outcome
