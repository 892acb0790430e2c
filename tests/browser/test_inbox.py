"""The inbox in a browser: it is polled all the time, and nobody who reads in it should notice."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.chat import PHONE, lead

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.async_api import Page, Route

    from tests.browser.conftest import Visits
    from tests.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]


LISTEN = """() => { window.copied = false;
  const look = () => { copied ||= document.body.innerText.includes("Copied") };
  new MutationObserver(look).observe(document.body, {childList: true, subtree: true}) }"""
"""It says so for a moment only."""


async def _with_one_mail(shop: Product, visits: Visits, **how: Any) -> tuple[Page, str]:
    thread = await lead(shop)
    inbox = (await visits.page(**how)).page
    await inbox.goto(shop.inbox_url)
    await inbox.get_by_role("navigation").get_by_text(thread).wait_for(timeout=20_000)
    return inbox, thread


async def test_the_focus_stays_on_its_mail_while_the_list_is_asked_for_again(
    shop: Product, visits: Visits
) -> None:
    inbox, thread = await _with_one_mail(shop, visits)
    line = inbox.get_by_role("navigation").get_by_role("button").filter(has_text=thread)
    await line.click()
    for _ in range(2):
        async with inbox.expect_response("**/mails*"):
            pass

    mail = await inbox.evaluate("document.activeElement.closest('nav button')?.textContent")
    assert mail
    assert thread in mail
    assert await line.get_attribute("aria-current") == "true"


def _newer_one(inbox_url: str, told: asyncio.Event) -> dict[str, Callable[[Route], Any]]:
    """A mail at the head of the list, which opens when it is told to."""

    async def listed(route: Route) -> list[dict[str, Any]]:
        mails = await (await route.fetch(url=f"{inbox_url}/mails")).json()
        return [mails[0] | {"name": "newer", "subject": "A newer one"}, *mails]

    async def mails(route: Route) -> None:
        await route.fulfill(json=await listed(route))

    async def mail(route: Route) -> None:
        await told.wait()
        newer = (await listed(route))[0]
        await route.fulfill(json={"listed": newer, "parts": [], "hasHtml": False, "text": ""})

    return {"**/mails*": mails, "**/mail?name=newer": mail}


async def test_what_a_person_chose_stays_when_more_comes(shop: Product, visits: Visits) -> None:
    """Neither a newer mail nor a slower answer to an earlier wish takes its place."""
    inbox, thread = await _with_one_mail(shop, visits)
    lines, told = inbox.get_by_role("navigation"), asyncio.Event()

    async def late(route: Route) -> None:
        await told.wait()
        await route.continue_()

    await inbox.route("**/story*", late)
    await lines.get_by_text(thread).click()
    async with inbox.expect_request("**/story*"):
        await inbox.get_by_role("tab", name="Story").click()
    await inbox.get_by_role("tab", name="Text").click()
    for pattern, answer in _newer_one(shop.inbox_url, told).items():
        await inbox.route(pattern, answer)
    await lines.get_by_text("A newer one").wait_for()
    assert thread in await inbox.locator("#subject").inner_text()
    async with inbox.expect_request("**/mail?name=newer"):
        await lines.get_by_text("A newer one").click()
    async with inbox.expect_response(re.compile(r"/mail\?name=(?!newer)")):
        await lines.get_by_text(thread).click()
    async with inbox.expect_response("**/mail?name=newer"), inbox.expect_response("**/story*"):
        told.set()
    async with inbox.expect_response("**/mails*"):
        pass

    assert thread in await inbox.locator("#subject").inner_text()
    assert PHONE in await inbox.get_by_role("tabpanel").inner_text()


async def test_it_says_what_was_copied_when_things_happened_and_when_nobody_answers(
    shop: Product, visits: Visits
) -> None:
    inbox, thread = await _with_one_mail(
        shop, visits, viewport={"width": 320, "height": 600},
        permissions=["clipboard-read", "clipboard-write"],
    )  # fmt: skip
    await inbox.get_by_role("navigation").get_by_text(thread).click()
    await inbox.evaluate(LISTEN)
    await inbox.get_by_role("button", name=thread, exact=True).click()
    while not await inbox.evaluate("copied"):
        await inbox.wait_for_timeout(50)
    assert await inbox.evaluate("navigator.clipboard.readText()") == thread

    source = inbox.get_by_role("tab", name="Source")
    box = await source.bounding_box()
    assert box
    assert box["x"] + box["width"] <= 320
    await inbox.get_by_role("tab", name="Story").click()
    first = inbox.get_by_role("tabpanel").locator("time").first
    assert (await first.inner_text()).endswith("ago")
    assert "20" in (await first.get_attribute("title") or "")

    await inbox.route("**/mails*", lambda route: route.abort())
    await inbox.get_by_text("Handoff does not answer. Trying again").wait_for()
    assert await inbox.locator("#state").get_attribute("class") == "needs"
