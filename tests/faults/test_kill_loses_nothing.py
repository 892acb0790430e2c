"""Consumers are killed 200 times, at any moment: every accepted message is handled all the same."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from multiprocessing.process import BaseProcess

import pytest

from libs.messages.streams import LEAD_CONSIDER
from libs.streams.fate import MAX_DELIVERIES
from libs.streams.streams import Streams
from tests import needs, servers
from tests.contracts.streams_on_redis import emptied, streams_at, wish
from tests.faults.kill_consumer import HANDLED, POISON, live
from tests.forking import fork_server

KILLS = 200
CONSUMERS = 3
PER_SECOND = 300

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def url() -> Iterator[str]:
    if servers.redis_binary() is None:
        needs.missing("redis-server")
    with servers.redis_server() as server:
        yield server.url


class Victims:
    """Forked from a process that has imported everything: a new one is there in milliseconds."""

    def __init__(self, url: str, rng: random.Random) -> None:
        self._context = fork_server("tests.faults.kill_consumer")
        self._url = url
        self._rng = rng
        self._living: list[BaseProcess] = []

    def add(self) -> None:
        seed = self._rng.randrange(1 << 30)
        victim = self._context.Process(target=live, args=(self._url, seed), daemon=True)
        victim.start()
        self._living.append(victim)

    def kill_one(self) -> None:
        victim = self._living.pop(self._rng.randrange(len(self._living)))
        assert victim.is_alive(), f"it ended by itself with {victim.exitcode}"
        victim.kill()
        victim.join()

    def replace_dead(self) -> int:
        """As a supervisor does; returns how many had died."""
        dead = [victim for victim in self._living if not victim.is_alive()]
        for victim in dead:
            self._living.remove(victim)
            self.add()
        return len(dead)

    def kill_all(self) -> None:
        while self._living:
            self.kill_one()


async def _publish(streams: Streams, stop: asyncio.Event) -> list[str]:
    """Returns what was accepted."""
    accepted: list[str] = []
    while not stop.is_set():
        thread = f"t{len(accepted)}"
        await streams.publish(wish(thread))
        accepted.append(thread)
        await asyncio.sleep(1 / PER_SECOND)
    return accepted


async def _kill(victims: Victims, rng: random.Random) -> None:
    for _ in range(CONSUMERS):
        await asyncio.to_thread(victims.add)
    for _ in range(KILLS):
        await asyncio.sleep(rng.random() * 0.3)
        await asyncio.to_thread(victims.kill_one)
        await asyncio.to_thread(victims.add)


async def test_killing_consumers_at_any_moment_loses_no_accepted_message(url: str) -> None:
    rng = random.Random(20261130)
    victims = Victims(url, rng)
    async with streams_at(url, name="publisher") as streams:
        stop = asyncio.Event()
        publishing = asyncio.create_task(_publish(streams, stop))
        try:
            await _kill(victims, rng)
            stop.set()
            accepted = await publishing
            await emptied(streams, seconds=60)
            handled = {t.decode() for t in await streams.redis.execute("SMEMBERS", HANDLED)}
            dead = await streams.oversight.dead(LEAD_CONSIDER)
        finally:
            publishing.cancel()
            victims.kill_all()

    assert len(accepted) > KILLS
    assert handled == set(accepted)
    assert dead == []


async def test_a_message_that_kills_its_process_is_parked_and_its_neighbours_are_handled(
    url: str,
) -> None:
    victims, deaths = Victims(url, random.Random(1)), 0
    async with streams_at(url, name="publisher") as streams:
        threads = [f"t{number}" for number in range(30)]
        for thread in (*threads[:15], POISON, *threads[15:]):
            await streams.publish(wish(thread))
        await asyncio.to_thread(victims.add)
        try:
            async with asyncio.timeout(60):
                while not (dead := await streams.oversight.dead(LEAD_CONSIDER)):
                    deaths += await asyncio.to_thread(victims.replace_dead)
                    await asyncio.sleep(0.05)
            await emptied(streams)
            handled = {t.decode() for t in await streams.redis.execute("SMEMBERS", HANDLED)}
        finally:
            victims.kill_all()

    assert [POISON.encode() in letter.body for letter in dead] == [True]
    assert handled == set(threads)
    assert deaths == MAX_DELIVERIES
