"""Without a mouse, without motion, without sight: and nothing serious found by axe-core."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests import needs
from tests.browser.chat import NEED, PHONE, SCHEMES, lead, mail_of
from tests.pictures import encoded, scene

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.browser.conftest import Visits
    from tests.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

FOCUSED = """() => { const host = document.activeElement;
  const node = host.shadowRoot?.activeElement || host;
  return node.getAttribute('aria-label') || node.textContent.trim() || node.tagName }"""


async def test_the_whole_chat_works_from_the_keyboard(shop: Product, visits: Visits) -> None:
    chat = await visits.page()
    keys = chat.page.keyboard
    await chat.page.goto(shop.url)
    await chat.launcher.wait_for()

    await chat.launcher.focus()
    await keys.press("Enter")
    await chat.start.wait_for()
    assert await chat.page.evaluate(FOCUSED) == "Tell us about your vehicle or furniture"
    await keys.type(NEED)
    await keys.press("Shift+Enter")
    await keys.type(PHONE)
    await keys.press("Enter")
    await chat.assistant.first.wait_for()
    await chat.answered()
    assert await chat.customer.all_inner_texts() == [f"{NEED}\n{PHONE}"]
    assert await chat.page.evaluate(FOCUSED) == "Tell us about your vehicle or furniture"

    reached = []
    for _ in range(6):
        await keys.press("Shift+Tab")
        reached.append(await chat.page.evaluate(FOCUSED))
    assert {"Close chat", "New chat"} <= set(reached)
    await keys.press("Escape")
    assert await chat.panel.count() == 0
    assert await chat.page.evaluate(FOCUSED) == "Chat with us"


async def test_the_phone_field_takes_an_answer_from_the_keyboard(
    shop: Product, visits: Visits
) -> None:
    chat = await visits.page()
    keys = chat.page.keyboard
    await chat.open(shop.url)
    await chat.attach("seat.jpg", "image/jpeg", encoded("image/jpeg", scene(800, 600)))
    await chat.say(NEED)

    field = chat.panel.get_by_label("What is the best phone number to reach you?")
    await field.focus()
    await keys.type("408-555-0176")
    await keys.press("Enter")
    await chat.panel.get_by_text("408-555-0176", exact=True).wait_for()
    await chat.answered()

    assert await field.count() == 0
    assert await chat.page.evaluate(FOCUSED) == "Tell us about your vehicle or furniture"
    assert await mail_of(shop, await chat.thread(), chat.page)


async def test_escape_closes_and_asks_for_a_decision(shop: Product, visits: Visits) -> None:
    chat = await visits.page()
    await chat.open(shop.url)
    await chat.say(NEED)

    async with chat.page.expect_request("**/api/chatkit/lead") as asked:
        await chat.page.keyboard.press("Escape")

    sent = (await asked.value).post_data_json
    assert sent
    assert sent["reason"] == "chat_closed"
    await chat.launcher.click()
    assert await chat.customer.all_inner_texts() == [NEED]


@pytest.mark.parametrize(("motion", "moving"), [("reduce", "none"), ("no-preference", "wait")])
async def test_nothing_moves_for_who_wants_no_motion(
    shop: Product, visits: Visits, motion: str, moving: str
) -> None:
    chat = await visits.page(reduced_motion=motion)
    await chat.open(shop.url)

    answer = await chat.held("**/api/chatkit")
    await chat.write(NEED)

    dot = chat.panel.locator(".typing i").first
    assert await dot.evaluate("node => getComputedStyle(node).animationName") == moving
    answer.set()


async def test_typing_shows_within_a_tenth_of_a_second(shop: Product, visits: Visits) -> None:
    """Counted in frames, of which a screen shows 60 a second and a busy machine makes fewer."""
    chat = await visits.page()
    await chat.open(shop.url)
    took = """() => new Promise(resolve => {
      const root = document.querySelector('#handoff').shadowRoot;
      let frames = 0;
      const count = () => { frames += 1; requestAnimationFrame(count) };
      requestAnimationFrame(count);
      new MutationObserver(() => {
        if (root.querySelector('.typing')) resolve(frames);
      }).observe(root, { childList: true, subtree: true });
      root.querySelector('.composer').requestSubmit();
    })"""
    await chat.input.fill(NEED)

    assert await chat.page.evaluate(took) < 6


async def test_axe_finds_nothing_serious(shop: Product, visits: Visits) -> None:
    _need_axe()
    chat = await visits.page(bypass_csp=True)
    await chat.page.goto(shop.url)
    await chat.launcher.wait_for()
    found = {"closed": await _serious(chat.page)}
    await chat.launcher.click()
    await chat.start.wait_for()
    found["start"] = await _serious(chat.page)
    await chat.attach("IMG_0042.HEIC", "image/heic", encoded("image/heic", scene(800, 600)))
    await chat.panel.locator(".chip img:visible").wait_for()
    found["photo"] = await _serious(chat.page)
    await chat.say(NEED)
    found["question"] = await _serious(chat.page)
    await chat.page.route("**/api/chatkit", lambda route: route.abort())
    await chat.write(PHONE)
    await chat.alert.wait_for()
    found["error"] = await _serious(chat.page)

    assert {state: wrong for state, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("query", ["?lang=ar", "?lang=es"])
async def test_axe_finds_nothing_serious_in_other_languages_and_at_night(
    shop: Product, visits: Visits, query: str
) -> None:
    _need_axe()
    chat = await visits.page(bypass_csp=True)
    await chat.open(f"{shop.url}/{query}")

    for scheme in SCHEMES:
        await chat.page.emulate_media(color_scheme=scheme)
        assert await _serious(chat.page) == [], scheme


async def test_axe_finds_nothing_serious_in_the_inbox(shop: Product, visits: Visits) -> None:
    _need_axe()
    thread = await lead(shop)
    inbox = (await visits.page(bypass_csp=True)).page
    await inbox.goto(shop.inbox_url)
    await inbox.get_by_role("navigation").get_by_text(thread).click(timeout=60_000)

    for view in ("Phone", "Text", "Files", "Story", "Source"):
        await inbox.get_by_role("tab", name=view).click()
        await inbox.get_by_role("tabpanel").locator("> *").first.wait_for()
        for scheme in SCHEMES:
            await inbox.emulate_media(color_scheme=scheme)
            assert await _serious(inbox) == [], (view, scheme)


def _need_axe() -> None:
    if find_spec("axe_playwright_python") is None:
        needs.missing("axe-playwright-python")


async def _serious(page: Page) -> list[str]:
    """What axe calls serious or critical, and where."""
    from axe_playwright_python.async_playwright import Axe

    found = await Axe().run(page)
    return [
        f"{one['id']}: {node['html'][:120]}"
        for one in found.response["violations"]
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]
