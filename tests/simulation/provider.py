"""The mail providers of the simulated world, as seen through the mailer's transport port."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from libs.ledger.record import LeadKey
from libs.messages.mail import DeliveryEvent
from libs.runtime.clock import Clock
from services.mailer.adapters import outbox, ses, smtp
from services.mailer.letter.shape import Rung
from services.mailer.ports import (
    Accepted,
    Mail,
    NotPrepared,
    Outcome,
    Refused,
    Unknown,
    Windows,
)
from tests.simulation.checker import DISK_FULL, PUT_OFF, TOO_LARGE, Accept, Checker
from tests.simulation.faults import PROVIDER_RATE, Faults
from tests.simulation.plan import Transport

WINDOWS: Final = {"ses": ses.WINDOWS, "smtp": smtp.WINDOWS, "outbox": outbox.WINDOWS}
PROMISED: Final = {
    "ses": Windows(fence_seconds=300, evidence_seconds=1200),
    "smtp": Windows(fence_seconds=900, evidence_seconds=0),
    "outbox": Windows(fence_seconds=30, evidence_seconds=0),
}
"""What the checker measures by, whatever becomes of the constants above."""
SIGNATURE_SECONDS: Final = 300.0
"""SES refuses what was signed longer ago than this, by the signer's clock and its own."""
IDLE_SECONDS: Final = 300.0
"""Then an SMTP server hangs up (RFC 5321)."""
SOON_SECONDS: Final = 5.0
LATE_SECONDS: Final = 7200.0
FULL_SECONDS: Final = (7000.0, 10_000.0)
"""An event may come long after every window."""
GREYLISTED_SECONDS: Final = (300.0, 10_000.0)
SILENCE: Final = {
    "ses": ses.SEND_SECONDS, "smtp": smtp.SmtpServer(host="", port=0).dot_seconds,
}  # fmt: skip
"""How long a sender waits for the provider's last word."""
DELAYS: Final = {"ses": 900.0, "smtp": 290.0}
"""How long after it was sent a mail may be taken."""


class Letter(msgspec.Struct):
    """The body of a simulated mail."""

    thread_id: str
    attempt: int
    possible_copy: bool
    rung: int = 0


