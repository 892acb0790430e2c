"""The loop itself: virtual time, seeded order, processes that die and sleep."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import copy_context

import pytest

from tests.simulation.loop import PROCESS, SimLoop, SimProcess


def run(main: Callable[[], Awaitable[object]], seed: str = "1") -> object:
    loop = SimLoop(seed)
    try:
        return loop.run_until_complete(_await(main))
    finally:
        loop.bury()


async def _await(main: Callable[[], Awaitable[object]]) -> object:
    return await main()


def start(process: SimProcess, main: Callable[[], Awaitable[None]]) -> None:
    context = copy_context()
    context.run(PROCESS.set, process)
    asyncio.get_running_loop().create_task(_await(main), context=context)


def test_a_day_passes_at_once() -> None:
    async def main() -> float:
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time()

    assert run(main) == 86_400


def _order(seed: str) -> list[int]:
    said: list[int] = []

    async def say(number: int) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
            said.append(number)

    async def main() -> None:
        await asyncio.gather(*(say(n) for n in range(5)))

    run(main, seed)
    return said


def test_the_seed_draws_the_order_and_always_the_same() -> None:
    assert _order("a") == _order("a")
    assert _order("a") != _order("b")


def test_nothing_of_a_dead_process_runs_not_even_its_finally() -> None:
    said: list[str] = []

    async def victim() -> None:
        try:
            await asyncio.sleep(10)
            said.append("lived")
        finally:
            said.append("cleaned up")

    async def main() -> list[str]:
        process = SimProcess("p", "m")
        start(process, victim)
        await asyncio.sleep(5)
        process.die()
        await asyncio.sleep(100)
        return list(said)

    assert run(main) == []


def test_a_sleeping_process_goes_on_where_it_was() -> None:
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        woke: list[float] = []

        async def sleeper() -> None:
            await asyncio.sleep(10)
            woke.append(loop.time())

        process = SimProcess("p", "m")
        start(process, sleeper)
        await asyncio.sleep(5)
        process.asleep = True
        await asyncio.sleep(3000)
        loop.wake(process)
        await asyncio.sleep(0.1)
        return woke

    assert run(main) == [3005]


def test_what_ends_a_task_that_nobody_waits_for_is_heard_in_the_end() -> None:
    async def failing() -> None:
        raise ValueError("alone")

    async def main() -> list[BaseException]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        waited_for, left_alone = loop.create_task(failing()), loop.create_task(failing())
        await asyncio.wait([waited_for, left_alone])
        with pytest.raises(ValueError, match="alone"):
            await waited_for
        return loop.unheard()

    unheard = run(main)

    assert isinstance(unheard, list)
    assert [type(error) for error in unheard] == [ValueError]


@pytest.mark.parametrize(("dies", "unheard"), [(False, 1), (True, 0)])
def test_what_a_dead_process_might_yet_have_heard_is_not_missed(
    *, dies: bool, unheard: int
) -> None:
    async def failing() -> None:
        raise ValueError("beside")

    async def parent() -> None:
        beside = asyncio.create_task(failing())
        await asyncio.sleep(3600)
        await beside

    async def main() -> int:
        loop, process = asyncio.get_running_loop(), SimProcess("p", "m")
        assert isinstance(loop, SimLoop)
        start(process, parent)
        await asyncio.sleep(1)
        if dies:
            process.die()
        return len(loop.unheard())

    assert run(main) == unheard


def test_a_thread_is_refused() -> None:
    async def main() -> None:
        await asyncio.to_thread(print)

    with pytest.raises(AssertionError, match="thread"):
        run(main)


def test_a_world_that_stands_still_is_noticed() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(AssertionError, match="everybody waits"):
        run(main)
