"""A consumer that lives to be killed: it notes each message in a Redis set once it is handled."""

from __future__ import annotations

import asyncio
import os
import random
import signal

import uvloop

from libs.errors import Retryable
from libs.messages.lead import ConsiderLead
from libs.messages.streams import LEAD_CONSIDER
from libs.streams.port import Consumer, Delivery
from tests.contracts.streams_on_redis import streams_at

HANDLED = "handled"
POISON = "poison"
"""Whoever handles this thread dies of it."""


def live(url: str, seed: int) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_consume(url, random.Random(seed)))


async def _consume(url: str, rng: random.Random) -> None:
    async with streams_at(url, name=f"victim-{rng.random()}") as streams:

        async def handle(delivery: Delivery[ConsiderLead]) -> None:
            """May be killed at any of these points; the set makes the second time harmless."""
            if delivery.message.thread_id == POISON:
                os.kill(os.getpid(), signal.SIGKILL)
            if rng.random() < 0.3:
                await asyncio.sleep(rng.random() * 0.02)
            if rng.random() < 0.05 and delivery.attempt == 1:
                raise Retryable("as it happens", after_seconds=0.1)
            await streams.redis.execute("SADD", HANDLED, delivery.message.thread_id)

        consumer = Consumer(LEAD_CONSIDER, handle, concurrency=8)
        await streams.consume(consumer, asyncio.Event())