@dataclass
class Provider:
    """Outside our processes: what it took, it took, whoever dies."""

    faults: Faults
    checker: Checker
    now: Callable[[], float]
    """True time, on the epoch."""
    deliver: Callable[[DeliveryEvent], None]
    taken: list[Mail] = field(default_factory=list)
    drafts: set[tuple[str, str]] = field(default_factory=set)
    """The outbox folder's: name and nonce."""
    full_until: float = 0.0
    greylists: dict[str, float] = field(default_factory=dict)
    """Until when one of the recipients is put off, by thread."""

    def take(
        self, mail: Mail, transport: Transport, passed_over: str = "", age: float = 0.0
    ) -> Outcome:
        """What it decides in the moment the mail arrives, so long after it was signed."""
        self.taken.append(mail)
        if mail.kind == "alert":
            self.checker.on_alert(mail.recipients)
            return Accepted("alert")
        flagged = b'"possible_copy":true' in mail.body
        key = LeadKey(mail.shop, mail.thread_id)
        now = self.faults.loop.time()
        by_fallback = transport == self.faults.plan.fallback
        accept = Accept(
            mail.attempt, now, flagged, PROMISED[transport], by_fallback, bool(passed_over)
        )
        self.checker.on_accept(key, accept, mail.recipients)
        self.checker.on_accept_aged(key, accept, age)
        self.faults.note("accepted", mail.name, transport, flagged)
        if transport == "ses":
            self._tell(mail, "delivery")
            if self.faults.strikes("provider.bounces", mail.name, rate=PROVIDER_RATE):
                self._tell(mail, "bounce")
        return Accepted(f"taken-{mail.name}")

    def wants_plainer(self, mail: Mail) -> bool:
        """Some threads hold what it takes only from some rung on, for as long as we ask."""
        if mail.kind == "alert" or "provider.wants_plain" not in self.faults.plan.enabled:
            return False
        dice = random.Random(f"{self.faults.plan.seed}:{mail.thread_id}:rung")
        rich = msgspec.json.decode(mail.body, type=Letter).rung < dice.choice((0, *Rung))
        return rich and self.faults.befalls("provider.wants_plain", mail.name)

    def is_full(self, mail: Mail) -> bool:
        """Once it is, for so long that eight tries would be over."""
        faults, now = self.faults, self.faults.loop.time()
        if faults.strikes("provider.disk_full", mail.name, rate=PROVIDER_RATE):
            self.full_until = now + faults.rng.uniform(*FULL_SECONDS)
        return now < self.full_until

    def puts_off(self, mail: Mail) -> str:
        """What one of its recipients hears: for minutes, as by a greylist, or for hours."""
        faults, now = self.faults, self.faults.loop.time()
        if faults.strikes("provider.puts_off_one", mail.name, rate=PROVIDER_RATE):
            self.greylists[mail.thread_id] = now + faults.rng.choice(GREYLISTED_SECONDS)
        return PUT_OFF if now < self.greylists.get(mail.thread_id, 0) else ""

    def has(self, mail: Mail) -> bool:
        return any(mail.name == other.name and mail.kind == other.kind for other in self.taken)

    def _tell(self, mail: Mail, what: str) -> None:
        """A delivery event: lost, late, twice, and in any order."""
        event = DeliveryEvent(
            shop=mail.shop, thread_id=mail.thread_id, attempt=mail.attempt, event=what,
            message_id=f"taken-{mail.name}", at=self.now(),
        )  # fmt: skip
        faults = self.faults
        if faults.strikes("events.lost", mail.name, rate=0.5):
            return
        late = faults.strikes("events.late", mail.name, rate=0.5)
        wait = faults.rng.uniform(1, LATE_SECONDS if late else SOON_SECONDS)
        faults.loop.later(wait, self.deliver, event)
        if faults.strikes("events.doubled", mail.name, rate=0.5):
            faults.loop.later(faults.rng.uniform(1, LATE_SECONDS), self.deliver, event)


@dataclass(frozen=True)
class SimTransport:
    """MailTransport of one process: SES, an SMTP server or a folder."""

    provider: Provider
    clock: Clock
    faults: Faults
    name: Transport
    part: Literal["provider", "fallback"] = "provider"

    def strikes(self, what: str, mail: Mail) -> bool:
        """Each of two ways out has faults of its own."""
        return self.faults.strikes(f"{self.part}.{what}", mail.name, rate=PROVIDER_RATE)

    @asynccontextmanager
    async def prepare(self, making: asyncio.Future[Mail]) -> AsyncIterator[SimReady]:
        await self.faults.point("provider.prepare")
        mail = await making
        await asyncio.sleep(self.faults.rng.uniform(0.001, 0.05))
        if self.strikes("refuses_at_door", mail):
            raise NotPrepared(Refused("550"))
        if self.strikes("away", mail):
            raise NotPrepared(Refused("not_connected", provider_wide=True))
        passed_over = self._passed_over(mail)
        draft = (mail.name, mail.lid)
        if self.name == "outbox":
            self.provider.drafts.add(draft)
        try:
            yield SimReady(self, mail, self.clock.boot(), self.clock.now(), passed_over)
        finally:
            self.provider.drafts.discard(draft)

    def _passed_over(self, mail: Mail) -> str:
        """An SMTP server hears of the recipients one by one."""
        if self.name != "smtp" or mail.kind == "alert":
            return ""
        said = self.provider.puts_off(mail)
        if said and mail.waits_for_all:
            raise NotPrepared(Refused(said, temporary=True))
        return said

    async def fate(self, mail: Mail) -> Outcome:
        """Only a folder can be asked, and asking takes a draft that was not yet sent away."""
        if self.name != "outbox":
            return Unknown("no_idempotency_key")
        await self.faults.point("provider.fate")
        self.provider.drafts.discard((mail.name, mail.lid))
        if self.provider.has(mail):
            return Accepted(mail.name)
        return Refused("never_left", provider_wide=True)


