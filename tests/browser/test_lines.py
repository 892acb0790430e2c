"""The panel on a line that drops, refuses and repeats, each exactly as told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.chat import NEED, WATCH_PAUSES, reference_in
from tests.browser.stage import (
    ANSWER,
    THANKS,
    Asked,
    Stage,
    answered,
    created,
    done,
    failed,
    heard,
    said,
)

if TYPE_CHECKING:
    from aiohttp import web

    from tests.browser.conftest import Visits

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

SESSION_MS = 600_000


async def test_what_was_cut_is_repeated_under_its_own_id(theatre: Stage, visits: Visits) -> None:
    """Between `thread.created` and the stored message: a second id would be a second thread."""
    cutting = True

    async def script(asked: Asked) -> web.StreamResponse | None:
        if cutting:
            if not asked.position:
                await asked.tell(created())
            return asked.cut()
        return await heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.alert.wait_for()
    assert reference_in(await chat.alert.inner_text())
    cutting = False
    await chat.alert.get_by_role("button").click()
    await expect(chat.assistant).to_have_text([ANSWER])

    assert await chat.customer.all_inner_texts() == [NEED]
    assert {one.request_id for one in theatre.asked} == {theatre.asked[0].request_id}
    assert {one.kind for one in theatre.asked} == {"threads.create"}
    assert await chat.alert.count() == 0


async def test_a_message_behind_one_that_failed_waits_for_it(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        if len(theatre.asked) == 1:
            return asked.refuse("unavailable")
        return await heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.alert.wait_for()
    await chat.write("Hello?")
    await chat.panel.get_by_text(THANKS).wait_for()

    assert await chat.customer.all_inner_texts() == [NEED, "Hello?"]
    assert [one.text for one in theatre.asked] == [NEED, NEED, "Hello?"]
    assert theatre.asked[0].request_id == theatre.asked[1].request_id
    assert theatre.asked[0].conversation == theatre.asked[1].conversation
    assert theatre.asked[2].kind == "threads.add_user_message"
    assert await chat.alert.count() == 0


async def test_an_answer_under_way_is_waited_for(theatre: Stage, visits: Visits) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        if len(theatre.asked) == 1:
            return asked.refuse("in_progress", 409, **{"Retry-After": "1"})
        if len(theatre.asked) == 2:
            return asked.refuse("rate_limited", **{"Retry-After": "1"})
        return await heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.assistant.wait_for()

    assert await chat.alert.count() == 0
    assert len({one.request_id for one in theatre.asked}) == 1


async def test_a_reload_in_mid_answer_shows_dots_and_then_the_answer(
    theatre: Stage, visits: Visits
) -> None:
    finished = asyncio.Event()

    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.kind == "items.list":
            return asked.page([said(1, NEED)])
        if not finished.is_set():
            if len(theatre.wishes()) > 1:
                return asked.refuse("in_progress", 409, **{"Retry-After": "1"})
            await asked.tell(created(), done(said(1, NEED)))
            return await asked.silence()
        return await heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.begun()
    await chat.page.reload()
    await chat.panel.locator(".typing").wait_for()
    assert await chat.customer.all_inner_texts() == [NEED]
    finished.set()
    await chat.assistant.wait_for()
    await chat.answered()

    assert await chat.customer.all_inner_texts() == [NEED]
    assert await chat.assistant.all_inner_texts() == [ANSWER]
    assert len({one.request_id for one in theatre.wishes()}) == 1
    asked = len(theatre.wishes())
    await chat.page.reload()
    await chat.customer.wait_for()
    assert len(theatre.wishes()) == asked


async def test_a_place_in_an_answer_that_is_refused_is_let_go_of_at_once(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.position:
            return asked.refuse("answer_gone", 410)
        if len(theatre.asked) > 1:
            return await heard(asked)
        await asked.tell(created())
        await begun.wait()
        return asked.cut()

    begun = asyncio.Event()
    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.begun()
    begun.set()
    await expect(chat.assistant).to_have_text([ANSWER])

    assert [bool(one.position) for one in theatre.asked] == [False, True, False]
    assert await chat.alert.count() == 0


async def test_what_is_not_kept_is_sent_again_after_pauses_that_grow(
    theatre: Stage, visits: Visits
) -> None:
    """A thread is begun each time, and then its message cannot be stored."""

    async def script(asked: Asked) -> web.StreamResponse | None:
        return await asked.tell(created(), failed())

    theatre.script = script
    chat = await visits.page()
    await chat.page.clock.install()
    await chat.open(theatre.url)
    await chat.page.evaluate(WATCH_PAUSES)
    await chat.write(NEED)
    await chat.alert.wait_for()
    await chat.alert.evaluate("node => { node.first = true }")
    await chat.in_time(theatre.asked, 4)
    tries = "pauses.filter(ms => ms <= 10_000)"
    await chat.until(f"{tries}.length === 4")

    assert await chat.page.evaluate(tries) == [500, 1_000, 5_000, 10_000]
    assert await chat.alert.evaluate("node => node.first"), "it is read aloud once"


async def test_a_browser_that_keeps_nothing_stays_the_same_visitor(
    theatre: Stage, visits: Visits
) -> None:
    """Another visitor would have no such thread."""
    more = "Said while they were away"

    async def script(asked: Asked) -> web.StreamResponse | None:
        if "user-1" not in asked.bearer:
            return asked.refuse("unknown_thread")
        if asked.kind == "items.list":
            return asked.page([said(1, NEED), answered(2, ANSWER), answered(3, more)])
        return await heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.page.clock.install()
    await chat.page.add_init_script(
        "for (const area of ['localStorage', 'sessionStorage'])"
        " Object.defineProperty(window, area, { get() { throw new Error('refused') } })"
    )
    await chat.open(theatre.url)
    await chat.write(NEED)
    await expect(chat.assistant).to_have_text([ANSWER])
    await chat.page.evaluate(
        "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
    )
    await expect(chat.assistant).to_have_text([ANSWER, more])
    await chat.page.clock.fast_forward(SESSION_MS)
    await chat.write("And the passenger seat.")
    await expect(chat.assistant).to_have_text([ANSWER, more, THANKS])

    assert await chat.alert.count() == 0
    minted = [body for path, body in theatre.told if path.endswith("session")]
    assert [body["user"] for body in minted] == [None, "user-1"]
