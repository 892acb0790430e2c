"""What the mailer needs of the world: a way to send, a way to build, a way to remember receipts."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Literal, Protocol

import msgspec

from libs.blobs.port import Blob
from libs.leads.snapshot import LeadSnapshot
from libs.ledger.record import LeadKey
from services.mailer.letter.shape import Rung

LAUNCH_SECONDS: Final = 30.0
"""How old a signature or connection may be when the send begins; no fence may be shorter."""
SIGNATURE_SECONDS: Final = 300.0
"""How long AWS takes a signed request."""
SKEW_SECONDS: Final = 30.0
"""How wrong a machine's clock may be that sends."""


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of one attempt, addressed and tagged."""

    shop: str
    thread_id: str
    attempt: int
    lid: str
    """The attempt's nonce: two processes that prepare the same attempt stay apart."""
    sender: str
    """Bare address of the envelope."""
    recipients: tuple[str, ...]
    body: bytes
    waits_for_all: bool = False
    """While one of its recipients is put off, it leaves for nobody."""
    kind: Literal["lead", "alert"] = "lead"

    @property
    def name(self) -> str:
        """The attempt's own name: an idempotency key, and the outbox's file name."""
        return f"{self.shop}.{self.thread_id}.{self.attempt}"


def made(mail: Mail) -> Future[Mail]:
    """One that nobody has to wait for."""
    making = asyncio.get_running_loop().create_future()
    making.set_result(mail)
    return making


class Accepted(msgspec.Struct, frozen=True):
    """The provider took it."""

    message_id: str = ""


class Refused(msgspec.Struct, frozen=True):
    """A definite no: this mail has not left, and never will by this attempt."""

    code: str
    provider_wide: bool = False
    """It says nothing about this mail: delay without counting."""
    tell: bool = False
    """It will not heal by itself: a person must look at the account or the settings."""
    delay_seconds: float = 0.0
    of_sender: bool = False
    """It says so of every mail from this sender, and nothing about the others'."""
    temporary: bool = False
    """It may take this very mail later: greylisting, a full disk."""
    of_content: bool = False
    """A plainer mail may pass: one without attachments, or without a word that offends."""
    of_content_if_again: bool = False
    """So it may, should the very same happen to the next one."""


class Unknown(msgspec.Struct, frozen=True):
    """Nobody can know whether it left."""

    code: str


Outcome = Accepted | Refused | Unknown


class NotPrepared(Exception):  # noqa: N818 - it names what happened at the door
    """Refused before ARM: the provider has not seen a byte of the mail."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.code)
        self.refused = refused


class Windows(msgspec.Struct, frozen=True):
    """How long an armed attempt must be left alone when nobody answers for it."""

    fence_seconds: float
    """After this the provider accepts nothing that was prepared before."""
    evidence_seconds: float
    """How long its delivery events may take; 0 where it sends none."""


class Ready(Protocol):
    """Signed, or connected and past RCPT: only the mail itself has yet to leave."""

    @property
    def transport(self) -> str: ...

    @property
    def windows(self) -> Windows: ...

    @property
    def prepared_at(self) -> float:
        """`clock.boot()` just before the signature was made, or the connection was ready."""
        ...

    @property
    def passed_over(self) -> str:
        """What was said to recipients that were not taken, beside others that were."""
        ...

    async def send(self) -> Outcome:
        """Once. Never raises but for cancellation; bounded in time."""
        ...


class MailTransport(Protocol):
    """One provider. ARM stands between `prepare` and `send`.

    async with transport.prepare(making) as ready:  # sign, or connect, AUTH, MAIL, RCPT
        ... ARM ...
        outcome = await ready.send()                # the only step that can make it leave
    """

    @property
    def name(self) -> str: ...

    def prepare(self, making: Future[Mail]) -> AbstractAsyncContextManager[Ready]:
        """Whoever has to connect does so while the mail is made. Raises NotPrepared, and whatever
        the making raises. Leaving the block without `send` sends nothing.
        """
        ...

    async def fate(self, mail: Mail) -> Outcome:
        """What became of an armed attempt that nobody answered for.

        A capability: whoever can look it up, or has idempotency keys and can safely repeat the
        attempt under its name, answers Accepted or Refused; everyone else Unknown.
        """
        ...


class Variant(msgspec.Struct, frozen=True):
    """With the snapshot, everything that the bytes of a mail depend on."""

    attempt: int
    possible_copy: bool
    rung: Rung
    snapshot: str
    """Blob key of the snapshot: the mail's links are bound to it."""


class Composed(msgspec.Struct, frozen=True):
    """The bytes of a mail, and what its links open."""

    body: bytes
    links: tuple[Blob, ...] = ()


Compose = Callable[[LeadSnapshot, Variant], Awaitable[Composed]]
"""Byte-deterministic. Unavailable comes through; any other failure goes one rung down."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The provider took this attempt. Holds no personal data."""

    shop: str
    thread_id: str
    attempt: int
    at: float
    visitor: str = ""
    message_id: str = ""

    @property
    def key(self) -> LeadKey:
        return LeadKey(self.shop, self.thread_id)


class Journal(Protocol):
    """Receipts on this machine's own disk, until the record has them. Raises Unavailable."""

    async def write(self, receipt: Receipt) -> None:
        """On disk when this returns."""
        ...

    async def find(self, key: LeadKey) -> Receipt | None: ...

    async def receipts(self) -> list[Receipt]: ...

    async def drop(self, receipt: Receipt) -> None: ...
