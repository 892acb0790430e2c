"""The consume loop in virtual time: nothing is lost, nothing is stuck, nobody is left waiting."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import io
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from libs.errors import Rejected, Retryable, Unavailable
from libs.messages.lead import ConsiderLead
from libs.messages.streams import LEAD_CONSIDER
from libs.runtime import metrics as m
from libs.streams.broker import Broker, Entry
from libs.streams.envelope import seal
from libs.streams.fate import MAX_ATTEMPTS, MAX_DELIVERIES
from libs.streams.memory import MemoryBroker
from libs.streams.pace import Pace
from libs.streams.port import Consumer, Delivery
from libs.streams.streams import Streams
from tests.unit.streams.virtual import EPOCH, LoopClock, in_virtual_time, process

LANE = "lead.consider:0"
Lead = Delivery[ConsiderLead]
Does = Callable[[Lead], Awaitable[None]]


def wish(thread: str = "cthr_1") -> ConsiderLead:
    return ConsiderLead(shop="s", thread_id=thread, reason="idle")


@dataclass
class Shop:
    """A broker, and processes that consume from it."""

    broker: MemoryBroker = field(default_factory=lambda: MemoryBroker(LoopClock()))
    seen: list[tuple[str, int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.streams = self.process()

    def process(self, broker: Broker | None = None) -> Streams:
        return Streams(broker or self.broker, process())

    @contextlib.asynccontextmanager
    async def open(
        self, does: Does, streams: Streams | None = None, **options: Any
    ) -> AsyncIterator[asyncio.Event]:
        async def handler(delivery: Lead) -> None:
            now = asyncio.get_running_loop().time()
            self.seen.append((delivery.message.thread_id, delivery.attempt, now))
            await does(delivery)

        stop = asyncio.Event()
        consumer = Consumer(LEAD_CONSIDER, handler, **options)
        async with asyncio.TaskGroup() as group:
            group.create_task((streams or self.streams).consume(consumer, stop))
            yield stop
            stop.set()

    async def empty(self) -> bool:
        stats = await self.broker.stats(LANE)
        return stats.unread == stats.pending == stats.later == 0

    @property
    def threads(self) -> list[str]:
        return [thread for thread, _, _ in self.seen]

    @property
    def attempts(self) -> list[int]:
        return [attempt for _, attempt, _ in self.seen]


async def nothing(_: Lead) -> None:
    pass


async def a_while(_: Lead) -> None:
    await asyncio.sleep(10)


async def a_long_time(_: Lead) -> None:
    await asyncio.sleep(200)


def fails(*errors: Exception) -> Does:
    """Raises these in turn, then succeeds."""
    left = list(errors)

    async def does(_: Lead) -> None:
        if left:
            raise left.pop(0)

    return does


async def dead_reader_takes(shop: Shop, times: int = 1) -> None:
    """`times` readers die of what is in the lane, one after the other."""
    await shop.broker.prepare(LANE)
    await shop.broker.read(LANE, "dead-1", count=100, wait_seconds=0.1)
    for number in range(2, times + 1):
        while await shop.broker.claim(LANE, f"dead-{number}", count=100, idle_seconds=0):
            pass


def test_what_is_handled_is_gone() -> None:
    async def story() -> None:
        shop = Shop()
        for number in range(250):
            await shop.streams.publish(wish(f"t{number}"))
        async with shop.open(nothing):
            await asyncio.sleep(1)

        assert shop.threads == [f"t{number}" for number in range(250)]
        assert await shop.empty()
        assert shop.streams.process.metrics.value(m.HANDLED, "lead.consider", "done") == 250
        said = shop.streams.process.metrics.prometheus()
        assert 'handoff_handler_seconds_count{stream="lead.consider"} 250\n' in said

    in_virtual_time(story())


def test_a_retry_comes_back_after_a_growing_wait_and_counts() -> None:
    async def story() -> None:
        shop = Shop()
        await shop.streams.publish(wish())
        async with shop.open(fails(*(Retryable("not yet") for _ in range(4)))):
            await asyncio.sleep(60)

        assert shop.attempts == [1, 2, 3, 4, 5]
        times = [at for _, _, at in shop.seen]
        waits = [later - earlier for earlier, later in itertools.pairwise(times)]
        for wait, longest in zip(waits, (1, 2, 4, 8), strict=True):
            assert longest / 2 <= wait <= longest + 0.01
        assert await shop.empty()

    in_virtual_time(story())


def test_a_handler_says_itself_when_to_come_back() -> None:
    async def story() -> None:
        shop = Shop()
        await shop.streams.publish(wish())
        async with shop.open(fails(Retryable("later", after_seconds=120))):
            await asyncio.sleep(200)

        assert shop.seen[1][2] - shop.seen[0][2] == pytest.approx(120, abs=0.1)

    in_virtual_time(story())


def test_what_is_rejected_waits_for_a_person_with_its_bytes() -> None:
    async def story() -> None:
        shop = Shop()
        await shop.streams.publish(wish("t1"))
        await shop.streams.publish(wish("t2"))
        async with shop.open(fails(Rejected("no such shop"))):
            await asyncio.sleep(1)

        (letter,) = await shop.broker.dead(LANE)
        assert (letter.reason, letter.attempts) == ("no such shop", 1)
        assert letter.body == seal(wish("t1"))
        assert shop.threads == ["t1", "t2"]
        assert await shop.empty()

    in_virtual_time(story())


@pytest.mark.parametrize(
    "body",
    [
        b"\x00\xff",
        b"{}",
        b'[{"type":"lead.consider.v9"}]',
        b'[{"type":"lead.signal.v1"}]',
        b'[{"type":"lead.consider.v1","new":' + b"[" * 100_000,
        b'[{"type":"\xff"}]',
    ],
)
def test_what_cannot_be_decoded_waits_for_a_person(body: bytes) -> None:
    async def story() -> None:
        shop = Shop()
        await shop.broker.add(LANE, body)
        async with shop.open(nothing):
            await asyncio.sleep(1)

        (letter,) = await shop.broker.dead(LANE)
        assert (letter.reason, letter.body) == ("not a lead.consider.v1", body)
        assert shop.seen == []

    in_virtual_time(story())


def test_a_message_is_given_up_after_enough_attempts_of_its_own() -> None:
    async def story() -> None:
        shop = Shop()
        await shop.streams.publish(wish())
        async with shop.open(fails(*(Retryable("never") for _ in range(99)))):
            await asyncio.sleep(3600)

        (letter,) = await shop.broker.dead(LANE)
        assert (letter.attempts, letter.reason) == (MAX_ATTEMPTS, "gave up: never")
        assert shop.attempts == list(range(1, MAX_ATTEMPTS + 1))

    in_virtual_time(story())


def test_an_outage_elsewhere_is_no_fault_of_the_message() -> None:
    async def story() -> None:
        shop = Shop()
        await shop.streams.publish(wish())
        async with shop.open(fails(*(Unavailable("records", "down") for _ in range(20)))):
            await asyncio.sleep(1.5 * 3600)

        assert len(shop.seen) == 21
        assert await shop.empty()
        assert await shop.broker.dead(LANE) == []

    in_virtual_time(story())


def test_after_an_outage_elsewhere_a_message_still_has_all_its_attempts() -> None:
    async def story() -> None:
        shop = Shop()
        await shop.streams.publish(wish())
        outage = [Unavailable("records", "down")] * 20
        own = [Retryable("not yet")] * (MAX_ATTEMPTS - 1)
        async with shop.open(fails(*outage, *own)):
            await asyncio.sleep(4 * 3600)

        assert shop.attempts == list(range(1, 20 + MAX_ATTEMPTS + 1))
        assert await shop.empty()
        assert await shop.broker.dead(LANE) == []

    in_virtual_time(story())


def test_outages_between_do_not_save_a_message_that_fails_by_itself() -> None:
    async def story() -> None:
        shop = Shop()
        await shop.streams.publish(wish())
        async with shop.open(fails(*[Unavailable("records", "down"), Retryable("never")] * 99)):
            await asyncio.sleep(4 * 3600)

        (letter,) = await shop.broker.dead(LANE)
        assert (letter.attempts, letter.reason) == (2 * MAX_ATTEMPTS, "gave up: never")

    in_virtual_time(story())


def test_what_every_sweep_schedules_again_does_not_pile_up_in_an_outage() -> None:
    async def story() -> None:
        shop = Shop()

        async def down(_: Lead) -> None:
            raise Unavailable("conversations", "down")

        async with shop.open(down):
            for _ in range(60):
                await shop.streams.schedule(wish(), key="t", at=LoopClock().now())
                await asyncio.sleep(30)
            stats = await shop.broker.stats(LANE)

        assert stats.unread + stats.later + stats.timers <= 2

    in_virtual_time(story())


def test_a_bug_is_retried_and_its_text_is_told_to_nobody() -> None:
    async def story() -> None:
        out = io.StringIO()
        shop = Shop()
        streams = Streams(shop.broker, process(level="debug", out=out))
        await streams.publish(wish())
        async with shop.open(fails(ValueError("call me at 555 0100 123")), streams):
            await asyncio.sleep(5)

        assert shop.attempts == [1, 2]
        assert "ValueError" in out.getvalue()
        assert "test_consume.py:" in out.getvalue()
        assert "555" not in out.getvalue()

    in_virtual_time(story())


@pytest.mark.parametrize("error", [Rejected("no such shop"), ValueError("a bug")])
def test_every_line_about_a_failure_says_whose_it_was(error: Exception) -> None:
    async def story() -> None:
        out = io.StringIO()
        shop = Shop()
        streams = Streams(shop.broker, process(level="warning", out=out))
        lead = ConsiderLead(shop="s", thread_id="cthr_1", reason="idle", request_id="r-1")
        await streams.publish(lead)
        async with shop.open(fails(error), streams):
            await asyncio.sleep(5)

        lines = [json.loads(line) for line in out.getvalue().splitlines()]
        assert "delivery_failed" in {line["event"] for line in lines}
        assert {(line["request_id"], line["thread_id"]) for line in lines} == {("r-1", "cthr_1")}

    in_virtual_time(story())


def test_each_delivery_is_one_line_in_the_log() -> None:
    async def story() -> None:
        out = io.StringIO()
        shop = Shop()
        streams = Streams(shop.broker, process(level="info", out=out))
        await streams.publish(wish())
        async with shop.open(nothing, streams):
            await asyncio.sleep(1)

        (line,) = out.getvalue().splitlines()
        for part in ("lead.consider.v1", "cthr_1", '"attempt":1', '"outcome":"done"', "seconds"):
            assert part in line

    in_virtual_time(story())


def test_a_handler_that_takes_too_long_is_cancelled_and_tried_again() -> None:
    async def story() -> None:
        shop = Shop()
        ended: list[str] = []

        async def hangs_once(delivery: Lead) -> None:
            if delivery.attempt == 1:
                try:
                    await asyncio.sleep(10_000)
                finally:
                    ended.append("cancelled")

        await shop.streams.publish(wish())
        async with shop.open(hangs_once, timeout_seconds=30):
            await asyncio.sleep(100)

        assert ended == ["cancelled"]
        assert shop.attempts == [1, 2]
        assert 30 <= shop.seen[1][2] - shop.seen[0][2] <= 32
        assert await shop.empty()

    in_virtual_time(story())


def test_a_handler_whose_helper_was_cancelled_is_tried_again() -> None:
    """Only the end of this process may leave an entry unsettled."""

    async def story() -> None:
        out = io.StringIO()
        shop = Shop()
        streams = Streams(shop.broker, process(out=out))

        async def waits_for_what_is_cancelled(delivery: Lead) -> None:
            if delivery.attempt == 1:
                helper = asyncio.create_task(asyncio.sleep(10))
                asyncio.get_running_loop().call_soon(helper.cancel)
                await helper

        await streams.publish(wish())
        async with shop.open(waits_for_what_is_cancelled, streams):
            await asyncio.sleep(100)

        assert shop.attempts == [1, 2]
        assert await shop.empty()
        assert '"exception_type":"CancelledError"' in out.getvalue()

    in_virtual_time(story())


def test_a_timeout_inside_a_handler_is_the_handlers_own() -> None:
    async def story() -> None:
        shop = Shop()

        async def waits_briefly(_: Lead) -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await asyncio.sleep(100)

        for number in range(3):
            await shop.streams.publish(wish(f"t{number}"))
        async with shop.open(waits_briefly, concurrency=1):
            await asyncio.sleep(10)

        assert shop.attempts == [1, 1, 1]
        assert await shop.empty()

    in_virtual_time(story())


def test_runs_as_many_at_once_as_allowed_and_no_more() -> None:
    async def story() -> None:
        shop = Shop()
        running, most = 0, 0

        async def counts(_: Lead) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(1)
            running -= 1

        for number in range(50):
            await shop.streams.publish(wish(f"t{number}"))
        async with shop.open(counts, concurrency=7):
            await asyncio.sleep(8.5)

        assert most == 7
        assert len(shop.seen) == 50
        assert await shop.empty()

    in_virtual_time(story())


def test_two_processes_share_what_is_there() -> None:
    async def story() -> None:
        shop = Shop()
        for number in range(40):
            await shop.streams.publish(wish(f"t{number}"))
        other = shop.process()
        async with (
            shop.open(a_while, concurrency=20),
            shop.open(a_while, other, concurrency=20),
        ):
            await asyncio.sleep(5)
            assert len(shop.seen) == 40  # nobody hoards what the other could start

            await asyncio.sleep(10)
        assert sorted(shop.threads) == sorted({*shop.threads})

    in_virtual_time(story())


def test_a_handler_that_does_not_suspend_costs_no_task() -> None:
    async def story() -> None:
        shop, made = Shop(), 0

        def factory(loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> Any:
            nonlocal made
            made += 1
            return asyncio.Task(coro, loop=loop, **more)

        for number in range(1000):
            await shop.streams.publish(wish(f"t{number}"))
        asyncio.get_running_loop().set_task_factory(factory)
        async with shop.open(nothing, concurrency=100):
            await asyncio.sleep(1)

        assert len(shop.seen) == 1000
        assert made < 50

    in_virtual_time(story())


def test_what_a_dead_process_held_is_taken_over_on_a_quiet_stream() -> None:
    async def story() -> None:
        shop = Shop()
        await shop.streams.publish(wish())
        await dead_reader_takes(shop)
        async with shop.open(nothing):
            await asyncio.sleep(60)

        assert shop.attempts == [2]
        assert 20 <= shop.seen[0][2] <= 26
        assert await shop.empty()

    in_virtual_time(story())


def test_a_consumer_may_be_quicker_to_take_over() -> None:
    async def story() -> None:
        shop = Shop()
        await shop.streams.publish(wish())
        await dead_reader_takes(shop)
        pace = Pace(renew_seconds=1, claim_seconds=1, idle_seconds=4)
        async with shop.open(nothing, pace=pace):
            await asyncio.sleep(60)

        assert shop.attempts == [2]
        assert 4 <= shop.seen[0][2] <= 5.1

    in_virtual_time(story())


def test_who_lives_keeps_its_entries_through_an_outage_of_redis() -> None:
    """Nobody could renew: right after it everybody looks dead."""

    async def story() -> None:
        shop = Shop()
        wires = Outage(shop.broker), Outage(shop.broker)
        pace = Pace(renew_seconds=5, claim_seconds=0.01, idle_seconds=20)
        await shop.streams.publish(wish())
        async with (
            shop.open(a_long_time, shop.process(wires[0]), timeout_seconds=900, pace=pace),
            shop.open(a_long_time, shop.process(wires[1]), timeout_seconds=900, pace=pace),
        ):
            await asyncio.sleep(30)
            for wire in wires:
                wire.down = True
            await asyncio.sleep(60)
            for wire in wires:
                wire.down = False
            await asyncio.sleep(300)

        assert shop.attempts == [1]
        assert await shop.empty()

    in_virtual_time(story())


def test_each_that_comes_after_a_rest_is_renewed_too() -> None:
    """A lane that holds nothing renews nothing, and begins again with the next."""

    async def story() -> None:
        shop = Shop()
        async with (
            shop.open(a_long_time, timeout_seconds=900),
            shop.open(a_long_time, shop.process(), timeout_seconds=900),
        ):
            for _ in range(2):
                await asyncio.sleep(600)
                await shop.streams.publish(wish())
            await asyncio.sleep(600)

        assert shop.attempts == [1, 1]
        assert await shop.empty()

    in_virtual_time(story())


def test_attempts_survive_retries_and_crashes() -> None:
    async def story() -> None:
        shop = Shop()
        await shop.streams.publish(wish())
        async with shop.open(fails(Retryable("once"), Retryable("twice"))) as stop:
            await asyncio.sleep(1.5)
            stop.set()
        assert shop.attempts == [1, 2]
        await asyncio.sleep(10)
        await shop.broker.turn(LANE, EPOCH + 100)
        await dead_reader_takes(shop)
        async with shop.open(nothing):
            await asyncio.sleep(60)

        assert shop.attempts == [1, 2, 4]

    in_virtual_time(story())


def test_a_long_handler_keeps_its_entry() -> None:
    async def story() -> None:
        shop = Shop()

        async def takes_ten_minutes(_: Lead) -> None:
            await asyncio.sleep(600)

        await shop.streams.publish(wish())
        async with (
            shop.open(takes_ten_minutes, timeout_seconds=900),
            shop.open(takes_ten_minutes, shop.process(), timeout_seconds=900),
        ):
            await asyncio.sleep(700)

        assert shop.attempts == [1]

    in_virtual_time(story())


def test_what_kills_its_readers_is_parked_and_its_neighbours_are_not() -> None:
    async def story() -> None:
        shop = Shop()
        await shop.broker.add(LANE, b"poison")
        await dead_reader_takes(shop, times=MAX_DELIVERIES)
        await shop.streams.publish(wish("innocent"))
        await dead_reader_takes(shop)
        async with shop.open(nothing):
            await asyncio.sleep(60)

        (letter,) = await shop.broker.dead(LANE)
        assert (letter.body, letter.attempts) == (b"poison", MAX_DELIVERIES + 1)
        assert "never came to an end" in letter.reason
        assert shop.threads == ["innocent"]

    in_virtual_time(story())


def test_from_the_third_delivery_an_entry_runs_alone() -> None:
    async def story() -> None:
        shop, running, beside = Shop(), set[str](), dict[str, set[str]]()

        async def notes_company(delivery: Lead) -> None:
            thread = delivery.message.thread_id
            running.add(thread)
            beside[thread] = set(running) - {thread}
            await asyncio.sleep(3)
            beside[thread] |= running - {thread}
            running.remove(thread)

        await shop.streams.publish(wish("suspect-1"))
        await shop.streams.publish(wish("suspect-2"))
        await dead_reader_takes(shop, times=2)
        async with shop.open(notes_company, concurrency=8, timeout_seconds=30):
            for number in range(60):
                await shop.streams.publish(wish(f"t{number}"))
                await asyncio.sleep(1)
            await asyncio.sleep(60)

        assert beside["suspect-1"] == beside["suspect-2"] == set()
        assert any(company for company in beside.values())
        assert len(beside) == 62
        assert await shop.empty()

    in_virtual_time(story())


def test_a_paused_stream_starts_nothing_and_goes_on_when_resumed() -> None:
    async def story() -> None:
        shop = Shop()
        await shop.streams.oversight.pause(LEAD_CONSIDER)
        await shop.streams.publish(wish("t1"))
        async with shop.open(nothing):
            await asyncio.sleep(30)
            assert shop.seen == []

            await shop.streams.oversight.resume(LEAD_CONSIDER)
            await asyncio.sleep(1)
            assert shop.threads == ["t1"]

            await shop.streams.oversight.pause(LEAD_CONSIDER)
            await asyncio.sleep(1)
            await shop.streams.publish(wish("t2"))
            await asyncio.sleep(300)
            assert shop.threads == ["t1"]

            await shop.streams.oversight.resume(LEAD_CONSIDER)
            await asyncio.sleep(1)
        assert shop.threads == ["t1", "t2"]

    in_virtual_time(story())


def test_a_suspect_does_not_run_on_a_paused_stream_either() -> None:
    async def story() -> None:
        shop = Shop()
        await shop.streams.publish(wish())
        await dead_reader_takes(shop, times=3)
        suspect = shop.process()
        suspect.process = dataclasses.replace(suspect.process, reader="dead-3")
        await shop.streams.oversight.pause(LEAD_CONSIDER)
        async with shop.open(nothing, suspect):
            await asyncio.sleep(60)
            assert shop.seen == []

            await shop.streams.oversight.resume(LEAD_CONSIDER)
            await asyncio.sleep(2)
        assert shop.attempts == [3]

    in_virtual_time(story())


def test_a_paused_process_that_stops_gives_everything_back() -> None:
    async def story() -> None:
        shop = Shop()
        async with shop.open(nothing) as stop:
            await asyncio.sleep(1)
            await shop.streams.oversight.pause(LEAD_CONSIDER)
            await asyncio.sleep(1)
            await shop.streams.publish(wish())
            await asyncio.sleep(1)
            stop.set()
        await shop.streams.oversight.resume(LEAD_CONSIDER)
        async with shop.open(nothing, shop.process()):
            await asyncio.sleep(6)

        assert len(shop.seen) == 1

    in_virtual_time(story())


def test_stopping_finishes_what_runs_and_starts_nothing_more() -> None:
    async def story() -> None:
        shop = Shop()
        done: list[str] = []

        async def finishes(delivery: Lead) -> None:
            await asyncio.sleep(5)
            done.append(delivery.message.thread_id)

        for number in range(5):
            await shop.streams.publish(wish(f"t{number}"))
        async with shop.open(finishes, concurrency=2) as stop:
            await asyncio.sleep(1)
            stop.set()

        assert sorted(done) == sorted(shop.threads) == ["t0", "t1"]
        assert (await shop.broker.stats(LANE)).pending == 0
        assert (await shop.broker.stats(LANE)).unread == 3

    in_virtual_time(story())


def test_what_is_cancelled_at_the_deadline_comes_back_at_once() -> None:
    async def story() -> None:
        shop = Shop()
        await shop.streams.publish(wish())
        consuming = asyncio.create_task(
            shop.process().consume(Consumer(LEAD_CONSIDER, a_while), asyncio.Event())
        )
        await asyncio.sleep(1)
        consuming.cancel()
        await asyncio.wait([consuming])
        async with shop.open(nothing):
            await asyncio.sleep(6)

        assert shop.attempts == [2]
        assert await shop.empty()

    in_virtual_time(story())


def test_what_nobody_waits_for_is_dropped_only_where_asked() -> None:
    async def story(*, drop_expired: bool) -> int:
        shop = Shop()
        await shop.streams.publish(wish(), deadline=EPOCH + 5)
        await shop.streams.publish(wish(), deadline=EPOCH + 50)
        await shop.streams.publish(wish())
        await asyncio.sleep(10)
        async with shop.open(nothing, drop_expired=drop_expired):
            await asyncio.sleep(1)

        assert await shop.empty()
        return len(shop.seen)

    assert in_virtual_time(story(drop_expired=True)) == 2
    assert in_virtual_time(story(drop_expired=False)) == 3


def test_a_timer_fires_when_due_and_newer_activity_moves_it() -> None:
    async def story() -> None:
        shop = Shop()
        async with shop.open(nothing):
            await shop.streams.schedule(wish(), key="thread", at=EPOCH + 100)
            await asyncio.sleep(90)
            await shop.streams.schedule(wish(), key="thread", at=EPOCH + 300)
            await asyncio.sleep(300)

        ((_, attempt, at),) = shop.seen
        assert attempt == 1
        assert at == pytest.approx(300, abs=0.6)

    in_virtual_time(story())


def test_after_a_flush_it_goes_on_with_what_comes() -> None:
    async def story() -> None:
        shop = Shop()
        async with shop.open(nothing):
            await shop.streams.publish(wish("before"))
            await asyncio.sleep(1)
            shop.broker.flush()
            await asyncio.sleep(5)
            await shop.streams.publish(wish("after"))
            await asyncio.sleep(5)

        assert shop.threads == ["before", "after"]

    in_virtual_time(story())


def test_what_is_running_is_not_run_again_when_redis_lost_its_tail() -> None:
    async def story() -> None:
        shop = Shop()
        await shop.streams.publish(wish())
        async with shop.open(a_while):
            await asyncio.sleep(1)
            lane = shop.broker._lanes[LANE]
            lane.unread.update(dict.fromkeys(lane.pending))
            lane.pending.clear()
            shop.broker._wake(LANE)
            await asyncio.sleep(30)

        assert shop.attempts == [1]
        assert await shop.empty()

    in_virtual_time(story())


class Outage:
    """A broker that cannot be reached while it is `down`."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.down = False

    def __getattr__(self, name: str) -> Any:
        if not self.down:
            return getattr(self._broker, name)

        async def unreachable(*_: Any, **__: Any) -> Any:
            raise Unavailable("redis", "connection lost")

        return unreachable


