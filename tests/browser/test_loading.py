"""What has to be loaded and is late, broken, refused or another's: asked for again, or given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.gateway.front import load_phrases
from tests.browser.chat import NEED, reference_in
from tests.browser.stage import (
    ANSWER,
    Asked,
    Stage,
    heard,
    said,
)

if TYPE_CHECKING:
    from aiohttp import web
    from playwright.async_api import Route

    from tests.browser.conftest import Visits

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("path", ["/handoff.json", "/handoff.css", "/panel.js"])
async def test_a_part_that_fails_to_load_is_asked_for_again(
    theatre: Stage, visits: Visits, path: str
) -> None:
    lost: list[str] = []

    async def once(route: Route) -> None:
        if lost:
            return await route.continue_()
        lost.append(path)
        return await route.abort()

    theatre.script = heard
    chat = await visits.page()
    await chat.page.route(f"**{path}*", once)
    await chat.open(theatre.url)
    assert lost
    assert await chat.say(NEED) == ANSWER


async def test_a_panel_that_hangs_is_given_up(theatre: Stage, visits: Visits) -> None:
    async def hangs(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) > 1:
            await route.continue_()

    asked: list[str] = []
    chat = await visits.page()
    await chat.page.clock.install()
    await chat.page.route("**/panel.js*", hangs)
    await chat.page.goto(theatre.url)
    await chat.launcher.click()
    await chat.in_time(asked, 2)
    await chat.start.wait_for()


async def test_a_panel_of_other_content_never_runs_and_the_telephone_is_left(
    theatre: Stage, visits: Visits
) -> None:
    async def another(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(body="window.evil = true", content_type="text/javascript")

    asked: list[str] = []
    chat = await visits.page()
    await chat.page.clock.install()
    await chat.page.route("**/panel.js*", another)
    await chat.page.goto(theatre.url)
    await chat.launcher.click()
    await chat.in_time(asked, 4)
    await chat.alert.wait_for()

    assert await chat.alert.get_by_role("link", name="(408) 555-0142").count() == 1
    assert await chat.page.evaluate("window.evil") is None
    await chat.page.unroute_all()
    await chat.alert.get_by_role("button", name="Try again").click()
    await chat.start.wait_for()


async def test_hosted_without_its_runtime_gives_the_telephone(
    theatre: Stage, visits: Visits
) -> None:
    urls = [f"{theatre.url}/nothing.js"]
    theatre.chat = {"mode": "hosted", "runtime_urls": urls, "runtime": {}}
    chat = await visits.page()
    await chat.page.goto(f"{theatre.url}/?lang=es")
    await chat.launcher.click()
    await chat.alert.wait_for()

    told = await chat.alert.inner_text()
    assert load_phrases()["es"]["call_us"] in told
    assert reference_in(told)
    assert await chat.input.count() == 0
    call = chat.alert.get_by_role("link", name="(408) 555-0142")
    assert await call.get_attribute("href") == "tel:+14085550142"


async def test_a_conversation_that_breaks_off_while_loading_can_be_asked_for_again(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.kind != "items.list":
            return await heard(asked)
        page = asked.page([said(1, NEED)])
        if len(theatre.asked) == 2:
            page.text = page.text and page.text[:40]
        return page

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.assistant.wait_for()
    await chat.page.reload()
    await chat.alert.wait_for()
    assert reference_in(await chat.alert.inner_text()) == theatre.asked[1].request_id[:12]
    again = chat.alert.get_by_role("button")
    await again.focus()
    await chat.page.keyboard.press("Enter")
    await chat.customer.wait_for()

    assert await chat.input.evaluate("node => node.getRootNode().activeElement === node")


async def test_a_session_that_is_refused_is_not_asked_for_at_each_key(
    theatre: Stage, visits: Visits
) -> None:
    async def refuse(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(status=429, headers={"Retry-After": "5"}, body="{}")

    asked: list[str] = []
    chat = await visits.page()
    await chat.page.route("**/api/chatkit/session", refuse)
    await chat.open(theatre.url)
    await chat.input.press_sequentially("20 keys are pressed.", delay=20)

    assert len(asked) == 1