@dataclass(frozen=True)
class SimReady:
    at: SimTransport
    mail: Mail
    prepared_at: float
    signed_at: float
    """What time the signer believes it was."""
    passed_over: str

    @property
    def transport(self) -> str:
        return self.at.name

    @property
    def windows(self) -> Windows:
        return WINDOWS[self.at.name]

    async def send(self) -> Outcome:
        mail, faults = self.mail, self.at.faults
        if mail.kind == "lead":
            key = LeadKey(mail.shop, mail.thread_id)
            waited = self.at.clock.boot() - self.prepared_at
            self.at.provider.checker.on_send(key, mail.attempt, mail.lid, waited)
        await faults.point("provider.send")
        if self.at.name == "outbox":
            return await self._renamed()
        await asyncio.sleep(faults.rng.uniform(0.005, 0.2))
        outcome = await self._outcome()
        await faults.point("provider.sent")
        faults.note("outcome", mail.name, type(outcome).__name__)
        return outcome

    async def _renamed(self) -> Outcome:
        """It happened or it did not, and whoever asks is told."""
        faults, provider = self.at.faults, self.at.provider
        if self.at.strikes("refuses", self.mail):
            return Refused("disk_full", provider_wide=True, tell=True)
        draft = (self.mail.name, self.mail.lid)
        if draft not in provider.drafts:
            return Refused("voided")
        provider.drafts.discard(draft)
        outcome = provider.take(self.mail, self.at.name)
        await faults.point("provider.sent")
        return outcome

    async def _outcome(self) -> Outcome:
        if no := self._refused():
            return no
        mail, faults, strikes = self.mail, self.at.faults, self.at.strikes
        if strikes("resets", mail):
            return Unknown("reset")
        if strikes("delays", mail):
            faults.loop.later(faults.rng.uniform(1, DELAYS[self.at.name]), self._arrive)
            await asyncio.sleep(SILENCE[self.at.name])
            return Unknown("timeout")
        outcome = self._arrive()
        if strikes("resets_after", mail):
            return Unknown("reset")
        if strikes("silent", mail):
            await asyncio.sleep(SILENCE[self.at.name])
            return Unknown("timeout")
        return outcome

    def _refused(self) -> Outcome | None:
        """Before a byte of it was taken."""
        if self.at.name == "smtp" and self._waited() > IDLE_SECONDS:
            return Refused("data_lost", provider_wide=True)
        if self.at.strikes("refuses", self.mail):
            return Refused("554")
        if self.at.part == "provider" and self.at.provider.is_full(self.mail):
            return Refused(DISK_FULL, temporary=True)
        if self.at.provider.wants_plainer(self.mail):
            return Refused(TOO_LARGE, of_content=True)
        if self.at.strikes("throttles", self.mail):
            return Refused("throttled", provider_wide=True, delay_seconds=60)
        return None

    def _arrive(self) -> Outcome:
        """SES looks at the signature when the mail arrives; SMTP at the line, before DATA."""
        provider = self.at.provider
        if self.at.name == "ses" and provider.now() - self.signed_at > SIGNATURE_SECONDS:
            return Refused("request_expired")
        return provider.take(self.mail, self.at.name, self.passed_over, self._age())

    def _age(self) -> float:
        """SES reads it off a date that the signer's clock wrote, so it may be wrong by the skew.
        SMTP has no date: the age of a connection is true, and its fence three times as long (the
        server's idle time, and our two waits for it: to take the mail, and to say so).
        """
        if self.at.name == "smtp":
            return self._waited()
        provider = self.at.provider
        by_date = provider.now() - self.signed_at
        return max(by_date, self._waited() - provider.checker.rules.skew_seconds)

    def _waited(self) -> float:
        """In true time."""
        return self.at.faults.loop.time() - self.prepared_at
