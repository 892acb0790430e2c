"""What Redis and redis-py do to you, each closed: on a real Redis, behind a proxy that loses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio.connection import AbstractConnection

from libs.errors import Unavailable
from libs.leases.redis import RedisLeases
from libs.redis.address import connect
from libs.redis.client import Redis, RedisClient
from libs.redis.cluster import ClusterClient
from libs.redis.link import CONNECT_SECONDS, REPLY_SECONDS, Link, translate
from libs.streams import scripts
from libs.streams.broker import DeadLetter, Later
from libs.streams.pace import Pace
from libs.streams.port import Delivery
from libs.streams.redis import WAIT_SECONDS, RedisBroker
from libs.streams.streams import Streams
from services.chat.wiring import PACE as CHAT_PACE
from tests import servers
from tests.contracts.streams_on_redis import consuming, emptied, publish_somehow, streams_at, wish
from tests.faults.proxy import Proxy, proxy

LANE = "lead.consider:0"
STREAM = f"{{{LANE}}}:stream"

pytestmark = pytest.mark.slow


@pytest.fixture(params=["redis_process", "old_redis"], ids=["newest", "6.2"])
def server(request: pytest.FixtureRequest) -> servers.RedisServer:
    found: servers.RedisServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def redis_url(server: servers.RedisServer) -> str:
    return server.emptied()


@pytest.fixture
def own_redis(server: servers.RedisServer) -> Iterator[servers.RedisServer]:
    """One that a test may stop, freeze and change."""
    lasting = ("--appendonly", "yes", "--appendfsync", "always")
    with servers.redis_server(*lasting, binary=server.binary) as own:
        yield own


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    """Straight to the server, to see what was done."""
    client = connect(redis_url, name="test")
    yield client
    await client.aclose()


@pytest.fixture
async def wire(server: servers.RedisServer, redis_url: str) -> AsyncIterator[Proxy]:
    async with proxy("127.0.0.1", server.port) as wire:
        yield wire


@pytest.fixture
async def streams(wire: Proxy) -> AsyncIterator[Streams]:
    async with streams_at(f"redis://127.0.0.1:{wire.port}/0") as streams:
        yield streams


async def test_a_command_whose_reply_is_lost_is_not_sent_again(
    wire: Proxy, streams: Streams, client: Redis
) -> None:
    fault = wire.fault(b"XADD", "lose_reply")
    with pytest.raises(Unavailable):
        await streams.publish(wish())

    assert fault.hits == 1
    assert await client.execute("XLEN", STREAM) == 1


async def test_a_command_that_never_arrived_is_not_sent_again(
    wire: Proxy, streams: Streams, client: Redis
) -> None:
    wire.fault(b"XADD", "lose_request")
    with pytest.raises(Unavailable):
        await streams.publish(wish())
    await streams.publish(wish())

    assert await client.execute("XLEN", STREAM) == 1


async def test_the_lease_is_ours_though_the_reply_to_set_nx_was_lost(
    wire: Proxy, streams: Streams
) -> None:
    leases = RedisLeases(streams.redis)
    wire.fault(b"NX", "lose_reply")
    with pytest.raises(Unavailable):
        await leases.take("t", "mine", 60)

    assert await leases.take("t", "mine", 60)
    assert not await leases.take("t", "theirs", 60)


@pytest.mark.parametrize("lost", [b"XREADGROUP", scripts.OWN.sha.encode()])
async def test_entries_of_a_lost_read_are_read_again_at_once(
    wire: Proxy, streams: Streams, lost: bytes
) -> None:
    for number in range(5):
        await streams.publish(wish(f"t{number}"))
    fault = wire.fault(lost, "lose_reply")
    async with consuming(streams) as seen:
        await seen.until(lambda: len(seen.threads) >= 5)
        await emptied(streams)

    assert fault.hits == 1
    assert seen.threads == [f"t{number}" for number in range(5)]
    assert seen.attempts == [1] * 5


@pytest.mark.parametrize("script", [scripts.ACK, scripts.PREPARE, scripts.TURN, scripts.RENEW])
async def test_a_lost_reply_to_a_script_loses_and_repeats_nothing(
    wire: Proxy, streams: Streams, script: scripts.Script
) -> None:
    fault = wire.fault(script.sha.encode(), "lose_reply", times=2)

    async def slow(_: Delivery[object]) -> None:
        await asyncio.sleep(0.3)

    async with consuming(streams, slow, concurrency=8) as seen:
        await publish_somehow(streams, *(f"t{number}" for number in range(20)))
        await seen.until(lambda: len(set(seen.threads)) == 20 and fault.left == 0)
        await emptied(streams)

    assert sorted(set(seen.threads)) == sorted(f"t{number}" for number in range(20))
    # A publish that shared its write with the lost one may have arrived twice.
    assert len(seen.threads) <= 20 + fault.hits


async def test_a_connection_that_says_nothing_more_is_given_up(wire: Proxy) -> None:
    opener = connect(f"redis://127.0.0.1:{wire.port}/0", name="t")._shared._opener  # type: ignore[attr-defined]
    link = Link(opener, reply_seconds=0.3)
    wire.fault(b"hang", "hang")
    with pytest.raises(Unavailable):
        await link.send("ECHO", "hang")

    assert await link.send("ECHO", "back") == b"back"
    await link.aclose()


async def test_a_connection_closed_while_idle_is_opened_again(
    wire: Proxy, streams: Streams
) -> None:
    await streams.publish(wish())
    wire.cut()
    async with asyncio.timeout(60):
        while streams.redis._shared._wire.usable:  # type: ignore[attr-defined]
            await asyncio.sleep(0)

    await streams.publish(wish())


def test_a_read_waits_shorter_than_a_reply_may_take() -> None:
    assert Pace().wait_seconds <= WAIT_SECONDS < REPLY_SECONDS
    assert CONNECT_SECONDS < REPLY_SECONDS
    for pace in (Pace(), CHAT_PACE):
        assert pace.idle_seconds >= REPLY_SECONDS + pace.renew_seconds


@pytest.mark.parametrize("seconds", [WAIT_SECONDS, 1.0])
def test_a_broker_refuses_a_link_that_gives_up_before_a_read_has_waited(seconds: float) -> None:
    async def nowhere() -> AbstractConnection:
        raise OSError

    def node(_: object) -> RedisClient:
        return RedisClient(lambda: Link(nowhere, reply_seconds=seconds))

    for redis in (node(0), ClusterClient(node, [("127.0.0.1", 1)])):
        with pytest.raises(ValueError, match="waits"):
            RedisBroker(redis)


async def test_nothing_undelivered_is_ever_trimmed(streams: Streams, client: Redis) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(publish_somehow(streams, *["t"] * 50))

    assert await client.execute("XLEN", STREAM) == 5_000


LIBS = Path(__file__).parents[2] / "libs"
SPOKEN = {
    path.name: path.read_text().upper()
    for part in ("redis", "streams")
    for path in (LIBS / part).glob("*.py")
}
"""What we could say to a Redis, in Python or in Lua."""


@pytest.mark.parametrize("word", ["MAXLEN", "MINID", "XTRIM", "XAUTOCLAIM"])
def test_a_word_that_trims_or_that_replies_by_version_is_never_said(word: str) -> None:
    assert [name for name, text in SPOKEN.items() if word in text] == []
    assert any("XADD" in text for text in SPOKEN.values())


async def test_after_flushall_the_group_is_made_again(streams: Streams, client: Redis) -> None:
    async with consuming(streams) as seen:
        for round_ in range(5):
            await publish_somehow(streams, f"before-{round_}")
            await seen.until(lambda r=round_: f"before-{r}" in seen.threads)
            await client.execute("FLUSHALL")
            await publish_somehow(streams, f"after-{round_}")
            await seen.until(lambda r=round_: f"after-{r}" in seen.threads)
        await emptied(streams)

    assert len(seen.threads) == 10


async def test_a_redis_without_memory_still_parks_and_puts_back(
    own_redis: servers.RedisServer,
) -> None:
    """Both acknowledge first, and a script that has written is not stopped for memory."""
    client = connect(own_redis.url, name="test")
    broker = RedisBroker(client)
    await broker.prepare(LANE)
    await broker.add(LANE, b"poison")
    await broker.add(LANE, b"later")
    poison, later = await broker.read(LANE, "a", count=2, wait_seconds=1)
    await client.execute("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(Unavailable, match="OOM"):
        await broker.add(LANE, b"one more")

    await broker.park(LANE, [DeadLetter("", poison.id, "poison", 5, poison.body)])
    await broker.put_back(LANE, [Later(later.id, 1000, later.body)])

    stats = await broker.stats(LANE)
    assert (stats.unread, stats.pending, stats.later, stats.dead) == (0, 0, 1, 1)
    await client.aclose()


async def test_scripts_survive_script_flush(streams: Streams, client: Redis) -> None:
    async with consuming(streams) as seen:
        await publish_somehow(streams, "t1")
        await seen.until(lambda: len(seen.threads) == 1)
        await client.execute("SCRIPT", "FLUSH")
        await publish_somehow(streams, "t2")
        await emptied(streams)

    assert seen.threads == ["t1", "t2"]


async def test_a_restarted_redis_is_taken_up_again(own_redis: servers.RedisServer) -> None:
    async with streams_at(own_redis.url) as streams, consuming(streams) as seen:
        for round_ in range(3):
            await publish_somehow(streams, f"up-{round_}")
            await seen.until(lambda r=round_: f"up-{r}" in seen.threads)
            await asyncio.to_thread(own_redis.stop, 9)
            publishing = asyncio.create_task(publish_somehow(streams, f"down-{round_}"))
            await asyncio.to_thread(own_redis.start)
            await publishing
            await seen.until(lambda r=round_: f"down-{r}" in seen.threads)
        await emptied(streams)


async def test_what_was_accepted_survives_a_killed_redis_with_its_file(
    own_redis: servers.RedisServer,
) -> None:
    async with streams_at(own_redis.url) as streams:
        await publish_somehow(streams, *(f"t{number}" for number in range(50)))
        await asyncio.to_thread(own_redis.stop, 9)
        await asyncio.to_thread(own_redis.start)
        async with consuming(streams) as seen:
            await seen.until(lambda: len(seen.threads) == 50)
            await emptied(streams)


async def test_a_master_that_became_a_replica_is_left(own_redis: servers.RedisServer) -> None:
    """READONLY: we would write to nobody for ever on a connection that never breaks."""
    async with streams_at(own_redis.url) as streams, consuming(streams) as seen:
        await publish_somehow(streams, "before")
        await seen.until(lambda: "before" in seen.threads)
        first = streams.redis._shared._wire  # type: ignore[attr-defined]
        await streams.redis.execute("REPLICAOF", "127.0.0.1", 1)
        with pytest.raises(Unavailable, match="READONLY"):
            await streams.publish(wish())
        await streams.redis.execute("REPLICAOF", "NO", "ONE")
        await publish_somehow(streams, "after")
        await seen.until(lambda: "after" in seen.threads)

        assert streams.redis._shared._wire is not first  # type: ignore[attr-defined]


async def test_a_frozen_redis_is_waited_for(own_redis: servers.RedisServer) -> None:
    async with streams_at(own_redis.url) as streams, consuming(streams) as seen:
        await publish_somehow(streams, "before")
        await seen.until(lambda: "before" in seen.threads)
        own_redis.freeze()
        publishing = asyncio.create_task(publish_somehow(streams, "during"))
        await asyncio.sleep(0.05)
        own_redis.thaw()
        await publishing
        await seen.until(lambda: "during" in seen.threads)


async def test_all_commands_of_one_turn_are_one_write(wire: Proxy, streams: Streams) -> None:
    await streams.publish(wish())
    wire.writes.clear()
    await asyncio.gather(*(streams.publish(wish(f"t{number}")) for number in range(50)))

    assert [write.count(b"XADD") for write in wire.writes] == [50]


async def test_a_blocked_read_holds_nobody_up(redis_url: str) -> None:
    client = connect(redis_url, name="test")
    waiting = asyncio.create_task(client.block("BLPOP", "nothing", 100))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(60):
        assert await client.execute("ECHO", "quick") == b"quick"
        assert await client.block("ECHO", "also quick") == b"also quick"
    waiting.cancel()
    await asyncio.wait([waiting])
    async with asyncio.timeout(60):
        assert await client.block("ECHO", "not behind it") == b"not behind it"
    await client.aclose()


@pytest.mark.parametrize("more", ["", "?protocol=3", "?protocol=2", "?socket_timeout=0.1"])
async def test_what_the_address_says_of_protocol_and_retries_does_not_matter(
    redis_url: str, more: str
) -> None:
    async with streams_at(redis_url + more) as streams, consuming(streams) as seen:
        await streams.publish(wish("t"))
        await seen.until(lambda: seen.threads == ["t"])


async def test_reads_and_acks_come_in_batches(redis_url: str, client: Redis) -> None:
    """Besides those there are the chores, some a second whatever the load."""
    async with streams_at(redis_url) as streams, consuming(streams, concurrency=100) as seen:
        await publish_somehow(streams, "first")
        await emptied(streams)
        before = await _reads_and_scripts(client)
        await asyncio.gather(*(streams.publish(wish("t")) for _ in range(1000)))
        await emptied(streams)
        spent = await _reads_and_scripts(client) - before

    assert len(seen.threads) == 1001
    assert spent < 150


async def _reads_and_scripts(client: Redis) -> int:
    text = (await client.execute("INFO", "commandstats")).decode()
    rows = dict(row.split(":", 1) for row in text.splitlines() if row.startswith("cmdstat_"))
    calls = [rows[name] for name in ("cmdstat_evalsha", "cmdstat_xreadgroup") if name in rows]
    return sum(int(row.split(",")[0].partition("=")[2]) for row in calls)


def test_errors_inside_scripts_are_understood_on_6_2_too() -> None:
    for text in (
        "READONLY You can't write against a read only replica.",
        "ERR Error running script (call to f_1): @user_script:1: -READONLY You can't write",
    ):
        assert str(translate(text)) == "redis: READONLY"


async def test_a_stream_of_another_type_is_a_bug_and_no_outage(
    streams: Streams, client: Redis
) -> None:
    await client.execute("SET", STREAM, "a string")
    with pytest.raises(Exception, match="WRONGTYPE") as refused:
        await streams.publish(wish())

    assert not isinstance(refused.value, Unavailable)
