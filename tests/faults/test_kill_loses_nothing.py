"""200 kills, at any moment, of publishers, consumers and Redis: what was accepted is handled."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from libs.messages.streams import LEAD_CONSIDER
from libs.streams.fate import MAX_DELIVERIES
from libs.streams.streams import Streams
from tests import needs, servers
from tests.contracts.streams_on_redis import emptied, streams_at, wish
from tests.faults.victims import HANDLED, POISON, Victims, consume, publish
from tests.forking import fork_server

KILLS = 200
REDIS_EACH = 20
"""Every so many kills it is Redis that dies."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def server() -> Iterator[servers.RedisServer]:
    """One that has on disk whatever it said yes to."""
    if servers.redis_binary() is None:
        needs.missing("redis-server")
    with servers.redis_server("--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


@pytest.fixture
def victims(server: servers.RedisServer, tmp_path: Path) -> Iterator[Victims]:
    context = fork_server("tests.faults.victims")
    victims = Victims(context, server.url, tmp_path / "accepted", random.Random(20261130))
    yield victims
    victims.kill_all()


@pytest.fixture
async def streams(server: servers.RedisServer) -> AsyncIterator[Streams]:
    async with streams_at(server.url) as streams:
        yield streams


async def _handled(streams: Streams) -> set[str]:
    return {thread.decode() for thread in await streams.redis.execute("SMEMBERS", HANDLED)}


def _kill(victims: Victims, server: servers.RedisServer, number: int) -> None:
    if number % REDIS_EACH:
        victims.replace_one()
    else:
        server.stop(signal.SIGKILL)
        server.start()


async def test_killing_anybody_at_any_moment_loses_no_accepted_message(
    victims: Victims, server: servers.RedisServer, streams: Streams
) -> None:
    for life in (consume, consume, consume, publish, publish):
        await asyncio.to_thread(victims.add, life)
    for number in range(1, KILLS + 1):
        await asyncio.sleep(victims.rng.random() * 0.3)
        await asyncio.to_thread(_kill, victims, server, number)
    victims.kill_all()
    await asyncio.to_thread(victims.add, consume)
    await emptied(streams)

    accepted = set(victims.notes.read_text().split())
    assert len(accepted) > KILLS
    assert accepted - await _handled(streams) == set()
    assert await streams.oversight.dead(LEAD_CONSIDER) == []


async def test_a_message_that_kills_its_process_is_parked_and_its_neighbours_are_handled(
    victims: Victims, streams: Streams
) -> None:
    threads, deaths = [f"t{number}" for number in range(30)], 0
    for thread in (*threads[:15], POISON, *threads[15:]):
        await streams.publish(wish(thread))
    await asyncio.to_thread(victims.add, consume)
    async with asyncio.timeout(60):
        while not (dead := await streams.oversight.dead(LEAD_CONSIDER)):
            deaths += await asyncio.to_thread(victims.replace_dead)
            await asyncio.sleep(0.05)
    await emptied(streams)

    assert [POISON.encode() in letter.body for letter in dead] == [True]
    assert await _handled(streams) == set(threads)
    assert deaths == MAX_DELIVERIES
