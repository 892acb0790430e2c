"""What a visitor sees on a phone, a tablet and a desk, by day and night: kept to be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.browser.chat import NEED, SCHEMES, ChatPage, lead, reference_in
from tests.pictures import encoded, scene

if TYPE_CHECKING:
    from tests.browser.conftest import Visits
    from tests.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

HEIGHTS = {360: 740, 768: 1024, 1280: 800}
FITS = """() => {
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const all = document.querySelector('#handoff').shadowRoot.querySelectorAll('.panel *');
  const inner = [...all].filter(node => getComputedStyle(node).overflowX !== 'visible'
    && !node.matches('textarea') && node.scrollWidth > node.clientWidth + 1
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


async def _shoot(chat: ChatPage, name: str, width: int) -> None:
    """By day and by night, and never wider than its place."""
    for scheme in SCHEMES:
        await chat.page.emulate_media(color_scheme=scheme)
        await chat.shoot(f"{width}-{scheme}-{name}")
        assert await chat.page.evaluate(FITS) == [0, []], scheme


@pytest.mark.parametrize("width", HEIGHTS)
async def test_every_state_fits_its_screen(shop: Product, visits: Visits, width: int) -> None:
    chat = await visits.page(**screen(width))
    await chat.page.goto(shop.url)
    await chat.launcher.wait_for()
    await _shoot(chat, "closed", width)
    await chat.launcher.click()
    await chat.start.wait_for()
    await _shoot(chat, "start", width)
    assert await chat.page.evaluate(SMALL) == []

    await chat.attach("IMG_0042.HEIC", "image/heic", encoded("image/heic", scene(1600, 1200)))
    await chat.panel.locator(".chip img:visible").wait_for()
    await _shoot(chat, "photo", width)
    await _sent_too_early(chat, width)
    await _shoot(chat, "conversation", width)

    await chat.page.route("**/api/chatkit", lambda route: route.abort())
    lost = await chat.held("**/api/chatkit")
    await chat.write("By the end of next week, if that is possible.")
    await chat.panel.locator(".typing").wait_for()
    await _shoot(chat, "typing", width)
    lost.set()
    await chat.alert.wait_for()
    await _shoot(chat, "error", width)
    assert reference_in(await chat.alert.inner_text())


async def _sent_too_early(chat: ChatPage, width: int) -> None:
    """And answered, once its second photo is there."""
    arrived = await chat.held("**/attachment")
    await chat.attach("seat.jpg", "image/jpeg", encoded("image/jpeg", scene(800, 600)))
    await chat.write(NEED)
    await expect(chat.panel.get_by_role("status")).to_have_text("Uploading")
    await _shoot(chat, "message-waiting", width)
    arrived.set()
    await chat.assistant.last.wait_for()
    await chat.answered()


@pytest.mark.parametrize("width", HEIGHTS)
async def test_arabic_reads_from_the_right(shop: Product, visits: Visits, width: int) -> None:
    chat = await visits.page(**screen(width))
    await chat.open(f"{shop.url}/?lang=ar")
    await chat.say("مقعد سيارة فورد F-150 موديل 2015 ممزق وأريد إصلاح المقعد.")
    await chat.say("مقعد السائق. هل أنتم مفتوحون الآن؟")
    await _shoot(chat, "arabic", width)

    panel = await chat.panel.bounding_box()
    assert panel
    assert panel["x"] < width / 2
    assert await chat.input.evaluate("node => getComputedStyle(node).direction") == "rtl"


@pytest.mark.parametrize("width", HEIGHTS)
async def test_the_inbox_shows_a_mail_in_every_way(
    shop: Product, visits: Visits, width: int
) -> None:
    thread = await lead(shop)
    inbox = await visits.page(**screen(width))
    await inbox.page.goto(shop.inbox_url)
    await inbox.page.get_by_role("navigation").get_by_text(thread).click(timeout=60_000)

    for view in ("Phone", "Desktop", "Text", "Files", "Story", "Source"):
        await inbox.page.get_by_role("tab", name=view).click()
        await inbox.page.get_by_role("tabpanel").locator("> *").first.wait_for()
        if view in {"Phone", "Desktop"}:
            await inbox.page.frame_locator("iframe").get_by_text("Ana").first.wait_for()
        for scheme in SCHEMES:
            await inbox.page.emulate_media(color_scheme=scheme)
            await inbox.shoot(f"{width}-{scheme}-inbox-{view.lower()}")
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert await inbox.page.evaluate(wide) == 0, scheme
    assert inbox.violations == []
