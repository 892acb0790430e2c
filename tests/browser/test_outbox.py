"""What a customer wrote reaches the shop: whatever happens meanwhile, by itself, once."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.chat import HIDDEN, NEED, PHONE, ChatPage
from tests.browser.stage import (
    THREAD,
    Asked,
    Item,
    Stage,
    answered,
    created,
    done,
    failed,
    phone_field,
    said,
)  # fmt: skip

if TYPE_CHECKING:
    from aiohttp import web
    from playwright.async_api import Route

    from tests.browser.conftest import Visits

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

ANSWER = "Which side is it?"
THANKS = "Thank you."
NUMBER = "408-555-0176"


async def _send(chat: ChatPage, text: str) -> None:
    await chat.input.fill(text)
    await chat.input.press("Enter")


async def _lines(chat: ChatPage) -> list[str]:
    return await chat.panel.locator(".bubble:not(.typing)").all_inner_texts()


async def _heard(asked: Asked) -> None:
    """A first message and what follows it, each answered in its place."""
    begun = [created()] if asked.kind == "threads.create" else []
    if begun and asked.begins:
        await asked.tell(*begun, done(said(1, asked.text)), done(answered(2, ANSWER)))
    else:
        await asked.tell(*begun, done(said(5, asked.text)), done(answered(6, THANKS)))


def _told(theatre: Stage) -> list[str]:
    """Each message once, however often it was sent."""
    return list({one.request_id: one.text for one in theatre.wishes()}.values())


async def test_what_is_said_during_an_answer_leaves_after_it_and_stands_below_it(
    theatre: Stage, visits: Visits
) -> None:
    finished = asyncio.Event()

    async def script(asked: Asked) -> None:
        if asked.text == NEED:
            await asked.tell(created(), done(said(1, NEED)))
            await finished.wait()
            return await asked.tell(done(answered(2, ANSWER)))
        number = 1 + 2 * len(theatre.asked)
        return await asked.tell(done(said(number, asked.text)), done(answered(number + 1, THANKS)))

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    for text in (NEED, PHONE, "Any day."):
        await _send(chat, text)
    await expect(chat.customer).to_have_text([NEED, PHONE, "Any day."])
    assert await chat.input.input_value() == ""
    assert len(theatre.asked) == 1
    finished.set()
    await expect(chat.assistant).to_have_count(3)
    await chat.answered()

    assert await _lines(chat) == [NEED, ANSWER, PHONE, THANKS, "Any day.", THANKS]
    assert [one.text for one in theatre.asked] == [NEED, PHONE, "Any day."]


async def test_what_is_said_while_a_conversation_loads_leaves_once(
    theatre: Stage, visits: Visits
) -> None:
    typed = asyncio.Event()

    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.kind == "items.list":
            await typed.wait()
            return asked.page([said(1, NEED), answered(2, "Hello."), answered(3, ANSWER)])
        return await _heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.page.goto(theatre.url)
    await chat.page.evaluate(f"sessionStorage.setItem('chatkit-thread-id', '{THREAD}')")
    await chat.page.reload()
    await chat.launcher.click()
    await _send(chat, PHONE)
    await expect(chat.customer).to_have_text([PHONE])
    assert theatre.wishes() == []
    typed.set()
    await expect(chat.assistant).to_have_count(3)

    assert await _lines(chat) == [NEED, "Hello.", ANSWER, PHONE, THANKS]
    assert await chat.panel.locator(".group.assistant").count() == 2, "who speaks is said once"
    assert len(theatre.wishes()) == 1


async def test_a_message_that_does_not_leave_is_sent_again_by_itself(
    theatre: Stage, visits: Visits
) -> None:
    """The visitor is told of the third that fails."""
    lost: list[str] = []

    async def lose(route: Route) -> None:
        lost.append(route.request.headers["x-request-id"])
        await (route.abort() if len(lost) < 5 else route.continue_())

    theatre.script = _heard
    chat = await visits.page()
    await chat.page.clock.install()
    await chat.open(theatre.url)
    await chat.page.route("**/api/chatkit", lose)
    await _send(chat, NEED)
    await _in_time(chat, lost, 2)
    assert await chat.alert.count() == 0
    await _in_time(chat, lost, 4)
    assert await chat.alert.count() == 1
    await _in_time(chat, lost, 5)
    await expect(chat.assistant).to_have_text([ANSWER])

    assert await _lines(chat) == [NEED, ANSWER]
    assert await chat.alert.count() == 0
    assert len(set(lost)) == 1


async def test_a_message_that_is_refused_for_now_leaves_when_the_network_or_the_visitor_is_back(
    theatre: Stage, visits: Visits
) -> None:
    trouble = ["unavailable"] * 2

    async def script(asked: Asked) -> web.StreamResponse | None:
        if trouble:
            return asked.refuse(trouble.pop(), **{"Retry-After": "300"})
        return await _heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await _send(chat, NEED)
    for count, event in enumerate(("online", "visibilitychange"), 1):
        await theatre.until_asked(count)
        await chat.alert.wait_for()
        await chat.page.wait_for_timeout(200)
        assert await chat.alert.count() == 1, "said once"
        target = "document" if event == "visibilitychange" else "window"
        await chat.page.evaluate(f"{target}.dispatchEvent(new Event('{event}'))")
    await expect(chat.assistant).to_have_text([ANSWER])

    assert await chat.alert.count() == 0
    assert len({one.request_id for one in theatre.asked}) == 1


async def _in_time(chat: ChatPage, seen: list[str], count: int) -> None:
    """A page's clock runs on until it has asked as often."""
    async with asyncio.timeout(60):
        while len(seen) < count:
            await chat.page.clock.run_for(250)
            await asyncio.sleep(0.02)


