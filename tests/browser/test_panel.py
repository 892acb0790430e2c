"""What the panel shows, says and keeps in focus, whatever it is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from services.gateway.front import load_phrases
from tests.browser.chat import NEED
from tests.browser.stage import (
    ANSWER,
    NUMBER,
    THREAD,
    Asked,
    Stage,
    answered,
    created,
    done,
    failed,
    heard,
    phone_field,
    said,
)

if TYPE_CHECKING:
    from aiohttp import web

    from tests.browser.conftest import Visits

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

FOCUSED = "node => node.getRootNode().activeElement === node"


async def test_a_long_conversation_opens_at_its_end_and_pages_back(
    theatre: Stage, visits: Visits
) -> None:
    items = [
        (said if number % 2 else answered)(number, f"Line {number}") for number in range(1, 600)
    ]

    async def script(asked: Asked) -> web.StreamResponse | None:
        return asked.page([*items, phone_field(600)])

    theatre.script = script
    chat = await visits.page(viewport={"width": 390, "height": 844})
    await chat.page.goto(theatre.url)
    await chat.keep("chatkit-thread-id", THREAD)
    await chat.keep("chatkit-open", "1")
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

    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.text != NEED:
            return await asked.tell(created(), done(said(3, asked.text)))
        await asked.tell({"type": "stream_options", "stream_options": {}})
        await left.wait()
        return await heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await theatre.until_asked(1)
    await chat.panel.get_by_role("button", name="New chat").click()
    await chat.start.wait_for()
    left.set()
    await chat.page.wait_for_timeout(300)

    assert await chat.thread() == ""
    assert await chat.start.count() == 1
    assert await chat.panel.locator(".bubble").count() == 0
    await chat.write("Do you do boats?")
    await chat.answered()
    assert await chat.customer.all_inner_texts() == ["Do you do boats?"]
    assert {one.kind for one in theatre.asked} == {"threads.create"}
    assert len({one.request_id for one in theatre.asked}) == 2


async def test_the_phone_field_is_sent_once_and_its_answer_stays(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        match asked.kind:
            case "threads.create":
                return await asked.tell(created(), done(said(1, NEED)), done(phone_field(2)))
            case "threads.add_structured_input":
                settled = {"type": "thread.item.replaced", "item": phone_field(2, value="555-0176")}
                return await asked.tell(settled, done(answered(3, "Half an")), failed())
            case _:
                return await asked.tell(done(answered(4, "Thank you.")))

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
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


async def test_a_field_that_is_shown_again_keeps_what_is_typed(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        if len(theatre.asked) == 1:
            await asked.tell(created(), done(said(1, NEED)), done(phone_field(2)))
            await typed.wait()
            return asked.cut()
        if asked.position:
            return asked.refuse("answer_gone", 410)
        return await asked.tell(created(), done(said(1, NEED)), done(phone_field(2)))

    typed = asyncio.Event()
    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.panel.get_by_label("Your phone?").fill(NUMBER)
    typed.set()
    await theatre.until_asked(3)
    await chat.answered()

    assert await chat.panel.get_by_label("Your phone?").input_value() == NUMBER


async def test_a_phone_number_between_arabic_words_reads_in_its_order(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        return await heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.open(f"{theatre.url}/?lang=ar")
    await chat.write("رقم هاتفي 408-555-0176 شكرا")
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
    async def script(asked: Asked) -> web.StreamResponse | None:
        return asked.refuse(code)

    theatre.script = script
    chat = await visits.page()
    await chat.open(f"{theatre.url}/?lang=es")
    await chat.write(NEED)
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
    async def script(asked: Asked) -> web.StreamResponse | None:
        return asked.refuse("too_large") if asked.text == NEED else await heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.alert.wait_for()
    await chat.write("Shorter")
    await chat.assistant.wait_for()

    assert await chat.alert.count() == 1
    before = "node => node.previousElementSibling.textContent"
    assert await chat.alert.evaluate(before) == f"You: {NEED}"
    assert await chat.customer.all_inner_texts() == [NEED, "Shorter"]


async def test_who_cannot_see_the_sides_hears_who_speaks(theatre: Stage, visits: Visits) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        await heard(asked)
        return await asked.tell(done(answered(3, "A photo would help.")), done(phone_field(4)))

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.panel.get_by_label("Your phone?").wait_for()

    groups = await chat.panel.locator(".group:visible").all_text_contents()
    assert [group[:30] for group in groups] == [
        f"You: {NEED}"[:30], f"Roxana: {ANSWER}A photo would"[:30]
    ]  # fmt: skip
    clipped = "node => getComputedStyle(node).clipPath"
    assert await chat.panel.get_by_text("Roxana:").evaluate(clipped) == "inset(50%)"


async def test_every_word_to_the_shop_carries_both_touches(theatre: Stage, visits: Visits) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        return await heard(asked)

    theatre.script = script
    chat = await visits.page()
    bad = f"wbraid=b%20lank&utm_term=a%00b%E2%80%8Bc%E2%80%A8d&utm_content={'c' * 127}🚗{'c' * 99}"
    await chat.page.add_init_script(
        "Object.defineProperty(document, 'referrer', { get: () => 'android-app://an.app/' })"
    )
    await chat.page.goto(f"{theatre.url}/?gclid=Cj0-abc&utm_source=google&{bad}")
    await chat.launcher.wait_for()
    await chat.open(f"{theatre.url}/?lang=pt%20br&utm_source=newsletter&more={'x' * 3000}")
    await chat.write(NEED)
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


async def test_a_button_that_goes_leaves_the_keyboard_in_the_message_field(
    theatre: Stage, visits: Visits
) -> None:
    """A start prompt that was pressed, and a *Try again* that was reached and no longer needed."""
    refused = True

    async def script(asked: Asked) -> web.StreamResponse | None:
        return (
            asked.refuse("unavailable", **{"Retry-After": "300"}) if refused else await heard(asked)
        )

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.start.get_by_role("button").first.press("Enter")
    await chat.alert.wait_for()
    assert await chat.input.evaluate(FOCUSED)
    await chat.alert.get_by_role("button").focus()
    refused = False
    await chat.page.evaluate("dispatchEvent(new Event('online'))")

    await expect(chat.alert).to_have_count(0)
    assert await chat.input.evaluate(FOCUSED)


async def test_neither_a_prompt_nor_an_input_method_takes_a_draft(
    theatre: Stage, visits: Visits
) -> None:
    """WebKit ends a composition before the key that did so is told: only its code tells."""
    theatre.script = heard
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.input.fill("My number is")
    for key, more in (
        ("Enter", "keyCode: 229"), ("Escape", "keyCode: 229"), ("Escape", "isComposing: true"),
    ):  # fmt: skip
        await chat.input.evaluate(
            f"""node => node.dispatchEvent(new KeyboardEvent("keydown",
                 {{ key: "{key}", {more}, bubbles: true, composed: true, cancelable: true }}))"""
        )
    await chat.start.get_by_role("button").first.click()
    await chat.answered()

    assert theatre.texts() == ["My seat is torn"]
    assert await chat.input.input_value() == "My number is"
