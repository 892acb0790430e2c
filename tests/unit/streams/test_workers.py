"""The workers of a lane, apart from the lane."""

from __future__ import annotations

import asyncio

from libs.messages.lead import ConsiderLead
from libs.messages.streams import LEAD_CONSIDER
from libs.streams.attempt import Attempts
from libs.streams.broker import Entry
from libs.streams.envelope import seal
from libs.streams.memory import MemoryBroker
from libs.streams.port import Consumer, Delivery, Handler
from libs.streams.settle import Settler
from libs.streams.workers import Workers
from tests.unit.streams.virtual import LoopClock, in_virtual_time, process


def entry(number: int, thread: str) -> Entry:
    return Entry(f"{number}-0", seal(ConsiderLead(shop="s", thread_id=thread, reason="idle")))


def under_test(handler: Handler[ConsiderLead], *, concurrency: int) -> tuple[Settler, Workers]:
    settler = Settler("lane", MemoryBroker(LoopClock()))
    attempts = Attempts(Consumer(LEAD_CONSIDER, handler), process(), settler)
    return settler, Workers(attempts, LoopClock(), concurrency=concurrency, timeout_seconds=30)


def test_a_worker_whose_handler_was_cancelled_goes_on_as_good_as_new() -> None:
    """Task groups and timeouts of the next handler ask their task whether it is being cancelled."""
    asked: list[int] = []

    async def handler(delivery: Delivery[ConsiderLead]) -> None:
        task = asyncio.current_task()
        assert task
        asked.append(task.cancelling())
        if delivery.message.thread_id == "hangs":
            await asyncio.sleep(1000)

    async def story() -> None:
        settler, workers = under_test(handler, concurrency=1)
        async with asyncio.TaskGroup() as workers.group:
            clock = workers.group.create_task(workers.end_overdue())
            workers.put([entry(1, "hangs"), entry(2, "follows")])
            await asyncio.sleep(100)
            clock.cancel()

        assert asked == [0, 0]
        assert settler._acks == ["2-0"]
        assert [later.entry_id for later in settler._later] == ["1-0"]

    in_virtual_time(story())


def test_a_handler_is_ended_in_time_however_long_nothing_ran_before_it() -> None:
    """An idle lane looks at no clock, and looks again for each that comes after a rest."""
    ended: list[float] = []

    async def hangs(_: Delivery[ConsiderLead]) -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append(asyncio.get_running_loop().time())

    async def story() -> None:
        _, workers = under_test(hangs, concurrency=2)
        async with asyncio.TaskGroup() as workers.group:
            clock = workers.group.create_task(workers.end_overdue())
            for number, wait in enumerate((1000, 10, 500)):
                await asyncio.sleep(wait)
                workers.put([entry(number, "hangs")])
            await asyncio.sleep(100)
            clock.cancel()

        assert ended == [1030, 1040, 1540]

    in_virtual_time(story())
