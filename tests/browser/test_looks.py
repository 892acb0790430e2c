"""What a visitor sees on a phone, a tablet and a desk, by day and night: kept to be looked at."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.browser.chat import NEED, ChatPage, reference_in
from tests.pictures import encoded, scene

if TYPE_CHECKING:
    from playwright.async_api import Route

    from tests.browser.conftest import Visits
    from tests.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

HEIGHTS = {360: 740, 768: 1024, 1280: 800}
SCHEMES = ("light", "dark")
FITS = """() => {
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const panel = document.querySelector('#handoff').shadowRoot.querySelector('.panel');
  const inner = [...panel.querySelectorAll('*')].filter(node => getComputedStyle(node).overflowX
    !== 'visible' && !node.matches('textarea') && node.scrollWidth > node.clientWidth + 1
    && getComputedStyle(node).textOverflow !== 'ellipsis');
  return [wide, inner.map(node => node.className)] }"""
"""How far the page, and what in the panel, is wider than its place."""
SMALL = """() => [...document.querySelector('#handoff').shadowRoot
  .querySelectorAll('button, textarea')].filter(node => node.checkVisibility())
  .map(node => [node.className, node.getBoundingClientRect()])
  .filter(([, box]) => box.width < 44 || box.height < 44).map(([name]) => name)"""


def screen(width: int) -> dict[str, Any]:
    """A phone has two dots a pixel; a desk with as many would take this test twice as long."""
    size = {"width": width, "height": HEIGHTS[width]}
    return {"viewport": size, "device_scale_factor": 2 if width == min(HEIGHTS) else 1}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", HEIGHTS)
async def test_every_state_fits_its_screen(
    shop: Product, visits: Visits, width: int, scheme: str
) -> None:
    chat = await visits.page(**screen(width), color_scheme=scheme)
    place = f"{width}-{scheme}"
    await chat.page.goto(shop.url)
    await chat.launcher.wait_for()
    await chat.shoot(f"{place}-closed")
    await chat.launcher.click()
    await chat.start.wait_for()
    await chat.shoot(f"{place}-start")
    assert await chat.page.evaluate(SMALL) == []

    await chat.attach("IMG_0042.HEIC", "image/heic", encoded("image/heic", scene(1600, 1200)))
    await chat.panel.locator(".chip img:visible").wait_for()
    await chat.shoot(f"{place}-photo")
    await _sent_too_early(chat, f"{place}-message-waiting")
    await chat.shoot(f"{place}-conversation")
    assert await chat.page.evaluate(FITS) == [0, []]

    await chat.page.route("**/api/chatkit", lambda route: route.abort())
    lost = await _held(chat, "**/api/chatkit")
    await chat.input.fill("By the end of next week, if that is possible.")
    await chat.input.press("Enter")
    await chat.panel.locator(".typing").wait_for()
    await chat.shoot(f"{place}-typing")
    lost.set()
    await chat.alert.wait_for()
    await chat.shoot(f"{place}-error")
    assert reference_in(await chat.alert.inner_text())
    assert await chat.page.evaluate(FITS) == [0, []]


async def _sent_too_early(chat: ChatPage, name: str) -> None:
    """And answered, once its second photo is there."""
    arrived = await _held(chat, "**/attachment")
    await chat.attach("seat.jpg", "image/jpeg", encoded("image/jpeg", scene(800, 600)))
    await chat.input.fill(NEED)
    await chat.input.press("Enter")
    await expect(chat.panel.get_by_role("status")).to_have_text("Uploading")
    await chat.shoot(name)
    assert await chat.page.evaluate(FITS) == [0, []]
    arrived.set()
    await chat.assistant.last.wait_for()
    await chat.answered()


async def _held(chat: ChatPage, address: str) -> asyncio.Event:
    """What is sent there stays on its way until this is set."""
    free = asyncio.Event()

    async def hold(route: Route) -> None:
        await free.wait()
        await route.fallback()

    await chat.page.route(address, hold)
    return free


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", HEIGHTS)
async def test_arabic_reads_from_the_right(
    shop: Product, visits: Visits, width: int, scheme: str
) -> None:
    chat = await visits.page(**screen(width), color_scheme=scheme)
    await chat.open(f"{shop.url}/?lang=ar")
    await chat.say("مقعد سيارة فورد F-150 موديل 2015 ممزق وأريد إصلاح المقعد.")
    await chat.say("مقعد السائق. هل أنتم مفتوحون الآن؟")
    await chat.shoot(f"{width}-{scheme}-arabic")

    panel = await chat.panel.bounding_box()
    assert panel
    assert panel["x"] < width / 2
    assert await chat.input.evaluate("node => getComputedStyle(node).direction") == "rtl"
    assert await chat.page.evaluate(FITS) == [0, []]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", HEIGHTS)
async def test_the_inbox_shows_a_mail_in_every_way(
    shop: Product, visits: Visits, width: int, scheme: str
) -> None:
    chat = await visits.page()
    await chat.open(shop.url)
    await chat.say(f"{NEED} I'm Ana, call me at 408-555-0176.")
    thread = await chat.thread()
    inbox = await visits.page(**screen(width), color_scheme=scheme)
    await inbox.page.goto(shop.inbox_url)
    await inbox.page.get_by_role("navigation").get_by_text(thread).click(timeout=60_000)

    for view in ("Phone", "Desktop", "Text", "Files", "Story", "Source"):
        await inbox.page.get_by_role("tab", name=view).click()
        panel = inbox.page.get_by_role("tabpanel")
        await panel.locator("> *").first.wait_for()
        if view in {"Phone", "Desktop"}:
            await inbox.page.frame_locator("iframe").get_by_text("Ana").first.wait_for()
        await inbox.shoot(f"{width}-{scheme}-inbox-{view.split()[0].lower()}")
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await inbox.page.evaluate(wide) == 0
    assert inbox.violations == []
