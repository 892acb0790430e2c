"""Work done at once, and what becomes of it when the work that it belongs to ends."""

from __future__ import annotations

import asyncio

import pytest

from libs.runtime.together import ahead, beside


class Work:
    """Says how far it came; goes on when it is told to."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.came = "nowhere"

    async def run(self) -> str:
        self.came = "begun"
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.came = "stopped"
            raise
        self.came = "ended"
        return "done"


async def failing() -> None:
    raise LookupError


async def test_what_goes_on_beside_ends_though_the_block_fails() -> None:
    work = Work()

    async def block() -> None:
        async with beside(work.run()):
            await asyncio.sleep(0)
            asyncio.get_running_loop().call_later(0.01, work.go.set)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await block()

    assert work.came == "ended"


async def test_what_goes_on_beside_is_stopped_with_who_waits_for_it() -> None:
    work = Work()

    async def block() -> None:
        async with beside(work.run()) as task:
            await task

    waiting = asyncio.create_task(block())
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.wait([waiting])

    assert waiting.cancelled()
    assert work.came == "stopped"


async def test_what_was_begun_ahead_is_there_when_it_is_asked_for() -> None:
    work = Work()
    async with ahead(work.run()) as task:
        work.go.set()
        assert await task == "done"


async def test_what_was_begun_ahead_and_is_not_needed_is_stopped() -> None:
    work = Work()
    async with ahead(work.run()):
        await asyncio.sleep(0)
        assert work.came == "begun"

    assert work.came == "stopped"


async def test_what_fails_ahead_fails_only_who_asks_for_it() -> None:
    async with ahead(failing()) as task:
        await asyncio.sleep(0)

    with pytest.raises(LookupError):
        await task
