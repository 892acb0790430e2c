"""The panel against a server that drops, stalls, refuses and repeats, each exactly as told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from services.gateway.front import load_phrases
from tests.browser.chat import NEED, ChatPage, reference_in
from tests.browser.stage import (
    THREAD,
    Asked,
    Stage,
    answered,
    created,
    done,
    failed,
    phone_field,
    said,
)  # fmt: skip
from tests.faults.proxy import proxy

if TYPE_CHECKING:
    from aiohttp import web

    from tests.browser.conftest import Visits

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

ANSWER = "Which side of the seat is it?"
SLOW_MACHINE_MS = 20_000
"""The page's clock runs on by itself beside what the test adds."""
SILENCE_MS = 45_000
SESSION_MS = 600_000
PHOTO_MS = 120_000
Answered = "web.StreamResponse | None"


async def _opened(visits: Visits, theatre: Stage, query: str = "") -> ChatPage:
    chat = await visits.page()
    await chat.page.goto(f"{theatre.url}/{query}")
    await chat.launcher.click()
    await chat.panel.locator(".start, .bubble, .trouble").first.wait_for()
    return chat


async def _send(chat: ChatPage, text: str = NEED) -> None:
    await chat.input.fill(text)
    await chat.input.press("Enter")


async def _whole(asked: Asked, text: str = NEED) -> None:
    await asked.tell(created(), done(said(1, text)), done(answered(2, ANSWER)))


async def test_what_was_cut_is_repeated_under_its_own_id(theatre: Stage, visits: Visits) -> None:
    """Between `thread.created` and the stored message: a second id would be a second thread."""
    cutting = True

    async def script(asked: Asked) -> Answered:
        if cutting:
            if not asked.position:
                await asked.tell(created())
            return asked.cut()
        return await _whole(asked)

    theatre.script = script
    chat = await _opened(visits, theatre)
    await _send(chat)
    await chat.alert.wait_for()
    assert reference_in(await chat.alert.inner_text())
    cutting = False
    await chat.alert.get_by_role("button").click()
    await chat.answered()

    assert await chat.customer.all_inner_texts() == [NEED]
    assert await chat.assistant.all_inner_texts() == [ANSWER]
    assert {one.request_id for one in theatre.asked} == {theatre.asked[0].request_id}
    assert {one.kind for one in theatre.asked} == {"threads.create"}
    assert await chat.alert.count() == 0


