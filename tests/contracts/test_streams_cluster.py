"""The same promises on a cluster of three masters, and through a Sentinel failover."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from libs.errors import SettingsError, Unavailable
from libs.messages.lead import ConsiderLead, LeadDecision
from libs.messages.streams import STREAMS
from libs.redis.address import connect
from libs.redis.client import Redis
from libs.streams.lanes import lane_name
from libs.streams.port import Delivery
from libs.streams.redis import _all_keys, stream_key
from libs.streams.streams import Streams
from tests.contracts.redis_cluster import Watched, cluster, sentinel, slot_on_the_move
from tests.contracts.streams_on_redis import consuming, emptied, publish_somehow, streams_at, wish
from tests.contracts.test_leases import RedisLeasesContract, RedisSentMarksContract
from tests.contracts.test_limits import RedisLimitsContract
from tests.contracts.test_streams_broker import Flush, RedisBrokerContract
from tests.contracts.test_streams_open import opened
from tests.contracts.test_upload_allowance import AllowanceContract
from tests.servers import RedisServer, free_port

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[RedisServer]]:
    with cluster() as nodes:
        yield nodes


def _url(nodes: list[RedisServer]) -> str:
    return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)


class OnCluster:
    @pytest.fixture
    async def address(self, nodes: list[RedisServer]) -> str:
        await _flush(nodes)
        return _url(nodes)


class TestClusterLimits(OnCluster, RedisLimitsContract):
    """One script touches the keys of a shop's limits and its sent marks: one tag for both."""


class TestClusterLeases(OnCluster, RedisLeasesContract): ...


class TestClusterSentMarks(OnCluster, RedisSentMarksContract): ...


class TestClusterAllowance(OnCluster, AllowanceContract): ...


class TestClusterBroker(OnCluster, RedisBrokerContract):
    @pytest.fixture
    def flush(self, nodes: list[RedisServer], client: Redis) -> Flush:
        return lambda: _flush(nodes)


async def _flush(nodes: list[RedisServer]) -> None:
    for node in nodes:
        client = connect(node.url, name="flush")
        await client.execute("FLUSHALL")
        await client.aclose()


@pytest.fixture
async def streams(nodes: list[RedisServer]) -> AsyncIterator[Streams]:
    await _flush(nodes)
    async with streams_at(_url(nodes[:1])) as streams:
        yield streams


async def test_messages_flow_and_answers_return_on_a_cluster(streams: Streams) -> None:
    async def decide(delivery: Delivery[ConsiderLead]) -> None:
        thread = delivery.message.thread_id
        await streams.reply(
            delivery.reply_to, LeadDecision(thread_id=thread, sent=False, reason="not_idle")
        )

    async with consuming(streams, decide) as seen:
        answers = await asyncio.gather(
            *(streams.ask(wish(f"t{number}"), timeout_seconds=10) for number in range(30))
        )
        await emptied(streams)

    assert [answer.thread_id for answer in answers] == [f"t{number}" for number in range(30)]
    assert len(seen.threads) == 30


async def test_streams_lie_on_all_masters_and_a_lane_on_one(
    nodes: list[RedisServer], streams: Streams
) -> None:
    lanes = [lane_name(stream, number) for stream in STREAMS for number in range(4)]
    for lane in lanes:
        await streams.broker.prepare(lane)
    sizes = []
    for node in nodes:
        client = connect(node.url, name="count")
        sizes.append(await client.execute("DBSIZE"))
        await client.aclose()

    assert min(sizes) > 0
    assert sum(sizes) == len(lanes)
    assert {key.partition("}")[0] for key in _all_keys("a:0")} == {"{a:0"}


async def test_a_slot_that_moved_is_found_again(nodes: list[RedisServer], streams: Streams) -> None:
    """MOVED: nothing was done, so sending it again to the right node is not sending it twice."""
    await streams.publish(wish("t1"))
    streams.redis._slots = [  # type: ignore[attr-defined]
        (0, 16383, ("127.0.0.1", node.port)) for node in nodes
    ]
    for number in range(2, 10):
        await streams.publish(wish(f"t{number}"))

    assert (await streams.broker.stats("lead.consider:0")).unread == 9


