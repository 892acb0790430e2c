"""What a visitor may send in a day, counted in a fake Redis and in a real one."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from libs.errors import Unavailable
from libs.redis.address import connect
from services.attachments.adapters.allowance import RedisAllowance
from services.attachments.settings import AttachmentsSettings
from tests.clock import HandClock
from tests.servers import free_port

MEGABYTE = 1024 * 1024
MIDNIGHT = 1_790_035_200.0
assert MIDNIGHT % 86_400 == 0


class AllowanceContract:
    @pytest.fixture
    async def redis(self, address: str) -> AsyncIterator[Any]:
        client = connect(address, name="allowance-test")
        yield client
        await client.aclose()

    @pytest.fixture
    def clock(self) -> HandClock:
        return HandClock(MIDNIGHT)

    @pytest.fixture
    def allowance(self, redis: Any, clock: HandClock) -> RedisAllowance:
        day = AttachmentsSettings().upload_megabytes_per_day * MEGABYTE
        return RedisAllowance(redis, clock, day)

    async def test_a_day_is_fifty_megabytes_and_not_a_byte_more(
        self, allowance: RedisAllowance
    ) -> None:
        said = [await allowance.spend("craigs", "v_1", 12 * MEGABYTE) for _ in range(5)]

        assert said == [True, True, True, True, False]
        assert await allowance.spend("craigs", "v_1", 2 * MEGABYTE)
        assert not await allowance.spend("craigs", "v_1", 1)

    async def test_what_is_given_back_may_be_spent_again(self, allowance: RedisAllowance) -> None:
        assert await allowance.spend("craigs", "v_1", 50 * MEGABYTE)
        await allowance.give_back("craigs", "v_1", 12 * MEGABYTE)

        assert await allowance.spend("craigs", "v_1", 12 * MEGABYTE)
        assert not await allowance.spend("craigs", "v_1", 1)

    async def test_others_have_their_own(self, allowance: RedisAllowance) -> None:
        assert await allowance.spend("craigs", "v_1", 50 * MEGABYTE)

        assert await allowance.spend("craigs", "v_2", 1)
        assert await allowance.spend("elsewhere", "v_1", 1)

    async def test_tomorrow_is_another_day(
        self, allowance: RedisAllowance, clock: HandClock
    ) -> None:
        await allowance.spend("craigs", "v_1", 50 * MEGABYTE)
        clock.at += 86_399
        assert not await allowance.spend("craigs", "v_1", 1)
        clock.at += 1

        assert await allowance.spend("craigs", "v_1", 1)

    async def test_it_is_forgotten_by_itself(self, allowance: RedisAllowance, redis: Any) -> None:
        await allowance.spend("craigs", "v_1", 1)

        [key] = itertools.chain(*await redis.everywhere("KEYS", "*bytes:v_1*"))
        assert 0 < await redis.execute("TTL", key) <= 86_400

    async def test_nothing_is_counted_where_there_is_no_limit(
        self, redis: Any, clock: HandClock
    ) -> None:
        assert await RedisAllowance(redis, clock, 0).spend("craigs", "v_1", 10**12)
        assert sum(await redis.everywhere("DBSIZE")) == 0


class TestAllowanceOnFakeRedis(AllowanceContract):
    @pytest.fixture
    def address(self) -> str:
        return "fake://"


@pytest.mark.slow
class TestAllowanceOnRedis(AllowanceContract):
    @pytest.fixture
    def address(self, redis_url: str) -> str:
        return redis_url


@pytest.mark.slow
class TestAllowanceOnOldRedis(AllowanceContract):
    @pytest.fixture
    def address(self, old_redis_url: str) -> str:
        return old_redis_url


async def test_without_redis_nobody_can_tell() -> None:
    client = connect(f"redis://127.0.0.1:{free_port()}", name="allowance-test")

    with pytest.raises(Unavailable):
        await RedisAllowance(client, HandClock(MIDNIGHT), 1).spend("craigs", "v_1", 1)
    await client.aclose()
