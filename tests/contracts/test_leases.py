"""What leases and sent marks promise: in memory, on fakeredis and on a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from fakeredis import FakeServer

from libs.leases.fakes import MemoryLeases, MemorySentMarks
from libs.leases.port import Leases, SentMark, SentMarks, lease_key, sent_key
from libs.leases.redis import RedisLeases, RedisSentMarks
from libs.redis.address import connect
from libs.redis.client import Redis
from libs.redis.fakeredis_wire import new_server
from libs.runtime.clock import SystemClock


class LeasesContract:
    async def test_one_holder_at_a_time(self, leases: Leases) -> None:
        racers = [leases.take("t", f"n{number}", 60) for number in range(20)]

        assert sum(await asyncio.gather(*racers)) == 1

    async def test_taking_what_is_ours_already_succeeds(self, leases: Leases) -> None:
        """Our SET may have been done and its reply lost."""
        assert await leases.take("t", "mine", 60)
        assert await leases.take("t", "mine", 60)
        assert not await leases.take("t", "theirs", 60)

    async def test_leases_of_different_names_do_not_meet(self, leases: Leases) -> None:
        assert await leases.take("a", "mine", 60)
        assert await leases.take("b", "theirs", 60)

    async def test_it_ends_by_itself(self, leases: Leases) -> None:
        await leases.take("t", "mine", 0.001)
        async with asyncio.timeout(60):
            while not await leases.take("t", "theirs", 60):
                await asyncio.sleep(0)

    async def test_extending_prolongs_ours(self, leases: Leases) -> None:
        await leases.take("t", "mine", 0.5)
        assert await leases.extend("t", "mine", 60)

        assert await self.seconds_left(leases) > 50

    async def test_extending_takes_what_is_free(self, leases: Leases) -> None:
        """The mailer carries on the lead worker's nonce after Redis was wiped."""
        assert await leases.extend("t", "mine", 60)
        assert not await leases.take("t", "theirs", 60)

    async def test_extending_never_takes_a_living_one(self, leases: Leases) -> None:
        await leases.take("t", "theirs", 60)

        assert not await leases.extend("t", "mine", 120)
        assert await self.seconds_left(leases) < 61

    async def test_only_the_holder_releases(self, leases: Leases) -> None:
        await leases.take("t", "mine", 60)
        await leases.release("t", "theirs")
        assert not await leases.take("t", "theirs", 60)

        await leases.release("t", "mine")
        await leases.release("t", "mine")
        assert await leases.take("t", "theirs", 60)

    async def seconds_left(self, leases: Leases) -> float:
        raise NotImplementedError


class TestMemoryLeases(LeasesContract):
    @pytest.fixture
    def leases(self) -> MemoryLeases:
        return MemoryLeases(SystemClock())

    async def seconds_left(self, leases: Leases) -> float:
        assert isinstance(leases, MemoryLeases)
        return leases.held[lease_key("t")][1] - SystemClock().boot()


class OnRedis:
    @pytest.fixture
    async def client(self, address: str) -> AsyncIterator[Redis]:
        client = connect(address, name="test")
        yield client
        await client.aclose()


class RedisLeasesContract(OnRedis, LeasesContract):
    @pytest.fixture
    def leases(self, client: Redis) -> RedisLeases:
        return RedisLeases(client)

    async def seconds_left(self, leases: Leases) -> float:
        assert isinstance(leases, RedisLeases)
        return await leases.redis.execute("PTTL", lease_key("t")) / 1000


class TestFakeRedisLeases(RedisLeasesContract):
    @pytest.fixture
    def address(self) -> FakeServer:
        return new_server()


@pytest.mark.slow
class TestRedisLeases(RedisLeasesContract):
    @pytest.fixture
    def address(self, redis_url: str) -> str:
        return redis_url


@pytest.mark.slow
class TestOldRedisLeases(RedisLeasesContract):
    @pytest.fixture
    def address(self, old_redis_url: str) -> str:
        return old_redis_url


MARK = SentMark(visitor="v_1", sent_at=1_800_000_000.25)


class SentMarksContract:
    async def test_reads_what_was_marked(self, marks: SentMarks) -> None:
        assert await marks.read("s", "t") is None
        await marks.mark("s", "t", MARK)

        assert await marks.read("s", "t") == MARK
        assert await marks.read("other", "t") is None
        assert await marks.read("s", "other") is None

    async def test_forgets(self, marks: SentMarks) -> None:
        await marks.mark("s", "t", MARK)
        await marks.forget("s", "t")
        await marks.forget("s", "t")

        assert await marks.read("s", "t") is None


class TestMemorySentMarks(SentMarksContract):
    @pytest.fixture
    def marks(self) -> MemorySentMarks:
        return MemorySentMarks()


class RedisSentMarksContract(OnRedis, SentMarksContract):
    @pytest.fixture
    def marks(self, client: Redis) -> RedisSentMarks:
        return RedisSentMarks(client)

    async def test_a_mark_nobody_can_read_is_no_mark(self, marks: SentMarks, client: Redis) -> None:
        await client.execute("SET", sent_key("s", "t"), "???")

        assert await marks.read("s", "t") is None

    async def test_a_mark_ends_for_the_record_never_forgets(
        self, marks: SentMarks, client: Redis
    ) -> None:
        await marks.mark("s", "t", MARK)

        assert 0 < await client.execute("TTL", sent_key("s", "t")) <= 30 * 86_400


class TestFakeRedisSentMarks(RedisSentMarksContract):
    @pytest.fixture
    def address(self) -> FakeServer:
        return new_server()


@pytest.mark.slow
class TestRedisSentMarks(RedisSentMarksContract):
    @pytest.fixture
    def address(self, redis_url: str) -> str:
        return redis_url


@pytest.mark.slow
class TestOldRedisSentMarks(RedisSentMarksContract):
    @pytest.fixture
    def address(self, old_redis_url: str) -> str:
        return old_redis_url