async def test_a_slot_on_the_move_is_an_outage_and_what_it_refuses_is_nowhere(
    nodes: list[RedisServer], streams: Streams
) -> None:
    """ASK: the map is still right, and changes when the move is over."""
    moving = slot_on_the_move(nodes, stream_key("lead.consider:0"))
    with moving, pytest.raises(Unavailable, match="being moved"):
        await streams.publish(wish("t1"))
    await streams.publish(wish("t2"))

    assert (await streams.broker.stats("lead.consider:0")).unread == 1


@pytest.fixture
def frozen() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        yield silent.getsockname()[1]


async def test_a_first_node_that_is_gone_or_frozen_keeps_us_from_nothing(
    nodes: list[RedisServer], frozen: int
) -> None:
    await _flush(nodes)
    first = f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{frozen}"
    async with streams_at(f"{first},127.0.0.1:{nodes[2].port}") as streams:
        async with asyncio.timeout(1):  # what /health gives it
            assert await streams.redis.execute("PING") == b"PONG"
        await streams.publish(wish())

        assert (await streams.broker.stats("lead.consider:0")).unread == 1


async def test_a_cluster_in_which_one_master_evicts_is_refused(nodes: list[RedisServer]) -> None:
    last = connect(nodes[2].url, name="policy")
    await last.execute("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        async with AsyncExitStack() as stack:
            with pytest.raises(SettingsError, match=r"allkeys-lru.*noeviction"):
                await opened(_url(nodes[:1]), stack)
    finally:
        await last.execute("CONFIG", "SET", "maxmemory-policy", "noeviction")
        await last.aclose()


@contextlib.asynccontextmanager
async def _a_sentinel(master: int) -> AsyncIterator[int]:
    """Names the master, whatever it is asked."""
    writers: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while said := await reader.read(4096):
            name = b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%d\r\n" % (len(str(master)), master)
            writer.write(name if b"SENTINEL" in said else b"+OK\r\n" * said.count(b"*"))

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for writer in writers:
            writer.close()
            await writer.wait_closed()


async def test_a_frozen_first_sentinel_keeps_us_from_nothing(
    redis_process: RedisServer, redis_url: str, frozen: int
) -> None:
    async with _a_sentinel(redis_process.port) as second:
        url = f"redis+sentinel://127.0.0.1:{frozen},127.0.0.1:{second}/shop/0"
        async with streams_at(url) as streams:
            await streams.publish(wish())

            assert (await streams.broker.stats("lead.consider:0")).unread == 1


@pytest.fixture
def watched() -> Iterator[Watched]:
    with sentinel() as watched:
        yield watched


async def test_a_failover_loses_nothing_that_reached_the_replica(watched: Watched) -> None:
    async with streams_at(watched.url) as streams, consuming(streams, concurrency=4) as seen:
        await publish_somehow(streams, *(f"before-{number}" for number in range(20)))
        await emptied(streams)
        await streams.oversight.pause(_STREAM)
        await publish_somehow(streams, *(f"waiting-{number}" for number in range(20)))
        await streams.oversight.resume(_STREAM)
        await asyncio.to_thread(watched.await_replica)
        await asyncio.to_thread(watched.master.stop, signal.SIGKILL)
        publishing = asyncio.create_task(publish_somehow(streams, "during"))
        await asyncio.to_thread(watched.await_failover)
        await publishing
        await seen.until(lambda: "during" in seen.threads)
        await emptied(streams)

    expected = {f"{when}-{number}" for when in ("before", "waiting") for number in range(20)}
    assert expected <= set(seen.threads)


_STREAM = next(stream for stream in STREAMS if stream.name == "lead.consider")
