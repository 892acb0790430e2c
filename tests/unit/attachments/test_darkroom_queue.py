"""No visitor keeps the others from the darkroom, and nobody waits in it for ever."""

from __future__ import annotations

import asyncio
import re

import pytest

from libs.errors import Unavailable
from services.attachments import arriving, forms, handlers
from services.attachments.adapters import child
from services.attachments.darkroom import CPU_SECONDS
from services.attachments.darkroom_queue import MOST, MOST_OF_ONE, WAIT_SECONDS, DarkroomQueue
from services.gateway import attachments as gateway
from services.gateway.front import FOLDER


class Room:
    """Who is inside; each stays until let out."""

    def __init__(self, queue: DarkroomQueue) -> None:
        self.queue, self.inside, self.out = queue, list[str](), asyncio.Event()

    async def enter(self, visitor: str) -> None:
        async with self.queue.turn_of(visitor):
            self.inside.append(visitor)
            await self.out.wait()
            self.inside.remove(visitor)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_one_visitor_holds_one_place_whatever_they_send() -> None:
    room = Room(DarkroomQueue())
    async with asyncio.TaskGroup() as group:
        for visitor in ["eve"] * 5 + ["ana", "bob"]:
            group.create_task(room.enter(visitor))
        await settle()

        assert room.inside == ["eve", "ana"]
        room.out.set()
    assert room.inside == []


@pytest.mark.parametrize("others", [0, MOST - MOST_OF_ONE])
async def test_there_is_an_end_to_the_line_of_one_and_of_all(others: int) -> None:
    room = Room(DarkroomQueue())
    async with asyncio.TaskGroup() as group:
        for visitor in ["eve"] * MOST_OF_ONE + [f"visitor {number}" for number in range(others)]:
            group.create_task(room.enter(visitor))
        await settle()

        with pytest.raises(Unavailable, match="too many"):
            await room.enter("one more" if others else "eve")
        room.out.set()
    await room.enter("eve")


async def test_who_waits_too_long_is_told_and_leaves_no_trace() -> None:
    queue = DarkroomQueue(wait_seconds=0.01)
    room = Room(queue)
    first = asyncio.create_task(room.enter("eve"))
    await settle()

    with pytest.raises(Unavailable, match="too long"):
        await room.enter("eve")

    room.out.set()
    await first
    await room.enter("eve")


def test_each_gives_up_after_the_one_it_asks() -> None:
    """Or a bomb would be told as a service that is down, and sent again."""
    keeping = 10

    assert CPU_SECONDS < child.SECONDS
    assert WAIT_SECONDS + child.SECONDS + keeping < handlers.ANSWER_SECONDS
    assert handlers.ANSWER_SECONDS < gateway.ANSWER_SECONDS == gateway.TIMEOUT.sock_read
    assert gateway.TIMEOUT.total is None  # a phone sends as long as it takes
    assert _patience_of_a_browser() > gateway.ANSWER_SECONDS


def test_the_gateway_tells_who_falls_silent_and_the_service_waits_longer() -> None:
    assert gateway.SILENCE_SECONDS < gateway.CREDIT_SECONDS
    assert gateway.SILENCE_SECONDS < arriving.SILENCE_SECONDS * arriving.LOOK_SECONDS
    assert gateway.SILENCE_SECONDS < forms.BEFORE_SECONDS


def _patience_of_a_browser() -> float:
    """From the last byte that it sent."""
    found = re.search(r"PHOTO_MS = (\d+);", (FOLDER / "panel.js").read_text("utf-8"))
    assert found
    return int(found[1]) / 1000
