"""Streams on a real Redis for tests: opened as a process opens them, with a quicker pace."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from libs.messages.lead import ConsiderLead
from libs.messages.streams import LEAD_CONSIDER, Stream
from libs.redis.address import connect
from libs.redis.client import Redis
from libs.runtime.ids import random_id
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.streams.pace import Pace
from libs.streams.port import Consumer, Delivery
from libs.streams.process import Process
from libs.streams.redis import RedisBroker
from libs.streams.streams import Streams

QUICK = Pace(
    wait_seconds=0.5, turn_seconds=0.05, renew_seconds=0.2, claim_seconds=0.2, idle_seconds=1.0,
)  # fmt: skip
"""A tenth of production's; the order of these times is the same."""


def wish(thread: str = "cthr_1") -> ConsiderLead:
    return ConsiderLead(shop="s", thread_id=thread, reason="idle")


@contextlib.asynccontextmanager
async def streams_at(redis: str | Redis, name: str = "test") -> AsyncIterator[Streams]:
    client = connect(redis, name=name) if isinstance(redis, str) else redis
    log = Log(name, out=io.StringIO())
    process = Process(f"{name}-{random_id()}", Metrics(), log, pace=QUICK)
    streams = Streams(RedisBroker(client), process, client)
    try:
        yield streams
    finally:
        await streams.aclose()


Does = Callable[[Delivery[ConsiderLead]], Awaitable[None]]


@dataclass
class Seen:
    threads: list[str] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, true: Callable[[], bool], seconds: float = 60) -> None:
        async with asyncio.timeout(seconds):
            while not true():
                self._more.clear()
                await self._more.wait()

    def add(self, delivery: Delivery[ConsiderLead]) -> None:
        self.threads.append(delivery.message.thread_id)
        self.attempts.append(delivery.attempt)
        asyncio.get_running_loop().call_soon(self._more.set)


@contextlib.asynccontextmanager
async def consuming(
    streams: Streams, does: Does | None = None, **options: Any
) -> AsyncIterator[Seen]:
    seen, stop = Seen(), asyncio.Event()

    async def handler(delivery: Delivery[ConsiderLead]) -> None:
        if does:
            await does(delivery)
        seen.add(delivery)

    async with asyncio.TaskGroup() as group:
        group.create_task(streams.consume(Consumer(LEAD_CONSIDER, handler, **options), stop))
        try:
            yield seen
        finally:
            stop.set()


async def publish_somehow(streams: Streams, *threads: str) -> None:
    """As a caller does: what may not have arrived is published again."""
    from libs.errors import Unavailable

    for thread in threads:
        async with asyncio.timeout(60):
            while True:
                try:
                    await streams.publish(wish(thread))
                    break
                except Unavailable:
                    await asyncio.sleep(0.02)


async def emptied(streams: Streams, seconds: float = 60, stream: Stream = LEAD_CONSIDER) -> None:
    """Until nothing is unread, pending or waiting."""
    from libs.errors import Unavailable

    async with asyncio.timeout(seconds):
        while True:
            with contextlib.suppress(Unavailable):
                (stats,) = await streams.oversight.stats(stream)
                if stats.unread == stats.pending == stats.later == 0:
                    return
            await asyncio.sleep(0.02)