class Loses:
    """A broker that loses the next requests to `method`, or the replies: then it was done."""

    def __init__(self, broker: Broker, method: str, what: str, times: int) -> None:
        self._broker = broker
        self._method = method
        self._what = what
        self._left = times

    def __getattr__(self, name: str) -> Any:
        there = getattr(self._broker, name)
        if name != self._method:
            return there

        async def loses(*args: Any, **more: Any) -> Any:
            if self._left and self._what == "request":
                self._left -= 1
                raise Unavailable("redis", "connection lost")
            reply: list[Entry] | None = await there(*args, **more)
            if self._left and (reply or reply is None):
                self._left -= 1
                raise Unavailable("redis", "connection lost")
            return reply

        return loses


@pytest.mark.parametrize(
    "method", ["read", "own", "claim", "ack", "put_back", "park", "renew", "turn", "prepare"]
)
@pytest.mark.parametrize("what", ["request", "reply"])
def test_what_the_wire_loses_loses_no_message_and_repeats_no_effect(method: str, what: str) -> None:
    async def story() -> None:
        shop = Shop()
        await shop.streams.publish(wish("orphan"))
        await dead_reader_takes(shop)
        for number in range(20):
            await shop.streams.publish(wish(f"t{number}"))

        async def varies(delivery: Lead) -> None:
            await asyncio.sleep(8)
            if delivery.message.thread_id == "t3" and delivery.attempt == 1:
                raise Retryable("once")
            if delivery.message.thread_id == "t4":
                raise Rejected("never")

        unlucky = shop.process(Loses(shop.broker, method, what, times=3))
        async with shop.open(varies, unlucky, concurrency=5):
            await asyncio.sleep(120)

        assert await shop.empty()
        assert len(await shop.broker.dead(LANE)) == 1
        expected = ["orphan", "t3", *(f"t{number}" for number in range(20))]
        assert sorted(shop.threads) == sorted(expected)

    in_virtual_time(story())


