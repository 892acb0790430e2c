"""The streams as services use them: Publisher, Asker, and the loop that feeds their handlers."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from libs.errors import Unavailable
from libs.messages.base import Message
from libs.messages.streams import STREAM_OF, STREAMS
from libs.streams.ask import Answers, read_chunks, send_reply
from libs.streams.broker import Broker
from libs.streams.consume import LaneLoop
from libs.streams.envelope import seal
from libs.streams.lanes import lane_of, lanes_of
from libs.streams.oversight import Oversight
from libs.streams.port import Consumer
from libs.streams.process import Process

if TYPE_CHECKING:
    from libs.redis.client import Redis

MEASURE_SECONDS: Final = 10.0
_POSITION: Final = re.compile(
    r"(answer\.[A-Za-z0-9_-]{1,64}\.([0-9a-f]{24}))/([0-9]{1,19}-[0-9]{1,19})"
)
"""Redis refuses numbers of 2^64 and more, and other digits."""


@dataclass
class Streams:
    broker: Broker
    process: Process
    client: Redis | None = None
    _answers: Answers = field(init=False)

    def __post_init__(self) -> None:
        self._answers = Answers(self.broker, self.process)

    @property
    def redis(self) -> Redis:
        """The client for leases, sent marks and limits."""
        if self.client is None:
            raise LookupError("these streams do not run on a Redis")
        return self.client

    async def answers(self) -> bool:
        """Whether the Redis does. Raises Unavailable."""
        return bool(await self.redis.execute("PING"))

    @property
    def oversight(self) -> Oversight:
        return Oversight(self.broker)

    async def publish(self, message: Message, *, reply_to: str = "", deadline: float = 0.0) -> None:
        stream = STREAM_OF[type(message)]
        await self.broker.add(lane_of(stream, message), seal(message, reply_to, deadline))

    async def schedule(self, message: Message, *, key: str, at: float) -> None:
        stream = STREAM_OF[type(message)]
        await self.broker.schedule(lane_of(stream, message), key, at, seal(message, timer=key))

    async def reply(self, reply_to: str, *answers: Message) -> None:
        if reply_to:
            await send_reply(self.broker, reply_to, answers)

    async def ask(self, wish: Message, *, timeout_seconds: float) -> Message:
        """Publishing has the broker's timeout: ours would claim that the wish is in the stream."""
        reply_to, answer = self._answers.expect()
        deadline = self.process.clock.now() + timeout_seconds
        until = asyncio.get_running_loop().time() + timeout_seconds
        try:
            await self.publish(wish, reply_to=reply_to, deadline=deadline)
            async with asyncio.timeout_at(until):
                return await answer
        finally:
            answer.cancel()

    async def ask_many(
        self, wish: Message, *, timeout_seconds: float, resume: str = "", owner: str = ""
    ) -> AsyncIterator[tuple[str, Message]]:
        address, after = f"answer.{self.process.new_id()}.{_mark(owner)}", ""
        if resume:
            address, after = _place(resume, owner)
            if not await self.broker.pieces(address, after="", wait_seconds=0):
                raise ValueError("the answer is no longer kept")
        else:
            deadline = self.process.clock.now() + timeout_seconds
            await self.publish(wish, reply_to=address, deadline=deadline)
        async for chunk in read_chunks(
            self.broker,
            address,
            after=after,
            timeout_seconds=timeout_seconds,
            wait_seconds=self.process.pace.wait_seconds,
        ):
            yield chunk

    async def consume(self, consumer: Consumer, stop: asyncio.Event) -> None:
        """Until `stop`; when cancelled, what is running is dropped and comes back by itself."""
        async with asyncio.TaskGroup() as group:
            for lane in lanes_of(consumer.stream):
                group.create_task(LaneLoop(lane, consumer, self.broker, self.process).run(stop))

    async def measure(self) -> None:
        """For ever. Also what others read: with all of those dead, who else would tell?"""
        while True:
            with suppress(Unavailable):  # the read loops say so; gauges keep their last value
                for stream in STREAMS:
                    await self.oversight.measure(stream, self.process.metrics, self.process.clock)
            await asyncio.sleep(MEASURE_SECONDS)

    async def aclose(self) -> None:
        await self._answers.aclose()
        if self.client is not None:
            await self.client.aclose()


def _place(position: str, owner: str) -> tuple[str, str]:
    """It comes from outside. Raises ValueError."""
    found = _POSITION.fullmatch(position)
    if not found or found[2] != _mark(owner):
        raise ValueError("not a position in an answer to this owner")
    return found[1], found[3]


def _mark(owner: str) -> str:
    """Whose an answer is, as part of its address: with another mark there is no such answer."""
    return hashlib.blake2b(owner.encode(), digest_size=12).hexdigest()
