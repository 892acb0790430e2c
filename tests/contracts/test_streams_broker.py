"""What every Broker promises, on each server we run on, in memory and in fakeredis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from fakeredis import FakeServer

from libs.errors import Unavailable
from libs.redis.address import connect
from libs.redis.client import Redis
from libs.redis.fakeredis_wire import new_server
from libs.runtime.clock import SystemClock
from libs.streams import scripts
from libs.streams.broker import (
    MOST_UNREAD,
    Broker,
    DeadLetter,
    Entry,
    LaneStats,
    Later,
    Turn,
)
from libs.streams.memory import MemoryBroker
from libs.streams.redis import RedisBroker

LANE = "bench.lane:0"
Flush = Callable[[], Awaitable[object]]


async def read(broker: Broker, reader: str = "a", count: int = 100) -> list[Entry]:
    return await broker.read(LANE, reader, count=count, wait_seconds=0.01)


async def claim(broker: Broker, reader: str) -> list[Entry]:
    return await broker.claim(LANE, reader, count=100, idle_seconds=3600)


async def leave(broker: Broker, reader: str) -> None:
    """As if it had been silent for long: no test waits for that."""
    await broker.hand_back(LANE, reader)


class BrokerContract:
    @pytest.fixture
    async def filled(self, broker: Broker) -> Broker:
        await broker.prepare(LANE)
        for body in (b"1", b"2", b"3"):
            await broker.add(LANE, body)
        return broker

    async def test_reads_in_order_and_never_more_than_asked_for(self, filled: Broker) -> None:
        first, rest = await read(filled, count=2), await read(filled, count=2)

        assert [entry.body for entry in first] == [b"1", b"2"]
        assert [entry.body for entry in rest] == [b"3"]
        assert await read(filled) == []

    async def test_each_entry_goes_to_one_reader(self, filled: Broker) -> None:
        ours, theirs = await asyncio.gather(read(filled, "a", 2), read(filled, "b", 2))

        assert sorted(entry.body for entry in (*ours, *theirs)) == [b"1", b"2", b"3"]

    async def test_a_waiting_read_gets_what_comes(self, broker: Broker) -> None:
        await broker.prepare(LANE)
        waiting = asyncio.create_task(broker.read(LANE, "a", count=1, wait_seconds=2))
        await asyncio.sleep(0)
        await broker.add(LANE, b"late")

        assert [entry.body for entry in await waiting] == [b"late"]

    async def test_a_lane_without_a_group_says_so(self, broker: Broker) -> None:
        await broker.add(LANE, b"1")

        for call in (read(broker), claim(broker, "a"), broker.own(LANE, "a", after="", count=1)):
            with pytest.raises(Unavailable, match="NOGROUP"):
                await call

    async def test_a_group_starts_at_the_first_entry(self, broker: Broker) -> None:
        await broker.add(LANE, b"before")
        await broker.prepare(LANE)
        await broker.prepare(LANE)

        assert [entry.body for entry in await read(broker)] == [b"before"]

    async def test_after_a_flush_the_lane_is_missing_and_can_be_made_again(
        self, filled: Broker, flush: Flush
    ) -> None:
        await flush()
        with pytest.raises(Unavailable, match="NOGROUP"):
            await read(filled)
        await filled.prepare(LANE)
        await filled.add(LANE, b"new")

        assert [entry.body for entry in await read(filled)] == [b"new"]

    async def test_own_shows_what_is_pending_and_is_no_delivery(self, filled: Broker) -> None:
        entries = await read(filled)
        await read(filled, "b")

        for _ in range(3):
            assert await filled.own(LANE, "a", after="", count=9) == entries
        assert await filled.own(LANE, "a", after=entries[0].id, count=1) == [entries[1]]
        assert await filled.own(LANE, "b", after="", count=9) == []

    async def test_what_its_reader_finds_again_is_not_claimed_by_others(
        self, filled: Broker
    ) -> None:
        first, *_ = await read(filled, "a")
        await leave(filled, "a")

        assert await filled.own(LANE, "a", after="", count=1) == [first]
        assert [entry.body for entry in await claim(filled, "b")] == [b"2", b"3"]

    async def test_claims_only_from_the_silent(self, filled: Broker) -> None:
        await read(filled, "a")

        assert await claim(filled, "b") == []
        await leave(filled, "a")
        assert await claim(filled, "a") == []
        claimed = await claim(filled, "b")
        assert [(entry.body, entry.deliveries) for entry in claimed] == [
            (b"1", 2), (b"2", 2), (b"3", 2),
        ]  # fmt: skip
        assert await filled.own(LANE, "a", after="", count=9) == []

    async def test_claims_no_more_than_asked_for(self, filled: Broker) -> None:
        await read(filled, "a")
        await leave(filled, "a")

        claimed = await filled.claim(LANE, "b", count=2, idle_seconds=3600)
        assert [entry.body for entry in claimed] == [b"1", b"2"]

    async def test_what_is_renewed_is_not_claimed(self, filled: Broker) -> None:
        entries = await read(filled, "a")
        await leave(filled, "a")
        await filled.renew(LANE, "a", [entries[0].id, entries[2].id])

        claimed = await claim(filled, "b")
        assert [entry.body for entry in claimed] == [b"2"]

    async def test_renewing_takes_nothing_from_others_and_counts_nothing(
        self, filled: Broker
    ) -> None:
        ids = [entry.id for entry in await read(filled, "a")]
        await filled.renew(LANE, "b", ids)
        assert await filled.own(LANE, "b", after="", count=9) == []

        await filled.renew(LANE, "a", ids)
        own = await filled.own(LANE, "a", after="", count=9)
        assert [entry.deliveries for entry in own] == [1, 1, 1]

    async def test_from_the_third_delivery_an_entry_comes_alone(self, filled: Broker) -> None:
        await read(filled, "a")
        await leave(filled, "a")
        await claim(filled, "b")
        await filled.add(LANE, b"4")
        await read(filled, "b")
        await leave(filled, "b")

        assert [entry.body for entry in await claim(filled, "c")] == [b"4"]
        for body in (b"1", b"2", b"3"):
            alone = await claim(filled, "c")
            assert [(entry.body, entry.deliveries) for entry in alone] == [(body, 3)]
            await filled.ack(LANE, [alone[0].id])
        await filled.ack(
            LANE, [entry.id for entry in await filled.own(LANE, "c", after="", count=9)]
        )
        assert await filled.stats(LANE) == LaneStats()

    async def test_acked_entries_are_gone(self, filled: Broker) -> None:
        ids = [entry.id for entry in await read(filled)]
        await filled.ack(LANE, ids)
        await filled.ack(LANE, ids)

        assert await filled.stats(LANE) == LaneStats()

    async def test_what_is_put_back_returns_when_due_and_changed(self, filled: Broker) -> None:
        first, *_ = await read(filled)
        await filled.put_back(LANE, [Later(first.id, 1000.5, b"again")])

        assert (await filled.turn(LANE, 1000.4)).next_at == 1000.5
        assert await read(filled) == []
        assert (await filled.turn(LANE, 1000.5)).next_at is None
        assert [(e.body, e.deliveries) for e in await read(filled)] == [(b"again", 1)]

    async def test_putting_back_twice_puts_back_once(self, filled: Broker) -> None:
        first, *_ = await read(filled)
        later = [Later(first.id, 1000, b"again")]
        await filled.put_back(LANE, later)
        await filled.turn(LANE, 1000)
        await filled.put_back(LANE, later)
        await filled.turn(LANE, 1000)

        assert [entry.body for entry in await read(filled)] == [b"again"]

    async def test_a_parked_entry_keeps_its_bytes_and_why(self, filled: Broker) -> None:
        body = b"\x00\xff not text"
        await filled.add(LANE, body)
        entry = (await read(filled))[-1]
        letter = DeadLetter("", entry.id, "no use", 4, body)
        await filled.park(LANE, [letter])
        await filled.park(LANE, [letter])

        (found,) = await filled.dead(LANE)
        assert (found.entry_id, found.reason, found.attempts, found.body) == (
            entry.id, "no use", 4, body,
        )  # fmt: skip
        assert (await filled.stats(LANE)).pending == 3

    async def test_dead_letters_are_paged_revived_once_and_dropped_once(
        self, filled: Broker
    ) -> None:
        entries = await read(filled)
        await filled.park(LANE, [DeadLetter("", e.id, "why", 1, e.body) for e in entries])

        first, second, third = await filled.dead(LANE)
        assert await filled.dead(LANE, after=first.id, count=1) == [second]
        assert await filled.revive(LANE, first.id, b"one more time")
        assert not await filled.revive(LANE, first.id, b"one more time")
        assert await filled.drop(LANE, third.id)
        assert not await filled.drop(LANE, third.id)
        assert [entry.body for entry in await read(filled)] == [b"one more time"]
        assert await filled.dead(LANE) == [second]

    async def test_a_timer_fires_once_with_its_last_time_and_body(self, broker: Broker) -> None:
        await broker.prepare(LANE)
        await broker.schedule(LANE, "thread", 1000, b"old")
        await broker.schedule(LANE, "other", 1500, b"other")
        await broker.schedule(LANE, "thread", 2000, b"new")

        assert (await broker.turn(LANE, 999)).next_at == 1500
        await broker.turn(LANE, 1999)
        assert [entry.body for entry in await read(broker)] == [b"other"]
        await broker.turn(LANE, 2000)
        await broker.turn(LANE, 3000)
        assert [entry.body for entry in await read(broker)] == [b"new"]

    async def test_while_paused_a_due_timer_stays_and_its_copies_are_one(
        self, broker: Broker
    ) -> None:
        await broker.prepare(LANE)
        await broker.pause(LANE, paused=True)
        for _ in range(3):
            await broker.schedule(LANE, "thread", 1000, b"x")
            assert await broker.turn(LANE, 1000) == Turn(paused=True, next_at=None)

        stats = await broker.stats(LANE)
        assert (stats.unread, stats.timers) == (0, 1)
        await broker.pause(LANE, paused=False)
        await broker.turn(LANE, 1000)
        assert [entry.body for entry in await read(broker)] == [b"x"]

    async def test_a_backlog_does_not_grow_by_its_timers(self, broker: Broker) -> None:
        """Whatever is overdue is scheduled again, as long as nobody comes to it."""
        await broker.prepare(LANE)
        await asyncio.gather(*(broker.add(LANE, b"x") for _ in range(MOST_UNREAD)))
        for _ in range(3):
            await broker.schedule(LANE, "thread", 1000, b"due")
            assert (await broker.turn(LANE, 1000)).next_at is None

        stats = await broker.stats(LANE)
        assert (stats.unread, stats.timers) == (MOST_UNREAD, 1)
        await read(broker)
        await broker.turn(LANE, 1000)
        assert (await broker.stats(LANE)).timers == 0

    async def test_of_one_timer_a_single_retry_waits_that_was_tried_the_most(
        self, broker: Broker
    ) -> None:
        await broker.prepare(LANE)
        for body in (b"tried often", b"tried once"):
            await broker.schedule(LANE, "thread", 1000, body)
            await broker.turn(LANE, 1000)
            (entry,) = await read(broker)
            await broker.put_back(LANE, [Later(entry.id, 2000, body, timer="thread")])

        stats = await broker.stats(LANE)
        assert (stats.pending, stats.later) == (0, 1)
        await broker.turn(LANE, 2000)
        assert [entry.body for entry in await read(broker)] == [b"tried often"]

    async def test_many_due_entries_need_more_than_one_turn_at_most(self, broker: Broker) -> None:
        await broker.prepare(LANE)
        for number in range(450):
            await broker.schedule(LANE, f"t{number}", 1000, b"x")

        turns = 1
        while (await broker.turn(LANE, 1000)).next_at is not None:
            turns += 1
        assert turns <= 4
        assert (await broker.stats(LANE)).unread == 450

    async def test_what_is_erased_is_gone_wherever_it_waits(self, broker: Broker) -> None:
        await broker.prepare(LANE)
        for body in (b"ana running", b"ana later", b"ana parked", b"bob running"):
            await broker.add(LANE, body)
        running, later, parked, _ = await read(broker)
        await broker.put_back(LANE, [Later(later.id, 5000, later.body)])
        await broker.park(LANE, [DeadLetter("", parked.id, "why", 1, parked.body)])
        await broker.add(LANE, b"ana unread")
        await broker.schedule(LANE, "a", 6000, b"ana timer")
        await broker.schedule(LANE, "b", 6000, b"bob timer")

        assert await broker.erase(LANE, [b"ana", b"never"]) == 5
        await broker.put_back(LANE, [Later(running.id, 5000, running.body)])

        stats = await broker.stats(LANE)
        assert (stats.unread, stats.pending, stats.later, stats.timers, stats.dead) == (
            0,
            1,
            0,
            1,
            0,
        )
        assert [entry.body for entry in await broker.own(LANE, "a", after="", count=9)] == [
            b"bob running"
        ]

    async def test_a_pause_is_seen_by_the_next_turn(self, broker: Broker) -> None:
        await broker.pause(LANE, paused=True)
        assert (await broker.turn(LANE, 0)).paused
        assert (await broker.stats(LANE)).paused

        await broker.pause(LANE, paused=False)
        assert not (await broker.turn(LANE, 0)).paused

    async def test_counts_what_is_where(self, filled: Broker) -> None:
        await filled.add(LANE, b"4")
        one, two, _ = await read(filled, count=3)
        await filled.put_back(LANE, [Later(one.id, 5000, b"1")])
        await filled.park(LANE, [DeadLetter("", two.id, "why", 1, b"2")])
        await filled.schedule(LANE, "thread", 6000, b"5")
        counted = await filled.stats(LANE)
        (four,) = await read(filled)

        assert counted == LaneStats(
            unread=1, pending=1, later=1, timers=1, dead=1, oldest_id=four.id
        )

    async def test_what_is_worked_on_waits_for_nobody_until_its_reader_is_silent(
        self, filled: Broker
    ) -> None:
        first, *rest = await read(filled)
        worked_on = await filled.stats(LANE)
        await leave(filled, "a")
        left = await filled.stats(LANE)
        await filled.renew(LANE, "a", [first.id])
        renewed = await filled.stats(LANE)

        assert (worked_on.oldest_id, left.oldest_id) == ("", first.id)
        assert renewed.oldest_id == rest[0].id

    @pytest.mark.parametrize(
        "show", [lambda b: b.own(LANE, "a", after="", count=9), lambda b: claim(b, "a")],
        ids=["own", "claim"],
    )  # fmt: skip
    async def test_a_reader_that_looks_is_heard_until_it_leaves(
        self, broker: Broker, show: Callable[[Broker], Awaitable[object]]
    ) -> None:
        before = await broker.silence(LANE)
        await broker.prepare(LANE)
        unread = await broker.silence(LANE)
        await show(broker)
        heard = await broker.silence(LANE)
        await leave(broker, "a")

        assert (before, unread) == (None, None)
        assert heard is not None
        assert 0 <= heard < 60
        assert await broker.silence(LANE) is None

    async def test_lanes_do_not_mix(self, filled: Broker) -> None:
        await filled.prepare("other:0")

        assert await filled.read("other:0", "a", count=9, wait_seconds=0.01) == []

    async def test_an_answer_is_read_piece_by_piece_from_any_position(self, broker: Broker) -> None:
        for piece in (b"1", b"2", b"3"):
            await broker.answer("answer.x", piece)

        pieces = await broker.pieces("answer.x", after="", wait_seconds=0.01)
        assert [body for _, body in pieces] == [b"1", b"2", b"3"]
        rest = await broker.pieces("answer.x", after=pieces[0][0], wait_seconds=0.01)
        assert rest == pieces[1:]
        assert await broker.pieces("answer.x", after=pieces[-1][0], wait_seconds=0.01) == []

    async def test_an_answer_that_names_somebody_is_erased(self, broker: Broker) -> None:
        await broker.answer("answer.x", b"hello", b"to ana")
        await broker.answer("answer.y", b"to bob")
        await broker.answer("reply.z", b"to ana")

        assert await broker.erase_answers([b"ana", b"never"]) == 1
        assert await broker.pieces("answer.x", after="", wait_seconds=0.01) == []
        assert len(await broker.pieces("answer.y", after="", wait_seconds=0.01)) == 1
        assert len(await broker.pieces("reply.z", after="", wait_seconds=0.01)) == 1

    async def test_forgotten_pieces_are_gone(self, broker: Broker) -> None:
        await broker.answer("answer.x", b"1")
        ((position, _),) = await broker.pieces("answer.x", after="", wait_seconds=0.01)
        await broker.forget("answer.x", [position])

        assert await broker.pieces("answer.x", after="", wait_seconds=0.01) == []

    async def test_a_reader_waits_for_the_next_piece(self, broker: Broker) -> None:
        waiting = asyncio.create_task(broker.pieces("answer.x", after="", wait_seconds=2))
        await asyncio.sleep(0)
        await broker.answer("answer.x", b"1", b"2")

        assert [body for _, body in await waiting] == [b"1", b"2"]


class TestMemoryBroker(BrokerContract):
    @pytest.fixture
    def broker(self) -> MemoryBroker:
        return MemoryBroker(SystemClock())

    @pytest.fixture
    def flush(self, broker: MemoryBroker) -> Flush:
        async def flush() -> None:
            broker.flush()

        return flush


class RedisBrokerContract(BrokerContract):
    """On anything that speaks RESP: the address decides."""

    @pytest.fixture
    async def client(self, address: str) -> AsyncIterator[Redis]:
        client = connect(address, name="test")
        yield client
        await client.aclose()

    @pytest.fixture
    def broker(self, client: Redis) -> RedisBroker:
        return RedisBroker(client)

    @pytest.fixture
    def flush(self, client: Redis) -> Flush:
        return lambda: client.execute("FLUSHALL")

    async def test_an_entry_deleted_under_its_reader_is_forgotten(
        self, filled: Broker, client: Redis
    ) -> None:
        """XAUTOCLAIM would show it as nil on 6.2, and hide it in a third element on 7."""
        first, second, third = await read(filled)
        await leave(filled, "a")
        await client.execute("XDEL", f"{{{LANE}}}:stream", first.id, second.id)

        assert await filled.own(LANE, "a", after="", count=9) == [third]
        await leave(filled, "a")
        assert [entry.body for entry in await claim(filled, "b")] == [b"3"]
        assert (await filled.stats(LANE)).pending == 1

    async def test_what_somebody_else_wrote_is_read_and_none_of_its_bytes_is_lost(
        self, broker: Broker, client: Redis
    ) -> None:
        await broker.prepare(LANE)
        await client.execute("XADD", f"{{{LANE}}}:stream", "*", "foo", "bar", "baz", b"\xff")

        (entry,) = await read(broker)
        fields = [field.encode(errors="surrogateescape") for field in json.loads(entry.body)]
        assert fields == [b"foo", b"bar", b"baz", b"\xff"]

    async def test_readers_that_hold_nothing_are_removed_and_others_never(
        self, filled: Broker, client: Redis
    ) -> None:
        """DELCONSUMER drops what is pending for it."""
        await read(filled, "a")
        await filled.hand_back(LANE, "a")
        await filled.prepare(LANE)
        readers = await client.execute("XINFO", "CONSUMERS", f"{{{LANE}}}:stream", "readers")
        assert len(readers) == 1

        await claim(filled, "b")
        await filled.hand_back(LANE, "a")
        readers = await client.execute("XINFO", "CONSUMERS", f"{{{LANE}}}:stream", "readers")
        assert [dict(zip(r[::2], r[1::2], strict=True))[b"name"] for r in readers] == [b"b"]
        assert (await filled.stats(LANE)).pending == 3

    async def test_a_reader_that_vanished_is_removed_unless_it_holds_something(
        self, filled: Broker, client: Redis
    ) -> None:
        stream = f"{{{LANE}}}:stream"
        await read(filled, "holds", count=1)
        await filled.ack(LANE, [entry.id for entry in await read(filled, "vanished")])

        await client.script(scripts.PREPARE, [stream], -1)  # as if both were silent for an hour

        readers = await client.execute("XINFO", "CONSUMERS", stream, "readers")
        assert [dict(zip(r[::2], r[1::2], strict=True))[b"name"] for r in readers] == [b"holds"]
        assert [entry.body for entry in await filled.own(LANE, "holds", after="", count=9)] == [
            b"1"
        ]

    async def test_an_answer_does_not_stay_for_ever(self, broker: Broker, client: Redis) -> None:
        await broker.answer("answer.x", b"1")

        assert 0 < await client.execute("PTTL", "{answer.x}") <= 600_000


class TestFakeRedisBroker(RedisBrokerContract):
    @pytest.fixture
    def address(self) -> FakeServer:
        return new_server()


@pytest.mark.slow
class TestRedisBroker(RedisBrokerContract):
    @pytest.fixture
    def address(self, redis_url: str) -> str:
        return redis_url


@pytest.mark.slow
class TestOldRedisBroker(RedisBrokerContract):
    """6.2: no lag, no third element, other texts for errors inside scripts."""

    @pytest.fixture
    def address(self, old_redis_url: str) -> str:
        return old_redis_url
