"""The panel on a line that says nothing: neither more of an answer, nor an end, nor an error."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.chat import NEED, reference_in
from tests.browser.stage import (
    ANSWER,
    THANKS,
    Asked,
    Stage,
    created,
    done,
    heard,
    said,
)
from tests.faults.proxy import proxy

if TYPE_CHECKING:
    from aiohttp import web

    from tests.browser.conftest import Visits

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

SLOW_MACHINE_MS = 20_000
"""The page's clock runs on by itself beside what the test adds."""
SILENCE_MS = 45_000
PHOTO_MS = 120_000


async def test_a_line_that_falls_silent_ends_in_try_again(theatre: Stage, visits: Visits) -> None:
    silent = True

    async def script(asked: Asked) -> web.StreamResponse | None:
        if silent:
            if not asked.position:
                await asked.tell(created())
            return await asked.silence()
        return await heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.page.clock.install()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.begun()
    await chat.page.clock.run_for(SILENCE_MS - SLOW_MACHINE_MS)
    assert len(theatre.asked) == 1
    await chat.page.clock.run_for(SLOW_MACHINE_MS + 500)
    await chat.page.clock.run_for(1_500)
    assert (await theatre.until_asked(2)).position
    await chat.page.clock.run_for(SILENCE_MS + 500)
    await chat.alert.wait_for()
    assert reference_in(await chat.alert.inner_text())

    silent = False
    await chat.alert.get_by_role("button").click()
    await chat.assistant.wait_for()
    assert len({one.request_id for one in theatre.asked}) == 1


async def test_an_answer_that_is_no_longer_kept_holds_nothing_back(
    theatre: Stage, visits: Visits
) -> None:
    """Only a request without a position is an answer's way back: the chat service has it."""
    positions: list[str] = []
    cutting = asyncio.Event()

    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.kind != "threads.create":
            return await heard(asked)
        positions.append(asked.position)
        if asked.position:
            return await asked.silence()
        if len(positions) > 1:
            return await heard(asked)
        await asked.tell(created(), done(said(1, NEED)))
        await cutting.wait()
        return asked.cut()

    theatre.script = script
    chat = await visits.page()
    await chat.page.clock.install()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.begun()
    cutting.set()
    await chat.write("408-555-0176")
    await chat.in_time(positions, 3, step_ms=1_000)
    await chat.panel.get_by_text(THANKS).wait_for()

    assert [bool(position) for position in positions] == [False, True, False]
    assert await chat.assistant.all_inner_texts() == [ANSWER, THANKS]
    assert await chat.alert.count() == 0


async def test_bytes_that_a_network_swallows_are_asked_for_again_under_the_same_id(
    theatre: Stage, visits: Visits
) -> None:
    """No reset, no end: the message arrived and was answered, and nobody heard."""

    async def script(asked: Asked) -> web.StreamResponse | None:
        return await heard(asked)

    theatre.script = script
    port = int(theatre.url.rpartition(":")[2])
    async with proxy("127.0.0.1", port) as wire:
        swallowed = wire.fault(b"POST /api/chatkit ", "hang")
        chat = await visits.page()
        await chat.page.clock.install()
        await chat.open(f"http://127.0.0.1:{wire.port}")
        await chat.write(NEED)
        await theatre.until_asked(1)
        await chat.page.clock.run_for(SILENCE_MS + 500)
        await chat.page.clock.run_for(1_500)
        await theatre.until_asked(2)
        await chat.assistant.wait_for()

    assert swallowed.hits == 1
    assert await chat.customer.all_inner_texts() == [NEED]
    assert len({one.request_id for one in theatre.asked}) == 1


async def test_an_upload_that_falls_silent_ends_in_try_again(
    theatre: Stage, visits: Visits
) -> None:
    async def uploading(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(300)
        raise AssertionError

    theatre.uploading = uploading
    chat = await visits.page()
    await chat.page.clock.install()
    await chat.open(theatre.url)
    async with chat.page.expect_request("**/attachment"):
        await chat.attach("seat.jpg", "image/jpeg", b"\xff\xd8\xff")
    await expect(chat.panel.locator(".chip progress")).to_have_js_property("value", 1)
    await chat.page.clock.run_for(SILENCE_MS + 500)
    assert await chat.alert.count() == 0, "it is all sent, and the service makes a picture of it"
    await chat.page.clock.run_for(PHOTO_MS - SILENCE_MS)
    await chat.alert.wait_for()

    assert reference_in(await chat.alert.inner_text())
    async with chat.page.expect_request("**/attachment"):
        await chat.alert.get_by_role("button", name="Try again").click()
