"""A provider and a disk in memory, honest by default, that can misbehave on request."""

from __future__ import annotations

from asyncio import Future
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from libs.ledger.record import LeadKey
from libs.runtime.clock import Clock
from services.mailer.ports import (
    Accepted,
    Mail,
    NotPrepared,
    Outcome,
    Receipt,
    Refused,
    Unknown,
    Windows,
)

HONEST: Final = Windows(fence_seconds=300, evidence_seconds=1200)

Fault = Callable[[str, Mail], Awaitable[Outcome | None]]
"""Asked at `prepare`, `send` and `reply`: None for nothing, an outcome to give, or raises."""


async def no_fault(_: str, __: Mail) -> Outcome | None:
    return None


@dataclass
class FakeTransport:
    """MailTransport: `accepted` is the truth about what the provider took.

    Like SES it takes nothing that was prepared longer than its fence ago. With `keyed` it knows
    idempotency keys: the same attempt again is the same mail.
    """

    clock: Clock
    fault: Fault = no_fault
    windows: Windows = HONEST
    name: str = "fake"
    keyed: bool = False
    put_off: str = ""
    """What it says to one of several recipients; a mail that waits for all it does not take."""
    accepted: list[Mail] = field(default_factory=list)
    begun: list[Mail] = field(default_factory=list)

    @asynccontextmanager
    async def prepare(self, making: Future[Mail]) -> AsyncIterator[FakeReady]:
        mail = await making
        fault = await self.fault("prepare", mail)
        if isinstance(fault, Refused):
            raise NotPrepared(fault)
        if self.put_off and mail.waits_for_all:
            raise NotPrepared(Refused(self.put_off, temporary=True))
        yield FakeReady(self, mail, self.clock.boot(), self.put_off)

    async def fate(self, mail: Mail) -> Outcome:
        if not self.keyed or not mail.body:
            return Unknown("no_idempotency_key")
        return self.take(mail, self.clock.boot())

    def take(self, mail: Mail, prepared_at: float) -> Outcome:
        """What the provider does with a request, whether or not its reply will arrive."""
        if self.clock.boot() - prepared_at > self.windows.fence_seconds:
            return Refused("signature_expired", provider_wide=True)
        if not (self.keyed and any(mail.name == other.name for other in self.accepted)):
            self.accepted.append(mail)
        return Accepted(f"fake-{mail.name}")


@dataclass(frozen=True)
class FakeReady:
    owner: FakeTransport
    mail: Mail
    prepared_at: float
    passed_over: str = ""

    @property
    def transport(self) -> str:
        return self.owner.name

    @property
    def windows(self) -> Windows:
        return self.owner.windows

    async def send(self) -> Outcome:
        self.owner.begun.append(self.mail)
        if (fault := await self.owner.fault("send", self.mail)) is not None:
            return fault
        outcome = self.owner.take(self.mail, self.prepared_at)
        return await self.owner.fault("reply", self.mail) or outcome


class MemoryJournal:
    """Journal: `kept` survives what its process does not."""

    def __init__(self) -> None:
        self.kept: dict[LeadKey, Receipt] = {}

    async def write(self, receipt: Receipt) -> None:
        self.kept[receipt.key] = receipt

    async def find(self, key: LeadKey) -> Receipt | None:
        return self.kept.get(key)

    async def receipts(self) -> list[Receipt]:
        return list(self.kept.values())

    async def drop(self, receipt: Receipt) -> None:
        self.kept.pop(receipt.key, None)