def test_gauges_show_what_is_where() -> None:
    async def story() -> None:
        shop = Shop()
        metrics = shop.streams.process.metrics
        measuring = asyncio.create_task(shop.streams.measure())
        await shop.streams.oversight.pause(LEAD_CONSIDER)
        for number in range(3):
            await shop.streams.publish(wish(f"t{number}"))
        await asyncio.sleep(40)
        async with shop.open(fails(Rejected("a"), Retryable("b", after_seconds=500))):
            await asyncio.sleep(15)
            assert metrics.value(m.STREAM_LAG, "lead.consider") == 3
            assert metrics.value(m.STREAM_OLDEST, "lead.consider") >= 50

            await shop.streams.oversight.resume(LEAD_CONSIDER)
            await asyncio.sleep(15)
            gauges = [
                metrics.value(metric, "lead.consider")
                for metric in (
                    m.STREAM_LAG, m.STREAM_PENDING, m.STREAM_RETRIES, m.STREAM_DEAD,
                    m.STREAM_OLDEST,
                )
            ]  # fmt: skip
        measuring.cancel()
        assert gauges == [0, 0, 1, 1, 0]

    in_virtual_time(story())


def test_gauges_go_on_after_redis_was_away() -> None:
    async def story() -> None:
        shop = Shop()
        unlucky = shop.process(Loses(shop.broker, "stats", "request", times=3))
        measuring = asyncio.create_task(unlucky.measure())
        await shop.streams.publish(wish())
        await asyncio.sleep(60)
        measuring.cancel()

        assert unlucky.process.metrics.value(m.STREAM_LAG, "lead.consider") == 1

    in_virtual_time(story())


def test_dead_letters_are_tried_again_from_the_first_attempt() -> None:
    async def story() -> None:
        shop = Shop()
        await shop.streams.publish(wish("t1"))
        await shop.broker.add(LANE, b"junk")
        oversight = shop.streams.oversight
        async with shop.open(fails(Retryable("once"), Rejected("fix me"))):
            await asyncio.sleep(10)
            by_reason = {x.reason: x for x in await oversight.dead(LEAD_CONSIDER)}
            junk, letter = by_reason["not a lead.consider.v1"], by_reason["fix me"]
            assert not await oversight.retry_dead(LEAD_CONSIDER, junk.id)
            assert await oversight.retry_dead(LEAD_CONSIDER, letter.entry_id)
            assert not await oversight.retry_dead(LEAD_CONSIDER, letter.entry_id)
            assert await oversight.drop_dead(LEAD_CONSIDER, junk.id)
            await asyncio.sleep(10)

        assert shop.attempts == [1, 2, 1]
        assert await oversight.dead(LEAD_CONSIDER) == []

    in_virtual_time(story())
