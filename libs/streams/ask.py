"""Asking: a wish travels with an address, and its answer comes back there.

one answer      reply.<process>/<number>   one stream a process, read by one task
many chunks     answer.<id>                a short-lived stream of its own, readable again
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable
from typing import Final

import msgspec

from libs.errors import HandoffError, Unavailable
from libs.messages.base import Message
from libs.messages.streams import Reply
from libs.streams.broker import Broker
from libs.streams.envelope import UNREADABLE
from libs.streams.process import Process

_ENCODER: Final = msgspec.json.Encoder()


class Letter(msgspec.Struct, array_like=True, frozen=True):
    """An answer under the number of its question."""

    message: msgspec.Raw
    number: str = ""


_LETTER: Final = msgspec.json.Decoder(Letter)
_REPLY: Final = msgspec.json.Decoder(Reply)


async def send_reply(broker: Broker, reply_to: str, answers: Iterable[Message]) -> None:
    address, _, number = reply_to.partition("/")
    raws = (msgspec.Raw(_ENCODER.encode(answer)) for answer in answers)
    await broker.answer(address, *(_ENCODER.encode(Letter(raw, number)) for raw in raws))


class Answers:
    """The answers this process waits for."""

    def __init__(self, broker: Broker, process: Process) -> None:
        self._broker = broker
        self._process = process
        self._address = f"reply.{process.reader}"
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._reading: asyncio.Task[None] | None = None

    def expect(self) -> tuple[str, asyncio.Future[Message]]:
        """An address for one answer, and the answer to come."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name="replies")
        number = str(next(self._numbers))
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        answer.add_done_callback(lambda _: self._waiting.pop(number, None))
        return f"{self._address}/{number}", answer

    async def aclose(self) -> None:
        if self._reading:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def _read(self) -> None:
        """An error only means reading again from the first reply that was not forgotten."""
        after = ""
        while True:
            try:
                replies = await self._broker.pieces(
                    self._address, after=after, wait_seconds=self._process.pace.wait_seconds
                )
                for _, body in replies:
                    self._deliver(body)
                if replies:
                    after = replies[-1][0]
                    await self._broker.forget(self._address, [position for position, _ in replies])
            except HandoffError as error:
                if not isinstance(error, Unavailable):  # a bug, and no reason to answer nobody
                    kind = type(error).__name__
                    self._process.log.error("replies_refused", exception_type=kind)
                after = ""
                await asyncio.sleep(self._process.rng.uniform(0.1, 0.5))

    def _deliver(self, body: bytes) -> None:
        try:
            number, message = _open(body)
        except Unavailable:
            # Whoever asked runs into their timeout, as with a lost reply.
            self._process.log.error("reply_undecodable", bytes=len(body))
            return
        answer = self._waiting.get(number)
        if answer and not answer.done():
            answer.set_result(message)


async def read_chunks(
    broker: Broker, address: str, *, after: str, timeout_seconds: float, wait_seconds: float
) -> AsyncIterator[tuple[str, Message]]:
    """Until a chunk says it is the last. Raises TimeoutError, Unavailable."""
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout_seconds
    while True:
        wait = min(wait_seconds, until - loop.time())
        if wait <= 0:
            raise TimeoutError("the next chunk did not come in time")
        for position, body in await broker.pieces(address, after=after, wait_seconds=wait):
            after = position
            _, message = _open(body)
            yield f"{address}/{position}", message
            if getattr(message, "last", True):
                return
            until = loop.time() + timeout_seconds


def _open(body: bytes) -> tuple[str, Message]:
    try:
        letter = _LETTER.decode(body)
        return letter.number, _REPLY.decode(letter.message)
    except UNREADABLE as error:
        raise Unavailable("answer", "newer than we are, or no answer at all") from error
