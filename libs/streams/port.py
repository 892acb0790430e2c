"""What services know of the streams between them.

    handler ── Publisher.publish(wish) ──▶ stream ──▶ consume loop ──▶ handler(Delivery)
    gateway ── Asker.ask(wish) ──▶ ... handler ── Publisher.reply(delivery.reply_to, answer) ──▶

The stream a message goes to is `libs.messages.streams.STREAM_OF[type(message)]`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from libs.messages.base import Message
from libs.messages.streams import Stream
from libs.streams.pace import Pace

M_co = TypeVar("M_co", bound=Message, covariant=True)


class Delivery(msgspec.Struct, Generic[M_co], frozen=True, kw_only=True):
    """One attempt at one message. The attempt belongs to the delivery, not to the message."""

    message: M_co
    entry_id: str
    attempt: int = 1
    """1 for the first delivery; grows with every retry, reclaim and crash."""
    reply_to: str = ""
    deadline: float = 0.0
    """Epoch seconds after which nobody waits for the answer any more; 0: nobody ever did."""


Handler = Callable[[Delivery[M_co]], Awaitable[None]]
"""Returns: acked. Raises Retryable: delayed retry. Raises Rejected: dead-letter. May run twice."""


@dataclass(frozen=True)
class Consumer:
    """One stream this service reads."""

    stream: Stream
    handler: Handler[Any]
    concurrency: int = 16
    timeout_seconds: float = 60.0
    drop_expired: bool = False
    """True: a delivery past its deadline is acked unhandled (nobody waits for a stale mint)."""
    pace: Pace | None = None
    """None: the pace of the process."""


class Publisher(Protocol):
    async def publish(self, message: Message, *, reply_to: str = "", deadline: float = 0.0) -> None:
        """Durable in the stream when this returns. Raises Unavailable."""
        ...

    async def schedule(self, message: Message, *, key: str, at: float) -> None:
        """Publish `message` at epoch second `at`; a later call with the same key replaces it."""
        ...

    async def reply(self, reply_to: str, *answers: Message) -> None:
        """Answer a waiting asker, in one step; does nothing when `reply_to` is empty."""
        ...


class Asker(Protocol):
    async def ask(self, wish: Message, *, timeout_seconds: float) -> Message:
        """Publish and await the one answer. Raises TimeoutError, Unavailable.

        On TimeoutError the wish is in the stream and will still be handled.
        """
        ...

    def ask_many(
        self, wish: Message, *, timeout_seconds: float, resume: str = "", owner: str = ""
    ) -> AsyncIterator[tuple[str, Message]]:
        """Publish and yield (position, chunk) until one says `last`.

        `timeout_seconds` bounds the wait for each chunk. With `resume=<position>` nothing is
        published: it reads on from there, after a dropped connection; for nobody but the `owner`
        who asked. Raises ValueError for a position that is none of theirs, or no longer kept.
        """
        ...
