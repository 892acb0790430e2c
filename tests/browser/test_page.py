"""The chat as a guest on somebody's page: neither gets in the other's way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.browser.chat import NEED
from tests.browser.stage import THREAD, Asked, answered, created, done, said

if TYPE_CHECKING:
    from aiohttp import web
    from playwright.async_api import Route

    from tests.browser.chat import ChatPage
    from tests.browser.conftest import Visits
    from tests.browser.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

RESETS = """* { letter-spacing: 9px; text-transform: uppercase; user-select: none;
  pointer-events: none; color-scheme: dark; direction: rtl }
div:empty { display: none }
body > * { transform: translateY(-50px); opacity: 0; filter: blur(9px) }
div { position: absolute; visibility: hidden; overflow: hidden }"""
"""What themes of shops say of every element, or of an empty one."""
LOOK = """() => { const host = document.querySelector('#handoff');
  const { textTransform, letterSpacing, pointerEvents, visibility } = getComputedStyle(
    host.shadowRoot.querySelector('.launch'));
  const { transform, opacity, filter, colorScheme } = getComputedStyle(host);
  return [textTransform, letterSpacing, pointerEvents, visibility, transform, opacity, filter,
    colorScheme] }"""


async def test_what_a_page_says_of_every_element_does_not_reach_the_chat(
    theatre: Stage, visits: Visits
) -> None:
    chat = await visits.page(viewport={"width": 390, "height": 844})
    await chat.page.goto(theatre.url)
    await chat.page.add_style_tag(content=RESETS)
    await chat.launcher.wait_for()

    assert await chat.page.evaluate(LOOK) == [
        "none", "normal", "auto", "visible", "none", "1", "none", "light dark",
    ]  # fmt: skip
    box = await chat.launcher.bounding_box()
    assert box
    assert (box["x"] + box["width"], box["y"] + box["height"]) == (390 - 16, 844 - 16)
    await chat.launcher.click()
    await chat.start.wait_for()


FOCUSED = """() => { const host = document.activeElement;
  return [host.id || host.tagName, host.shadowRoot?.activeElement?.tagName] }"""
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}}


async def _reloaded_in_a_conversation(chat: ChatPage, theatre: Stage) -> None:
    async def script(asked: Asked) -> web.StreamResponse:
        lines = [answered(number, f"Line {number}") for number in range(2, 40)]
        return asked.page([said(1, "Hello"), *lines])

    theatre.script = script
    await chat.page.goto(theatre.url)
    await chat.page.evaluate(f"sessionStorage.setItem('chatkit-thread-id', '{THREAD}')")
    await chat.page.evaluate("sessionStorage.setItem('chatkit-open', '1')")
    await chat.page.evaluate("document.body.prepend(document.createElement('textarea'))")
    await chat.page.reload()
    await chat.assistant.first.wait_for()


async def test_on_a_phone_the_page_behind_is_out_of_reach_until_the_chat_is_closed(
    theatre: Stage, visits: Visits
) -> None:
    chat = await visits.page(**PHONE)
    await _reloaded_in_a_conversation(chat, theatre)
    assert await chat.page.evaluate(FOCUSED) == ["handoff", "DIALOG"], "and not *New chat*"
    await chat.page.evaluate(
        "document.querySelector('h1').innerHTML = '<a href=/here>Here</a><button>Buy</button>'"
    )
    keys = chat.page.keyboard

    reached = []
    for _ in range(20):
        await keys.press("Tab")
        reached.append(await chat.page.evaluate(FOCUSED))
    assert {place for place, _ in reached} == {"handoff", "BODY"}, "BODY: at the browser's own bar"
    assert {tag for _, tag in reached} >= {"TEXTAREA", "BUTTON"}
    modal = "node => node.matches(':modal')"
    await chat.page.set_viewport_size({"width": 844, "height": 390})
    await expect(chat.launcher).not_to_be_visible()
    assert not await chat.panel.evaluate(modal), "turned round it leaves the page its place"
    await chat.page.set_viewport_size(PHONE["viewport"])
    await chat.panel.evaluate("node => node.dispatchEvent(new Event('cancel'))")
    await chat.launcher.click()
    assert await chat.panel.evaluate(modal), "also after a phone's own way back"
    await keys.press("Escape")
    assert await chat.panel.count() == 0
    assert await chat.page.evaluate(FOCUSED) == ["handoff", "BUTTON"]
    await keys.press("Shift+Tab")
    assert await chat.page.evaluate("document.activeElement.textContent") == "Buy"


async def test_a_page_that_loads_keeps_its_focus(theatre: Stage, visits: Visits) -> None:
    chat = await visits.page()
    await _reloaded_in_a_conversation(chat, theatre)

    assert await chat.page.evaluate(FOCUSED) == ["BODY", None]
    await chat.page.evaluate("Handoff.open()")
    assert await chat.page.evaluate(FOCUSED) == ["handoff", "TEXTAREA"]


async def test_the_keyboard_of_a_phone_hides_neither_the_header_nor_the_field(
    theatre: Stage, visits: Visits
) -> None:
    chat = await visits.page(**PHONE)
    await _reloaded_in_a_conversation(chat, theatre)

    async def seen(**changed: float) -> dict[str, float] | None:
        """As Safari tells of its keyboard: the page is as tall as before, and less of it seen."""
        for name, value in changed.items():
            change = f"Object.defineProperty(visualViewport, '{name}', {{ value: {value},"
            await chat.page.evaluate(f"{change} configurable: true }})")
        await chat.page.evaluate("visualViewport.dispatchEvent(new Event('resize'))")
        box = await chat.panel.bounding_box()
        return dict(box) if box else None

    below = {"x": 0, "y": 60, "width": 390, "height": 440}
    assert await seen(height=440, offsetTop=60) == below
    await expect(chat.assistant.last).to_be_in_viewport(ratio=1)
    assert await seen(height=200, offsetTop=300, scale=2) == below, "who zooms in looks closer"
    assert await seen(height=844, offsetTop=0, scale=1) == below | {"y": 0, "height": 844}


async def test_while_the_runtime_loads_the_panel_says_so_and_one_that_fails_is_replaced(
    theatre: Stage, visits: Visits
) -> None:
    arrives = asyncio.Event()
    broken = """customElements.define("openai-chatkit", class extends HTMLElement {
      setOptions() { throw new Error("an option that it does not know") } });"""

    async def serve(route: Route) -> None:
        await arrives.wait()
        await route.fulfill(body=broken, content_type="text/javascript")

    theatre.chat = {"runtime_urls": [f"{theatre.url}/runtime.js"], "runtime": {}}
    chat = await visits.page()
    await chat.page.route("**/runtime.js", serve)
    await chat.page.goto(theatre.url)
    await chat.launcher.click()

    await chat.panel.get_by_text("Loading your conversation").wait_for()
    assert await chat.page.evaluate(FOCUSED) == ["handoff", "DIALOG"]
    arrives.set()
    await chat.start.wait_for()
    assert await chat.panel.get_by_text("Loading your conversation").count() == 0
    assert await chat.page.evaluate(FOCUSED) == ["handoff", "TEXTAREA"]


LISTEN = """() => { window.heard = [];
  for (const name of ["ready", "thread", "lead", "error"]) document.addEventListener(
    `handoff:${name}`, ({ detail }) => heard.push([name, detail])) }"""


async def test_a_page_opens_closes_and_hears_the_chat(theatre: Stage, visits: Visits) -> None:
    """As docs/migrate-from-agent-builder.md tells its author."""

    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.kind == "threads.create":
            return await asked.tell(
                created(), done(said(1, NEED)), done(answered(2, "Which side?"))
            )
        return asked.refuse("too_large")

    theatre.script = script
    chat = await visits.page()
    await chat.page.goto(theatre.url)
    await chat.launcher.wait_for()
    await chat.page.evaluate(LISTEN)
    await chat.page.evaluate("Handoff.open()")
    await chat.start.wait_for()
    await chat.say(NEED)
    assert await chat.page.evaluate("Handoff.threadId") == THREAD
    await chat.write("And this?")
    await chat.alert.wait_for()
    await chat.page.evaluate("Handoff.close()")
    await expect(chat.panel).to_have_count(0)
    await chat.page.wait_for_function("heard.length === 4")
    await chat.page.evaluate("Handoff.newChat()")
    await chat.page.wait_for_function("heard.length === 6")

    lead = ["lead", {"reason": "chat_closed", "sent": False, "lead_reason": "not_idle"}]
    heard = await chat.page.evaluate("heard")
    assert heard[:4] == [
        ["ready", {"runtime": False}],
        ["thread", {"threadId": THREAD}],
        ["error", {"where": "chat", "requestId": theatre.asked[1].request_id}],
        lead,
    ]
    assert heard[4:] == [["thread", {"threadId": None}], lead]
    assert await chat.page.evaluate("Handoff.threadId") is None


async def test_the_button_that_closes_asks_for_a_decision(theatre: Stage, visits: Visits) -> None:
    chat = await visits.page()
    await _reloaded_in_a_conversation(chat, theatre)
    await chat.input.fill("I come by")
    await chat.panel.get_by_role("button", name="Close chat").click()
    await expect(chat.launcher).to_be_visible()
    async with asyncio.timeout(60):
        while not any(path.endswith("lead") for path, _ in theatre.told):
            await asyncio.sleep(0.02)

    [told] = [body for path, body in theatre.told if path.endswith("lead")]
    assert (told["threadId"], told["reason"]) == (THREAD, "chat_closed")