async def test_unsent_words_leave_from_the_next_page_behind_a_closed_panel(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.kind == "items.list":
            return asked.page([said(1, NEED), answered(2, ANSWER)])
        return await _heard(asked) if back else asked.refuse("unavailable")

    back = False
    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await _send(chat, NEED)
    await chat.alert.wait_for()
    await chat.page.keyboard.press("Escape")
    before, back = len(theatre.asked), True
    await chat.page.goto(f"{theatre.url}/?page=2")
    await theatre.until_asked(before + 1)
    while not await chat.thread():
        await chat.page.wait_for_timeout(20)

    assert await chat.panel.count() == 0
    await chat.launcher.click()
    await expect(chat.assistant).to_have_text([ANSWER])
    assert await _lines(chat) == [NEED, ANSWER]
    assert len({one.request_id for one in theatre.asked}) == 1


async def test_a_second_message_outlives_its_page_before_there_is_a_thread(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> None:
        return await _heard(asked) if back else await asked.silence()

    back = False
    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await _send(chat, NEED)
    await _send(chat, PHONE)
    await theatre.until_asked(1)
    kept = await chat.page.evaluate("sessionStorage.getItem('handoff-wishes')")
    assert PHONE in kept, "a phone ends a page that is out of sight without a word to it"
    await chat.page.evaluate(HIDDEN)
    assert (await theatre.until_asked(2)).text == PHONE, "a tab that closes keeps nothing"
    back = True
    await chat.page.reload()
    await expect(chat.assistant).to_have_text([ANSWER, THANKS])

    assert await _lines(chat) == [NEED, ANSWER, PHONE, THANKS]
    assert len({one.request_id for one in theatre.asked}) == 2
    assert len({one.conversation for one in theatre.asked}) == 1


BEGINNING = {
    "type": "threads.create",
    "params": {"input": {"content": [{"type": "input_text", "text": NEED}], "attachments": []}},
    "metadata": {"conversation": "c" * 32},
}
KEPT = json.dumps([{"requestId": "0" * 32, "text": NEED, "files": [], "body": BEGINNING}])


GONE_BACK = "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"


async def test_who_goes_back_takes_up_what_the_next_page_left(
    theatre: Stage, visits: Visits
) -> None:
    theatre.script = _heard
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.page.evaluate("kept => sessionStorage.setItem('handoff-wishes', kept)", KEPT)
    await chat.page.evaluate(f"{GONE_BACK}; {GONE_BACK}")
    await expect(chat.assistant).to_have_text([ANSWER])

    assert await _lines(chat) == [NEED, ANSWER]
    assert len({one.request_id for one in theatre.asked}) == 1


async def test_who_goes_back_finds_the_conversation_that_the_next_page_began(
    theatre: Stage, visits: Visits
) -> None:
    """Another one would be a second lead."""

    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.kind == "items.list":
            return asked.page([said(1, NEED), answered(2, ANSWER)])
        return await _heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.page.evaluate(f"sessionStorage.setItem('chatkit-thread-id', '{THREAD}')")
    await chat.page.evaluate(GONE_BACK)
    await expect(chat.assistant).to_have_text([ANSWER])
    await _send(chat, PHONE)
    await expect(chat.assistant).to_have_text([ANSWER, THANKS])

    assert [one.params["thread_id"] for one in theatre.asked] == [THREAD] * 2


async def test_unsent_words_leave_also_where_openais_runtime_would_come_next(
    theatre: Stage, visits: Visits
) -> None:
    """It knows nothing of them."""
    theatre.script = _heard
    theatre.chat = {"runtime_urls": ["/runtime.js"], "runtime": {"api": None, "theme": {}}}
    chat = await visits.page()
    await chat.page.goto(theatre.url)
    await chat.page.evaluate("kept => sessionStorage.setItem('handoff-wishes', kept)", KEPT)
    stub = "customElements.define('openai-chatkit', class extends HTMLElement { setOptions() {} })"
    await chat.page.route("**/runtime.js", lambda route: route.fulfill(body=stub))
    await chat.page.reload()
    assert (await theatre.until_asked(1)).text == NEED


async def test_what_a_loaded_conversation_holds_already_leaves_no_second_speaker(
    theatre: Stage, visits: Visits
) -> None:
    """A screen reader would hear "You:" and nothing."""

    async def script(asked: Asked) -> web.StreamResponse | None:
        return asked.page([said(1, NEED)]) if asked.kind == "items.list" else await _heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.page.goto(theatre.url)
    await chat.page.evaluate(f"sessionStorage.setItem('chatkit-thread-id', '{THREAD}')")
    await chat.page.evaluate("kept => sessionStorage.setItem('handoff-wishes', kept)", KEPT)
    await chat.page.reload()
    await chat.launcher.click()
    await expect(chat.assistant).to_have_text([ANSWER])

    assert await chat.panel.locator(".group.customer").count() == 1


async def test_words_for_a_thread_that_is_gone_begin_another(
    theatre: Stage, visits: Visits
) -> None:
    """Also those that were typed into a field; and what comes after them goes to the new one."""

    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.kind == "threads.create":
            begun.append(asked.text)
            number = len(begun) * 10
            thread = {"type": "thread.created", "thread": {"id": f"{THREAD}{len(begun)}"}}
            fields = [done(phone_field(number + 2))] if len(begun) == 1 else []
            return await asked.tell(thread, done(said(number, asked.text)), *fields)
        if asked.params["thread_id"] == f"{THREAD}1":
            return asked.refuse("unknown_thread")
        return await asked.tell(done(said(90, asked.text)))

    begun: list[str] = []
    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await _send(chat, NEED)
    await chat.panel.get_by_label("Your phone?").fill(NUMBER)
    await chat.panel.get_by_label("Your phone?").press("Enter")
    await _send(chat, "Any day.")
    while theatre.wishes()[-1].params.get("thread_id") != f"{THREAD}2":
        await chat.page.wait_for_timeout(20)
    await chat.answered()

    assert begun == [NEED, NUMBER]
    assert await chat.customer.all_inner_texts() == [NEED, NUMBER, "Any day."]
    assert await chat.thread() == f"{THREAD}2"
    assert await chat.alert.count() == 0


@pytest.mark.parametrize("gone", ["file", "thread"])
async def test_words_whose_photo_is_not_found_stay_in_their_thread_if_that_is_there(
    theatre: Stage, visits: Visits, gone: str
) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        photos = asked.params["input"]["attachments"]
        there = len(theatre.asked) > 1 and asked.kind != "threads.create"
        if there and (photos or gone == "thread"):
            return asked.refuse("unknown_file" if gone == "file" else "not_found", 404)
        return await _heard(asked)

    async def uploading(_: web.Request) -> web.Response:
        from aiohttp import web

        return web.json_response({"id": "atc_1", "name": "seat.png"})

    theatre.script, theatre.uploading = script, uploading
    chat = await visits.page()
    await chat.open(theatre.url)
    assert await chat.say(NEED) == ANSWER
    await chat.attach("seat.png", "image/png", b"\x89PNG")
    await expect(chat.panel.locator(".chip progress")).to_have_count(0)
    await _send(chat, PHONE)
    await chat.answered()

    heard = theatre.asked[-1]
    assert (heard.kind, heard.text, heard.params["input"]["attachments"]) == (
        ("threads.add_user_message", PHONE, []) if gone == "file"
        else ("threads.create", PHONE, ["atc_1"])
    )  # fmt: skip
    assert await chat.alert.count() == 0


async def test_a_photo_that_is_gone_costs_no_thread(theatre: Stage, visits: Visits) -> None:
    """Sent without words: nothing is left to send without it."""

    async def script(asked: Asked) -> web.StreamResponse | None:
        photos = asked.params["input"]["attachments"]
        return asked.refuse("unknown_file", 404) if photos else await _heard(asked)

    async def uploading(_: web.Request) -> web.Response:
        from aiohttp import web

        return web.json_response({"id": "atc_1", "name": "seat.png"})

    theatre.script, theatre.uploading = script, uploading
    chat = await visits.page()
    await chat.open(theatre.url)
    assert await chat.say(NEED) == ANSWER
    await chat.attach("seat.png", "image/png", b"\x89PNG")
    await chat.send.click()
    await chat.alert.wait_for()

    assert await chat.thread() == THREAD
    assert len(theatre.asked) == 2


async def test_a_number_for_a_field_that_is_closed_is_said_as_a_message(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.kind == "threads.add_structured_input":
            return asked.refuse("not_possible", 422)
        if asked.kind == "threads.create":
            return await asked.tell(created(), done(said(1, NEED)), done(phone_field(2)))
        return await _heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await _send(chat, NEED)
    await chat.panel.get_by_label("Your phone?").fill(NUMBER)
    await chat.panel.get_by_label("Your phone?").press("Enter")
    await expect(chat.assistant.last).to_have_text(THANKS)

    assert (theatre.asked[-1].kind, theatre.asked[-1].text) == (
        "threads.add_user_message", NUMBER
    )  # fmt: skip
    assert await chat.customer.all_inner_texts() == [NEED, NUMBER]


async def test_what_was_not_heard_yet_still_leaves_when_a_new_chat_begins(
    theatre: Stage, visits: Visits
) -> None:
    """Also where its old conversation is gone when it is loaded."""

    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.kind == "items.list" or back != {asked.text}:
            return asked.refuse("unknown_thread" if asked.kind == "items.list" else "unavailable")
        return await _heard(asked)

    back: set[str] = set()
    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await _send(chat, NEED)
    await chat.alert.wait_for()
    back = {NEED}
    before = len(theatre.asked)
    await chat.panel.get_by_role("button", name="New chat").click()
    await chat.start.wait_for()
    assert (await theatre.until_asked(before + 1)).text == NEED
    await chat.page.wait_for_timeout(200)
    assert await _lines(chat) == []
    assert await chat.thread() == ""

    await _send(chat, PHONE)
    await chat.alert.wait_for()
    await chat.page.evaluate(f"sessionStorage.setItem('chatkit-thread-id', '{THREAD}')")
    back = {PHONE}
    await chat.page.reload()
    await expect(chat.assistant).to_have_text([ANSWER])
    assert await _lines(chat) == [PHONE, ANSWER]


async def test_what_was_said_before_a_new_chat_stays_one_conversation(
    theatre: Stage, visits: Visits
) -> None:
    """Also where its beginning arrived once already, and is being answered."""

    async def script(asked: Asked) -> web.StreamResponse | None:
        if not back:
            return asked.refuse("unavailable", **{"Retry-After": "300"})
        if len(theatre.asked) == before + 1:
            return asked.refuse("in_progress", 409, **{"Retry-After": "1"})
        return await _heard(asked)

    back = False
    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await _send(chat, NEED)
    await chat.alert.wait_for()
    await _send(chat, PHONE)
    before, back = len(theatre.asked), True
    await chat.panel.get_by_role("button", name="New chat").click()
    await chat.start.wait_for()
    await _send(chat, "Do you do boats?")
    await expect(chat.assistant).to_have_text([ANSWER])

    names = {one.text: one.conversation for one in theatre.asked[before:]}
    assert [names[NEED] == names[text] for text in (PHONE, "Do you do boats?")] == [True, False]
    assert await chat.customer.all_inner_texts() == ["Do you do boats?"]


@pytest.mark.parametrize("left", [False, True], ids=["stayed", "left"])
@pytest.mark.parametrize("end", [[], [failed()]], ids=["ended", "failed"])
async def test_what_was_not_kept_is_said_again(
    theatre: Stage, visits: Visits, end: list[Item], *, left: bool
) -> None:
    """An answer that only begins a thread tells nothing of the message."""

    async def script(asked: Asked) -> web.StreamResponse | None:
        match len(theatre.asked):
            case 1:
                return asked.refuse("unavailable", **{"Retry-After": "300"})
            case 2:
                return await asked.tell(created(), *end)
            case _:
                return await _heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await _send(chat, NEED)
    await chat.alert.wait_for()
    again = chat.alert.get_by_role("button", name="Try again")
    await (chat.panel.get_by_role("button", name="New chat") if left else again).click()
    await theatre.until_asked(3)
    await expect(chat.assistant).to_have_text([] if left else [ANSWER])
    assert len({one.request_id for one in theatre.asked}) == 1


async def test_a_place_in_an_answer_that_is_refused_is_let_go_of_at_once(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.position:
            return asked.refuse("answer_gone", 410)
        if len(theatre.asked) > 1:
            return await _heard(asked)
        await asked.tell(created())
        await begun.wait()
        return asked.cut()

    begun = asyncio.Event()
    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await _send(chat, NEED)
    while not await chat.thread():
        await chat.page.wait_for_timeout(20)
    begun.set()
    await expect(chat.assistant).to_have_text([ANSWER])

    assert [bool(one.position) for one in theatre.asked] == [False, True, False]
    assert await chat.alert.count() == 0


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
    await _send(chat, NEED)
    await chat.panel.get_by_label("Your phone?").fill(NUMBER)
    typed.set()
    await theatre.until_asked(3)
    await chat.answered()

    assert await chat.panel.get_by_label("Your phone?").input_value() == NUMBER


async def test_a_number_for_a_closed_field_of_a_chat_that_was_left_is_said_there(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.kind == "threads.create":
            return await asked.tell(created(), done(said(1, NEED)), done(phone_field(2)))
        if asked.kind == "threads.add_user_message":
            return await _heard(asked)
        if left:
            return asked.refuse("not_possible", 422)
        return asked.refuse("unavailable", **{"Retry-After": "300"})

    left = False
    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await _send(chat, NEED)
    await chat.panel.get_by_label("Your phone?").fill(NUMBER)
    await chat.panel.get_by_label("Your phone?").press("Enter")
    await chat.alert.wait_for()
    before, left = len(theatre.asked), True
    await chat.panel.get_by_role("button", name="New chat").click()
    heard = await theatre.until_asked(before + 2)

    assert (heard.kind, heard.text, heard.params["thread_id"]) == (
        "threads.add_user_message", NUMBER, THREAD
    )  # fmt: skip
    await expect(chat.customer).to_have_count(0)


async def test_after_a_failed_answer_the_next_words_do_not_wait_for_it(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> None:
        if asked.kind == "threads.create":
            return await asked.tell(created(), done(said(1, NEED)), failed())
        return await _heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await _send(chat, NEED)
    await chat.alert.wait_for()
    await _send(chat, PHONE)
    await expect(chat.assistant).to_have_text([THANKS])

    assert [one.kind for one in theatre.asked] == ["threads.create", "threads.add_user_message"]
    assert await chat.alert.count() == 0


async def test_a_failed_answer_waits_for_a_person_also_on_the_next_page(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.kind == "items.list":
            return asked.page([said(1, NEED)])
        return await asked.tell(created(), done(said(1, NEED)), failed())

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await _send(chat, NEED)
    await chat.alert.wait_for()
    await chat.page.reload()
    await expect(chat.customer).to_have_text([NEED])
    await chat.page.wait_for_timeout(300)

    assert len(theatre.wishes()) == 1


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


OUTLIVES = """{ const { fetch } = window; window.outlives = [];
  window.fetch = (url, options) => {
    if (url.endsWith("/api/chatkit")) outlives.push(options.keepalive);
    return fetch(url, options);
  } }"""
"""Whether a request goes on without its page: loopback is too fast to see one that does not."""


REFUSES_TO_OUTLIVE = """{ const { fetch } = window;
  window.fetch = (url, options) => options?.keepalive && url.endsWith("/api/chatkit")
    ? Promise.reject(new TypeError("too much at once")) : fetch(url, options) }"""
"""As a browser does above 64 KB."""


async def test_a_message_that_may_not_outlive_its_page_is_sent_all_the_same(
    theatre: Stage, visits: Visits
) -> None:
    theatre.script = _heard
    chat = await visits.page()
    await chat.page.add_init_script(REFUSES_TO_OUTLIVE)
    await chat.open(theatre.url)

    assert await chat.say(NEED) == ANSWER
    assert await chat.say(PHONE) == THANKS
    assert await chat.alert.count() == 0


async def test_who_turns_away_or_leaves_leaves_no_words_behind(
    theatre: Stage, visits: Visits
) -> None:
    holding = asyncio.Event()

    async def script(asked: Asked) -> None:
        if asked.text == NEED:
            await asked.tell(created(), done(said(1, NEED)))
            await holding.wait()
            return await asked.tell(done(answered(2, ANSWER)))
        return await _heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.page.add_init_script(OUTLIVES)
    await chat.open(theatre.url)
    await _send(chat, NEED)
    while not await chat.thread():
        await chat.page.wait_for_timeout(20)
    await _send(chat, PHONE)
    await chat.page.evaluate(HIDDEN)
    assert (await theatre.until_asked(2)).text == PHONE
    assert await chat.page.evaluate("outlives") == [True, True]
    await _send(chat, "Any day.")
    await chat.page.close()
    await theatre.until_asked(4)
    holding.set()

    assert set(_told(theatre)) == {NEED, PHONE, "Any day."}
    assert {one.params.get("thread_id") for one in theatre.asked[1:]} == {THREAD}


FOCUSED = "node => node.getRootNode().activeElement === node"


async def test_a_button_that_goes_leaves_the_keyboard_in_the_message_field(
    theatre: Stage, visits: Visits
) -> None:
    """A start prompt that was pressed, and a *Try again* that was reached and no longer needed."""
    refused = True

    async def script(asked: Asked) -> web.StreamResponse | None:
        return (
            asked.refuse("unavailable", **{"Retry-After": "300"})
            if refused
            else await _heard(asked)
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
    """WebKit ends a composition before the Enter that confirmed it: only its code tells."""
    theatre.script = _heard
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.input.fill("My number is")
    for key, more in (("Enter", "keyCode: 229"), ("Escape", "isComposing: true")):
        await chat.input.evaluate(
            f"""node => node.dispatchEvent(new KeyboardEvent("keydown",
                 {{ key: "{key}", {more}, bubbles: true, composed: true, cancelable: true }}))"""
        )
    await chat.start.get_by_role("button").first.click()
    await chat.answered()

    assert _told(theatre) == ["My seat is torn"]
    assert await chat.input.input_value() == "My number is"


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

    theatre.script = _heard
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
    await _in_time(chat, asked, 2)
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
    await _in_time(chat, asked, 4)
    await chat.alert.wait_for()

    assert await chat.alert.get_by_role("link", name="(408) 555-0142").count() == 1
    assert await chat.page.evaluate("window.evil") is None
    await chat.page.unroute_all()
    await chat.alert.get_by_role("button", name="Try again").click()
    await chat.start.wait_for()
