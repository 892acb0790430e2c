"""Processes that live to be killed: publishers and consumers, each noting what it has done."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import uvloop

from libs.errors import Retryable, Unavailable
from libs.messages.lead import ConsiderLead
from libs.messages.streams import LEAD_CONSIDER
from libs.streams.port import Consumer, Delivery
from tests.contracts.streams_on_redis import streams_at, wish

HANDLED = "handled"
"""A Redis set: each thread once it is handled."""
POISON = "poison"
"""Whoever handles this thread dies of it."""
PER_SECOND = 150

Life = Callable[[str, Path, int], Coroutine[object, object, None]]


async def publish(url: str, accepted: Path, seed: int) -> None:
    """Notes what was accepted, and only that: what was under way at its death is nobody's loss."""
    with accepted.open("a", buffering=1) as notes:
        async with streams_at(url, name=f"publisher-{seed}") as streams:
            for number in itertools.count():
                with contextlib.suppress(Unavailable):
                    await streams.publish(wish(f"t{seed}-{number}"))
                    notes.write(f"t{seed}-{number}\n")
                await asyncio.sleep(1 / PER_SECOND)


async def consume(url: str, _: Path, seed: int) -> None:
    rng = random.Random(seed)
    async with streams_at(url, name=f"consumer-{seed}") as streams:

        async def handle(delivery: Delivery[ConsiderLead]) -> None:
            """May be killed at any of these points; the set makes the second time harmless."""
            if delivery.message.thread_id == POISON:
                os.kill(os.getpid(), signal.SIGKILL)
            if rng.random() < 0.3:
                await asyncio.sleep(rng.random() * 0.02)
            if rng.random() < 0.05 and delivery.attempt == 1:
                raise Retryable("as it happens", after_seconds=0.1)
            await streams.redis.execute("SADD", HANDLED, delivery.message.thread_id)

        await streams.consume(Consumer(LEAD_CONSIDER, handle, concurrency=8), asyncio.Event())


def _live(life: Life, url: str, notes: Path, seed: int) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(life(url, notes, seed))


@dataclass
class Victims:
    """Forked from a process that has imported everything: a new one is there in milliseconds."""

    context: ForkServerContext
    url: str
    notes: Path
    rng: random.Random
    _living: list[tuple[BaseProcess, Life]] = field(default_factory=list)

    def add(self, life: Life) -> None:
        seed = self.rng.randrange(1 << 30)
        victim = self.context.Process(
            target=_live, args=(life, self.url, self.notes, seed), daemon=True
        )
        victim.start()
        self._living.append((victim, life))

    def replace_one(self) -> None:
        """Killed, and started again as a supervisor does."""
        self.add(self._kill_one())

    def replace_dead(self) -> int:
        """Returns how many had died by themselves."""
        dead = [each for each in self._living if not each[0].is_alive()]
        for each in dead:
            self._living.remove(each)
            self.add(each[1])
        return len(dead)

    def kill_all(self) -> None:
        while self._living:
            self._kill_one()

    def _kill_one(self) -> Life:
        victim, life = self._living.pop(self.rng.randrange(len(self._living)))
        assert victim.is_alive(), f"it ended by itself with {victim.exitcode}"
        victim.kill()
        victim.join()
        return life