async def test_a_message_behind_one_that_failed_waits_for_it(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> Answered:
        if len(theatre.asked) == 1:
            return asked.refuse("unavailable")
        if asked.begins:
            return await _whole(asked)
        return await asked.tell(done(said(3, asked.text)), done(answered(4, "Thank you.")))

    theatre.script = script
    chat = await _opened(visits, theatre)
    await _send(chat)
    await chat.alert.wait_for()
    await _send(chat, "Hello?")
    await chat.panel.get_by_text("Thank you.").wait_for()

    assert await chat.customer.all_inner_texts() == [NEED, "Hello?"]
    assert [one.text for one in theatre.asked] == [NEED, NEED, "Hello?"]
    assert theatre.asked[0].request_id == theatre.asked[1].request_id
    assert len({one.conversation for one in theatre.asked}) == 1
    assert await chat.alert.count() == 0


async def test_an_answer_under_way_is_waited_for(theatre: Stage, visits: Visits) -> None:
    async def script(asked: Asked) -> Answered:
        if len(theatre.asked) == 1:
            return asked.refuse("in_progress", 409, **{"Retry-After": "1"})
        if len(theatre.asked) == 2:
            return asked.refuse("rate_limited", **{"Retry-After": "1"})
        return await _whole(asked)

    theatre.script = script
    chat = await _opened(visits, theatre)
    await _send(chat)
    await chat.assistant.wait_for()

    assert await chat.alert.count() == 0
    assert len({one.request_id for one in theatre.asked}) == 1


async def test_a_reload_in_mid_answer_shows_dots_and_then_the_answer(
    theatre: Stage, visits: Visits
) -> None:
    finished = asyncio.Event()

    async def script(asked: Asked) -> Answered:
        if asked.kind == "items.list":
            return asked.page([said(1, NEED)])
        if not finished.is_set():
            if len(theatre.wishes()) > 1:
                return asked.refuse("in_progress", 409, **{"Retry-After": "1"})
            await asked.tell(created(), done(said(1, NEED)))
            return await asked.silence()
        return await _whole(asked)

    theatre.script = script
    chat = await _opened(visits, theatre)
    await _send(chat)
    while not await chat.thread():
        await chat.page.wait_for_timeout(20)
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


async def test_a_long_conversation_opens_at_its_end_and_pages_back(
    theatre: Stage, visits: Visits
) -> None:
    items = [
        (said if number % 2 else answered)(number, f"Line {number}") for number in range(1, 600)
    ]

    async def script(asked: Asked) -> Answered:
        return asked.page([*items, phone_field(600)])

    theatre.script = script
    chat = await visits.page(viewport={"width": 390, "height": 844})
    await chat.page.goto(theatre.url)
    await chat.page.evaluate(f"sessionStorage.setItem('chatkit-thread-id', '{THREAD}')")
    await chat.page.evaluate("sessionStorage.setItem('chatkit-open', '1')")
    await chat.page.reload()

    field = chat.panel.get_by_label("Your phone?")
    await field.wait_for()
    assert await field.evaluate(
        "node => node.getBoundingClientRect().bottom < innerHeight && node.checkVisibility()"
    )
    assert await chat.panel.get_by_text("Line 551", exact=True).count() == 1
    assert await chat.panel.get_by_text("Line 550", exact=True).count() == 0
    earlier = chat.panel.get_by_role("button", name="Earlier messages")
    await earlier.scroll_into_view_if_needed()
    first = chat.panel.get_by_text("Line 551", exact=True)
    before = await first.bounding_box()
    await earlier.click()
    await chat.panel.get_by_text("Line 501", exact=True).wait_for(state="attached")
    after = await first.bounding_box()
    assert before
    assert after
    assert abs(after["y"] - before["y"]) < 80, "what was being read stays where it was"
    while await earlier.count():
        shown = await chat.panel.locator(".bubble").count()
        await earlier.click()
        while await chat.panel.locator(".bubble").count() == shown:
            await chat.page.wait_for_timeout(20)
    texts = await chat.panel.locator(".bubble").all_inner_texts()
    assert texts[:599] == [f"Line {number}" for number in range(1, 600)]


async def test_a_new_chat_hears_nothing_of_the_old_one(theatre: Stage, visits: Visits) -> None:
    left = asyncio.Event()

    async def script(asked: Asked) -> Answered:
        if asked.text != NEED:
            return await asked.tell(created(), done(said(3, asked.text)))
        await asked.tell({"type": "stream_options", "stream_options": {}})
        await left.wait()
        return await _whole(asked)

    theatre.script = script
    chat = await _opened(visits, theatre)
    await _send(chat)
    await theatre.until_asked(1)
    await chat.panel.get_by_role("button", name="New chat").click()
    await chat.start.wait_for()
    left.set()
    await chat.page.wait_for_timeout(300)

    assert await chat.thread() == ""
    assert await chat.start.count() == 1
    assert await chat.panel.locator(".bubble").count() == 0
    await _send(chat, "Do you do boats?")
    await chat.answered()
    assert await chat.customer.all_inner_texts() == ["Do you do boats?"]
    assert {one.kind for one in theatre.asked} == {"threads.create"}
    assert len({one.request_id for one in theatre.asked}) == 2


async def test_a_line_that_falls_silent_ends_in_try_again(theatre: Stage, visits: Visits) -> None:
    silent = True

    async def script(asked: Asked) -> Answered:
        if silent:
            if not asked.position:
                await asked.tell(created())
            return await asked.silence()
        return await _whole(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.page.clock.install()
    await chat.open(theatre.url)
    await _send(chat)
    while not await chat.thread():
        await asyncio.sleep(0.02)
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

    async def script(asked: Asked) -> Answered:
        if asked.kind != "threads.create":
            return await asked.tell(done(said(3, asked.text)), done(answered(4, "Thank you.")))
        positions.append(asked.position)
        if asked.position:
            return await asked.silence()
        if len(positions) > 1:
            return await _whole(asked)
        await asked.tell(created(), done(said(1, NEED)))
        await cutting.wait()
        return asked.cut()

    theatre.script = script
    chat = await visits.page()
    await chat.page.clock.install()
    await chat.open(theatre.url)
    await _send(chat)
    while not await chat.thread():
        await chat.page.wait_for_timeout(20)
    cutting.set()
    await _send(chat, "408-555-0176")
    for seconds in (1, SILENCE_MS / 1000, 6):
        await chat.page.wait_for_timeout(200)
        await chat.page.clock.run_for(seconds * 1000)
    await chat.panel.get_by_text("Thank you.").wait_for()

    assert [bool(position) for position in positions] == [False, True, False]
    assert await chat.assistant.all_inner_texts() == [ANSWER, "Thank you."]
    assert await chat.alert.count() == 0


async def test_what_is_not_kept_is_sent_again_after_pauses_that_grow(
    theatre: Stage, visits: Visits
) -> None:
    """A thread is begun each time, and then its message cannot be stored."""

    async def script(asked: Asked) -> Answered:
        return await asked.tell(created(), failed())

    theatre.script = script
    chat = await visits.page()
    await chat.page.clock.install()
    await chat.open(theatre.url)
    await _send(chat)
    await chat.alert.wait_for()
    await chat.alert.evaluate("node => { node.first = true }")
    for count, seconds in enumerate((0.5, 1, 5), 2):
        await chat.page.clock.run_for(seconds * 1000 + 50)
        await theatre.until_asked(count)
        await chat.page.wait_for_timeout(200)
    await chat.page.clock.run_for(3_000)
    await chat.page.wait_for_timeout(100)

    assert len(theatre.asked) == 4
    assert await chat.alert.evaluate("node => node.first"), "it is read aloud once"


async def test_bytes_that_a_network_swallows_are_asked_for_again_under_the_same_id(
    theatre: Stage, visits: Visits
) -> None:
    """No reset, no end: the message arrived and was answered, and nobody heard."""

    async def script(asked: Asked) -> Answered:
        return await _whole(asked)

    theatre.script = script
    port = int(theatre.url.rpartition(":")[2])
    async with proxy("127.0.0.1", port) as wire:
        swallowed = wire.fault(b"POST /api/chatkit ", "hang")
        chat = await visits.page()
        await chat.page.clock.install()
        await chat.open(f"http://127.0.0.1:{wire.port}")
        await _send(chat)
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

    from playwright.async_api import expect

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


async def test_a_browser_that_keeps_nothing_stays_the_same_visitor(
    theatre: Stage, visits: Visits
) -> None:
    """Another visitor would have no such thread."""

    async def script(asked: Asked) -> Answered:
        if "user-1" not in asked.bearer:
            return asked.refuse("unknown_thread")
        if asked.kind == "items.list":
            return asked.page([said(1, NEED), answered(2, ANSWER)])
        return await _whole(asked, asked.text)

    theatre.script = script
    chat = await visits.page()
    await chat.page.clock.install()
    await chat.page.add_init_script(
        "for (const area of ['localStorage', 'sessionStorage'])"
        " Object.defineProperty(window, area, { get() { throw new Error('refused') } })"
    )
    await chat.open(theatre.url)
    await _send(chat)
    await chat.answered()
    await chat.page.evaluate(
        "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
    )
    await chat.page.clock.fast_forward(SESSION_MS)
    await _send(chat, "And the passenger seat.")
    await chat.answered()

    assert await chat.alert.count() == 0
    minted = [body for path, body in theatre.told if path.endswith("session")]
    assert [body["user"] for body in minted] == [None, "user-1"]


async def test_the_phone_field_is_sent_once_and_its_answer_stays(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> Answered:
        match asked.kind:
            case "threads.create":
                return await asked.tell(created(), done(said(1, NEED)), done(phone_field(2)))
            case "threads.add_structured_input":
                settled = {"type": "thread.item.replaced", "item": phone_field(2, value="555-0176")}
                return await asked.tell(settled, done(answered(3, "Half an")), failed())
            case _:
                return await asked.tell(done(answered(4, "Thank you.")))

    theatre.script = script
    chat = await _opened(visits, theatre)
    await _send(chat)
    assert await chat.panel.get_by_label("Your phone?").get_attribute("type") == "tel"
    await chat.panel.get_by_label("Your phone?").fill("555-0176")
    await chat.panel.locator(".field [type=submit]").dblclick()
    await chat.alert.wait_for()
    assert [one.kind for one in theatre.asked].count("threads.add_structured_input") == 1

    await chat.alert.get_by_role("button").click()
    await chat.panel.get_by_text("Thank you.").wait_for()
    assert await chat.panel.get_by_text("555-0176").count() == 1
    assert await chat.panel.get_by_text("Half an").count() == 0
    last = theatre.asked[-1]
    assert (last.kind, last.params["item_id"]) == ("threads.retry_after_item", "cthi_00001")


async def test_a_phone_number_between_arabic_words_reads_in_its_order(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> Answered:
        return await _whole(asked, asked.text)

    theatre.script = script
    chat = await _opened(visits, theatre, "?lang=ar")
    await _send(chat, "رقم هاتفي 408-555-0176 شكرا")
    await chat.answered()

    place = """(node, text) => { const leaf = node.querySelector('span').firstChild;
      const range = document.createRange(); const at = leaf.data.indexOf(text);
      range.setStart(leaf, at); range.setEnd(leaf, at + 3);
      return range.getBoundingClientRect().left }"""
    first = await chat.customer.evaluate(place, "408")
    assert first < await chat.customer.evaluate(place, "555")


@pytest.mark.parametrize(("code", "words"), [("rate_limited", "rate_limited"), ("gone", "failed")])
async def test_an_error_speaks_the_visitors_language(
    theatre: Stage, visits: Visits, code: str, words: str
) -> None:
    async def script(asked: Asked) -> Answered:
        return asked.refuse(code)

    theatre.script = script
    chat = await _opened(visits, theatre, "?lang=es")
    await _send(chat)
    await chat.alert.wait_for()

    spanish = load_phrases()["es"]
    reference = theatre.asked[0].request_id[:12]
    shown = (await chat.alert.inner_text()).split("\n")
    assert [line for line in shown if line][:2] == [
        spanish[words], f"{spanish['reference']}: {reference}"
    ]  # fmt: skip
    assert await chat.alert.get_by_role("button").count() == (code == "rate_limited")


async def test_what_cannot_be_sent_says_so_beside_its_message_for_good(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> Answered:
        return asked.refuse("too_large") if asked.text == NEED else await _whole(asked, asked.text)

    theatre.script = script
    chat = await _opened(visits, theatre)
    await _send(chat)
    await chat.alert.wait_for()
    await _send(chat, "Shorter")
    await chat.assistant.wait_for()

    assert await chat.alert.count() == 1
    before = "node => node.previousElementSibling.textContent"
    assert await chat.alert.evaluate(before) == f"You: {NEED}"
    assert await chat.customer.all_inner_texts() == [NEED, "Shorter"]


async def test_who_cannot_see_the_sides_hears_who_speaks(theatre: Stage, visits: Visits) -> None:
    async def script(asked: Asked) -> Answered:
        await _whole(asked)
        return await asked.tell(done(answered(3, "A photo would help.")), done(phone_field(4)))

    theatre.script = script
    chat = await _opened(visits, theatre)
    await _send(chat)
    await chat.answered()

    groups = await chat.panel.locator(".group:visible").all_text_contents()
    assert [group[:30] for group in groups] == [
        f"You: {NEED}"[:30], f"Roxana: {ANSWER}A photo would"[:30]
    ]  # fmt: skip
    clipped = "node => getComputedStyle(node).clipPath"
    assert await chat.panel.get_by_text("Roxana:").evaluate(clipped) == "inset(50%)"


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
    async def script(asked: Asked) -> Answered:
        if asked.kind != "items.list":
            return await _whole(asked)
        page = asked.page([said(1, NEED)])
        if len(theatre.asked) == 2:
            page.text = page.text and page.text[:40]
        return page

    theatre.script = script
    chat = await _opened(visits, theatre)
    await _send(chat)
    await chat.assistant.wait_for()
    await chat.page.reload()
    await chat.alert.wait_for()
    assert reference_in(await chat.alert.inner_text()) == theatre.asked[1].request_id[:12]
    again = chat.alert.get_by_role("button")
    await again.focus()
    await chat.page.keyboard.press("Enter")
    await chat.customer.wait_for()

    assert await chat.input.evaluate("node => node.getRootNode().activeElement === node")


async def test_every_word_to_the_shop_carries_both_touches(theatre: Stage, visits: Visits) -> None:
    async def script(asked: Asked) -> Answered:
        return await _whole(asked)

    theatre.script = script
    chat = await visits.page()
    bad = f"wbraid=b%20lank&utm_term=a%00b%E2%80%8Bc%E2%80%A8d&utm_content={'c' * 127}🚗{'c' * 99}"
    await chat.page.add_init_script(
        "Object.defineProperty(document, 'referrer', { get: () => 'android-app://an.app/' })"
    )
    await chat.page.goto(f"{theatre.url}/?gclid=Cj0-abc&utm_source=google&{bad}")
    await chat.launcher.wait_for()
    await chat.open(f"{theatre.url}/?lang=pt%20br&utm_source=newsletter&more={'x' * 3000}")
    await _send(chat)
    await chat.answered()
    await chat.page.keyboard.press("Escape")
    await chat.page.evaluate("dispatchEvent(new Event('pagehide'))")
    await chat.page.evaluate("Handoff.open()")
    await chat.page.evaluate(
        "document.body.append(Object.assign(document.createElement('a'), {href: 'tel:1', id: 'c'}))"
    )
    await chat.page.evaluate("document.querySelector('#c').click()")
    async with asyncio.timeout(60):
        while len(theatre.told) < 4:
            await asyncio.sleep(0.02)

    told = [(path.rpartition("/")[2], body) for path, body in theatre.told]
    assert sorted(name for name, _ in told) == ["lead", "lead", "lead-signal", "session"]
    for _, body in told:
        attribution = body["attribution"]
        assert attribution["utm_source"] == "newsletter"
        assert "gclid" not in attribution
        assert attribution["first_touch_at"] < attribution["last_touch_at"]
        assert attribution["first"] == {
            "landing_page": f"{theatre.url}/", "gclid": "Cj0-abc", "utm_source": "google",
            "utm_term": "abcd", "utm_content": "c" * 127 + "🚗",
            "referrer": "android-app://an.app/",
        }  # fmt: skip
        assert body["locale"] == "en"
        assert len(body["pageUrl"]) == 2048
