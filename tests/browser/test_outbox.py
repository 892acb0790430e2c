"""What a customer wrote reaches the shop: whatever happens meanwhile, by itself, once."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.chat import HIDDEN, NEED, PHONE, WATCH_PAUSES
from tests.browser.stage import (
    ANSWER,
    THANKS,
    THREAD,
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
    from playwright.async_api import Route

    from tests.browser.conftest import Visits

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

WAITING = {"requestId": "0" * 32, "text": NEED, "files": []}
KEPT = json.dumps([WAITING])
"""What never left; also as panels of before conversations had names kept it."""
BEGINNING = {
    "type": "threads.create",
    "params": {"input": {"content": [{"type": "input_text", "text": NEED}], "attachments": []}},
    "metadata": {"conversation": "c" * 32},
}
KEPT_AS_SENT = json.dumps([WAITING | {"body": BEGINNING}])

GONE_BACK = "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
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
        await chat.write(text)
    await expect(chat.customer).to_have_text([NEED, PHONE, "Any day."])
    assert await chat.input.input_value() == ""
    assert len(theatre.asked) == 1
    finished.set()
    await expect(chat.assistant).to_have_count(3)
    await chat.answered()

    assert await chat.lines() == [NEED, ANSWER, PHONE, THANKS, "Any day.", THANKS]
    assert [one.text for one in theatre.asked] == [NEED, PHONE, "Any day."]


async def test_what_waits_for_the_thread_goes_to_it(theatre: Stage, visits: Visits) -> None:
    """A chat service of before conversations had names would begin another."""
    typed = asyncio.Event()

    async def script(asked: Asked) -> None:
        if asked.text == NEED:
            await typed.wait()
        await heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.write(PHONE)
    typed.set()
    await expect(chat.assistant).to_have_text([ANSWER, THANKS])

    first, second = theatre.asked
    assert (first.kind, second.params.get("thread_id")) == ("threads.create", THREAD)


async def test_what_is_said_while_a_conversation_loads_leaves_once(
    theatre: Stage, visits: Visits
) -> None:
    typed = asyncio.Event()

    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.kind == "items.list":
            await typed.wait()
            return asked.page([said(1, NEED), answered(2, "Hello."), answered(3, ANSWER)])
        return await heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.page.goto(theatre.url)
    await chat.keep("chatkit-thread-id", THREAD)
    await chat.page.reload()
    await chat.launcher.click()
    await chat.write(PHONE)
    await expect(chat.customer).to_have_text([PHONE])
    assert theatre.wishes() == []
    typed.set()
    await expect(chat.assistant).to_have_count(3)

    assert await chat.lines() == [NEED, "Hello.", ANSWER, PHONE, THANKS]
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

    theatre.script = heard
    chat = await visits.page()
    await chat.page.clock.install()
    await chat.open(theatre.url)
    await chat.page.route("**/api/chatkit", lose)
    await chat.write(NEED)
    await chat.in_time(lost, 2)
    assert await chat.alert.count() == 0
    await chat.in_time(lost, 4)
    assert await chat.alert.count() == 1
    await chat.in_time(lost, 5)
    await expect(chat.assistant).to_have_text([ANSWER])

    assert await chat.lines() == [NEED, ANSWER]
    assert await chat.alert.count() == 0
    assert len(set(lost)) == 1


async def test_a_message_that_is_refused_for_now_leaves_when_the_network_or_the_visitor_is_back(
    theatre: Stage, visits: Visits
) -> None:
    trouble = ["unavailable"] * 2

    async def script(asked: Asked) -> web.StreamResponse | None:
        if trouble:
            return asked.refuse(trouble.pop(), **{"Retry-After": "3600"})
        return await heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.page.evaluate(WATCH_PAUSES)
    await chat.write(NEED)
    for count, event in enumerate(("online", "visibilitychange"), 1):
        await chat.until(f"pauses.filter(ms => ms === 3_600_000).length === {count}")
        assert await chat.alert.count() == 1, "said once"
        target = "document" if event == "visibilitychange" else "window"
        await chat.page.evaluate(f"{target}.dispatchEvent(new Event('{event}'))")
    await expect(chat.assistant).to_have_text([ANSWER])

    assert await chat.alert.count() == 0
    assert len({one.request_id for one in theatre.asked}) == 1


async def test_unsent_words_leave_from_the_next_page_behind_a_closed_panel(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.kind == "items.list":
            return asked.page([said(1, NEED), answered(2, ANSWER)])
        return await heard(asked) if back else asked.refuse("unavailable")

    back = False
    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.alert.wait_for()
    await chat.page.keyboard.press("Escape")
    before, back = len(theatre.asked), True
    await chat.page.goto(f"{theatre.url}/?page=2")
    await theatre.until_asked(before + 1)
    await chat.begun()

    assert await chat.panel.count() == 0
    await chat.launcher.click()
    await expect(chat.assistant).to_have_text([ANSWER])
    assert await chat.lines() == [NEED, ANSWER]
    assert len({one.request_id for one in theatre.asked}) == 1


async def test_a_second_message_outlives_its_page_before_there_is_a_thread(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> None:
        return await heard(asked) if back else await asked.silence()

    back = False
    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.write(PHONE)
    await theatre.until_asked(1)
    kept = await chat.page.evaluate("sessionStorage.getItem('handoff-wishes')")
    assert PHONE in kept, "a phone ends a page that is out of sight without a word to it"
    await chat.page.evaluate(HIDDEN)
    assert (await theatre.until_asked(2)).text == PHONE, "a tab that closes keeps nothing"
    back = True
    await chat.page.reload()
    await expect(chat.assistant).to_have_text([ANSWER, THANKS])

    assert await chat.lines() == [NEED, ANSWER, PHONE, THANKS]
    assert len({one.request_id for one in theatre.asked}) == 2
    assert len({one.conversation for one in theatre.asked}) == 1


@pytest.mark.parametrize("kept", [KEPT, KEPT_AS_SENT], ids=["waiting", "sent"])
async def test_who_goes_back_takes_up_what_the_next_page_left(
    theatre: Stage, visits: Visits, kept: str
) -> None:
    theatre.script = heard
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.keep("handoff-wishes", kept)
    await chat.page.evaluate(f"{GONE_BACK}; {GONE_BACK}")
    await expect(chat.assistant).to_have_text([ANSWER])

    assert await chat.lines() == [NEED, ANSWER]
    assert len({one.request_id for one in theatre.asked}) == 1


async def test_who_goes_back_finds_the_conversation_that_the_next_page_began(
    theatre: Stage, visits: Visits
) -> None:
    """Another one would be a second lead."""

    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.kind == "items.list":
            return asked.page([said(1, NEED), answered(2, ANSWER)])
        return await heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.keep("chatkit-thread-id", THREAD)
    await chat.page.evaluate(GONE_BACK)
    await expect(chat.assistant).to_have_text([ANSWER])
    await chat.write(PHONE)
    await expect(chat.assistant).to_have_text([ANSWER, THANKS])

    assert [one.params["thread_id"] for one in theatre.asked] == [THREAD] * 2


async def test_unsent_words_leave_also_where_openais_runtime_would_come_next(
    theatre: Stage, visits: Visits
) -> None:
    """It knows nothing of them."""
    theatre.script = heard
    theatre.chat = {"runtime_urls": ["/runtime.js"], "runtime": {"api": None, "theme": {}}}
    chat = await visits.page()
    await chat.page.goto(theatre.url)
    await chat.keep("handoff-wishes", KEPT)
    stub = "customElements.define('openai-chatkit', class extends HTMLElement { setOptions() {} })"
    await chat.page.route("**/runtime.js", lambda route: route.fulfill(body=stub))
    await chat.page.reload()
    assert (await theatre.until_asked(1)).text == NEED


async def test_what_a_loaded_conversation_holds_already_leaves_no_second_speaker(
    theatre: Stage, visits: Visits
) -> None:
    """A screen reader would hear "You:" and nothing."""

    async def script(asked: Asked) -> web.StreamResponse | None:
        return asked.page([said(1, NEED)]) if asked.kind == "items.list" else await heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.page.goto(theatre.url)
    await chat.keep("chatkit-thread-id", THREAD)
    await chat.keep("handoff-wishes", KEPT_AS_SENT)
    await chat.page.reload()
    await chat.launcher.click()
    await expect(chat.assistant).to_have_text([ANSWER])

    assert await chat.panel.locator(".group.customer").count() == 1


async def test_after_a_failed_answer_the_next_words_do_not_wait_for_it(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> None:
        if asked.kind == "threads.create":
            return await asked.tell(created(), done(said(1, NEED)), failed())
        return await heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.alert.wait_for()
    await chat.write(PHONE)
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
    await chat.write(NEED)
    await chat.alert.wait_for()
    await chat.page.reload()
    await expect(chat.customer).to_have_text([NEED])
    await chat.page.wait_for_timeout(300)

    assert len(theatre.wishes()) == 1


async def test_a_message_that_may_not_outlive_its_page_is_sent_all_the_same(
    theatre: Stage, visits: Visits
) -> None:
    theatre.script = heard
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
        return await heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.page.add_init_script(OUTLIVES)
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.begun()
    await chat.write(PHONE)
    await chat.page.evaluate(HIDDEN)
    assert (await theatre.until_asked(2)).text == PHONE
    assert await chat.page.evaluate("outlives") == [True, True]
    await chat.write("Any day.")
    await chat.page.close()
    await theatre.until_asked(4)
    holding.set()

    assert set(theatre.texts()) == {NEED, PHONE, "Any day."}
    assert {one.params.get("thread_id") for one in theatre.asked[1:]} == {THREAD}
