"""What limits promise, kept by the memory fake and by Redis (a fake one, a real one, 6.2 too)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from libs.errors import Unavailable
from libs.leases.port import SentMark, sent_key
from libs.limits.fakes import MemoryLimits
from libs.limits.port import Kind, Limit, Limits, limit_key
from libs.limits.redis import RedisLimits
from libs.redis.address import connect
from libs.runtime.settings import Rate
from tests import servers
from tests.clock import HandClock

START = 1_790_000_000.0
KEPT = msgspec.json.encode(SentMark(visitor="v_1", sent_at=START))


def per_thread(
    count: int = 3, seconds: int = 60, *, subject: str = "cthr_a", kind: Kind = "rate"
) -> Limit:
    return Limit("triggers_per_thread", subject, Rate(count, seconds), kind)


async def passes(limits: Limits, *asked: Limit, shop: str = "craigs") -> int:
    """How many requests in a row are admitted (at most 1,000)."""
    for number in range(1000):
        if (await limits.admit(shop, asked)).refused:
            return number
    return 1000


class LimitsContract:
    async def test_admits_the_whole_count_at_once_and_not_one_more(self, limits: Limits) -> None:
        for count in (1, 3, 7, 120):
            limit = per_thread(count, subject=f"cthr_{count}")

            assert await passes(limits, limit) == count

    async def test_then_admits_one_for_each_step_of_time(
        self, limits: Limits, clock: HandClock
    ) -> None:
        await passes(limits, per_thread(3, 60))
        clock.at += 20.01

        assert await passes(limits, per_thread(3, 60)) == 1

    async def test_is_as_new_after_its_window(self, limits: Limits, clock: HandClock) -> None:
        await passes(limits, per_thread(3, 60))
        clock.at += 60.01

        assert await passes(limits, per_thread(3, 60)) == 3

    async def test_says_which_limit_refused_and_for_how_long(
        self, limits: Limits, clock: HandClock
    ) -> None:
        limit = per_thread(3, 60)
        await passes(limits, limit)

        verdict = await limits.admit("craigs", [limit])

        assert verdict.refused == limit
        assert verdict.retry_after_seconds == pytest.approx(20, abs=0.01)

    async def test_waiting_as_told_suffices(self, limits: Limits, clock: HandClock) -> None:
        limit = per_thread(7, 60)
        await passes(limits, limit)
        verdict = await limits.admit("craigs", [limit])
        clock.at += verdict.retry_after_seconds

        assert (await limits.admit("craigs", [limit])).refused is None

    async def test_a_refused_request_is_charged_to_none_of_its_limits(self, limits: Limits) -> None:
        narrow, wide = per_thread(1), per_thread(3, subject="cthr_wide")
        await limits.admit("craigs", [narrow])

        assert (await limits.admit("craigs", [narrow, wide])).refused == narrow
        assert await passes(limits, wide) == 3

    async def test_names_the_limit_that_holds_longest(self, limits: Limits) -> None:
        short, long = per_thread(1, 10), per_thread(1, 600, subject="cthr_long")
        await limits.admit("craigs", [short, long])

        verdict = await limits.admit("craigs", [short, long])

        assert verdict.refused == long
        assert verdict.retry_after_seconds == pytest.approx(600, abs=0.01)

    async def test_subjects_names_and_shops_do_not_share(self, limits: Limits) -> None:
        await passes(limits, per_thread(1))

        assert await passes(limits, per_thread(1, subject="cthr_b")) == 1
        assert await passes(limits, per_thread(1), shop="elsewhere") == 1
        assert await passes(limits, Limit("other", "cthr_a", Rate(1, 60))) == 1

    async def test_off_is_never_refused_nor_charged(self, limits: Limits) -> None:
        off = Limit("triggers_per_thread", "cthr_a", Rate(0, 1))

        assert await passes(limits, off) == 1000
        assert await passes(limits, per_thread(3)) == 3

    async def test_a_cap_never_lets_more_than_its_count_into_a_window(
        self, limits: Limits, clock: HandClock
    ) -> None:
        cap = per_thread(5, 60, kind="cap")
        clock.at = START - START % 60
        admitted = 0
        for _ in range(60):
            admitted += await passes(limits, cap)
            clock.at += 0.999

        assert admitted == 5

    async def test_a_cap_opens_again_with_the_next_window(
        self, limits: Limits, clock: HandClock
    ) -> None:
        cap = per_thread(2, 60, kind="cap")
        clock.at = START - START % 60 + 45
        await passes(limits, cap)
        verdict = await limits.admit("craigs", [cap])

        assert verdict.retry_after_seconds == pytest.approx(15, abs=0.01)
        clock.at += 15
        assert await passes(limits, cap) == 2

    async def test_rates_and_caps_are_asked_together(self, limits: Limits) -> None:
        cap, rate = per_thread(2, 86_400, kind="cap"), per_thread(9, subject="cthr_rate")

        assert await passes(limits, cap, rate) == 2
        assert (await limits.admit("craigs", [cap, rate])).refused == cap

    async def test_64_at_once_pass_a_limit_of_120_and_not_one_of_63(self, limits: Limits) -> None:
        wide, narrow = per_thread(120), per_thread(63, subject="cthr_n")

        verdicts = await asyncio.gather(*(limits.admit("craigs", [wide]) for _ in range(64)))
        refused = await asyncio.gather(*(limits.admit("craigs", [narrow]) for _ in range(64)))

        assert not any(verdict.refused for verdict in verdicts)
        assert sum(verdict.refused is not None for verdict in refused) == 1

    async def test_reads_a_key_along_admitted_or_not(self, limits: Limits, put: Any) -> None:
        key = sent_key("craigs", "cthr_a")
        await put(key, KEPT)

        admitted = await limits.admit("craigs", [per_thread(1)], read=key)
        refused = await limits.admit("craigs", [per_thread(1)], read=key)
        alone = await limits.admit("craigs", [], read=key)
        missing = await limits.admit("craigs", [per_thread(9)], read=sent_key("craigs", "cthr_b"))

        assert (admitted.noted, admitted.refused) == (KEPT, None)
        assert refused.noted == KEPT
        assert refused.refused is not None
        assert alone.noted == KEPT
        assert missing.noted is None


class TestMemoryLimits(LimitsContract):
    @pytest.fixture
    def clock(self) -> HandClock:
        return HandClock(START)

    @pytest.fixture
    def limits(self, clock: HandClock) -> MemoryLimits:
        return MemoryLimits(clock)

    @pytest.fixture
    def put(self, limits: MemoryLimits) -> Any:
        async def put(key: str, value: bytes) -> None:
            limits.values[key] = value

        return put


class RedisLimitsContract(LimitsContract):
    @pytest.fixture
    def clock(self) -> HandClock:
        return HandClock(START)

    @pytest.fixture
    async def redis(self, address: str) -> AsyncIterator[Any]:
        client = connect(address, name="limits-test")
        yield client
        await client.aclose()

    @pytest.fixture
    def limits(self, redis: Any, clock: HandClock) -> RedisLimits:
        return RedisLimits(redis, clock)

    @pytest.fixture
    def put(self, redis: Any) -> Any:
        async def put(key: str, value: bytes) -> None:
            await redis.execute("SET", key, value)

        return put

    async def test_by_the_server_s_own_clock_too(self, redis: Any) -> None:
        limits = RedisLimits(redis)

        assert await passes(limits, per_thread(3, 3600)) == 3
        verdict = await limits.admit("craigs", [per_thread(3, 3600)])
        assert 1190 < verdict.retry_after_seconds <= 1200

    async def test_every_key_ends_by_itself(self, redis: Any, limits: RedisLimits) -> None:
        asked = [per_thread(3, 60), per_thread(3, 600, subject="b", kind="cap")]
        await limits.admit("craigs", asked)

        for limit in asked:
            left = await redis.execute("PTTL", limit_key("craigs", limit))
            assert 0 < left <= limit.rate.seconds * 1000


class TestFakeRedisLimits(RedisLimitsContract):
    @pytest.fixture
    def address(self) -> str:
        return "fake://"


@pytest.mark.slow
class TestRedisLimits(RedisLimitsContract):
    @pytest.fixture
    def address(self, redis_url: str) -> str:
        return redis_url

    async def test_an_admission_is_one_command(self, redis: Any, limits: RedisLimits) -> None:
        await limits.admit("craigs", [per_thread()])
        sent: list[str] = []
        execute = redis.execute

        async def counting(*command: Any) -> Any:
            sent.append(command[0])
            return await execute(*command)

        redis.execute = counting
        await limits.admit(
            "craigs", [per_thread(), per_thread(subject="b")], read="{limits:craigs}:x"
        )

        assert sent == ["EVALSHA"]

    async def test_an_unreachable_redis_is_said_to_be_unavailable(self) -> None:
        client = connect(f"redis://127.0.0.1:{servers.free_port()}/0", name="nobody")
        with pytest.raises(Unavailable):
            await RedisLimits(client).admit("craigs", [per_thread()])
        await client.aclose()


@pytest.mark.slow
class TestOldRedisLimits(RedisLimitsContract):
    @pytest.fixture
    def address(self, old_redis_url: str) -> str:
        return old_redis_url
