"""Words that cannot go their way go another: where a thread, a file, a field or a chat is gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.chat import NEED, PHONE
from tests.browser.stage import (
    ANSWER,
    NUMBER,
    THANKS,
    THREAD,
    Asked,
    Item,
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
    await chat.write(NEED)
    await chat.give_phone(NUMBER)
    await chat.write("Any day.")
    while theatre.wishes()[-1].params.get("thread_id") != f"{THREAD}2":
        await chat.page.wait_for_timeout(20)
    await chat.answered()

    assert begun == [NEED, NUMBER]
    assert await chat.customer.all_inner_texts() == [NEED, NUMBER, "Any day."]
    assert await chat.thread() == f"{THREAD}2"
    assert await chat.alert.count() == 0


async def _took_the_photo(_: web.Request) -> web.Response:
    from aiohttp import web

    return web.json_response({"id": "atc_1", "name": "seat.png"})


@pytest.mark.parametrize("gone", ["file", "thread"])
async def test_words_whose_photo_is_not_found_stay_in_their_thread_if_that_is_there(
    theatre: Stage, visits: Visits, gone: str
) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        photos = asked.params["input"]["attachments"]
        there = len(theatre.asked) > 1 and asked.kind != "threads.create"
        if there and (photos or gone == "thread"):
            return asked.refuse("unknown_file" if gone == "file" else "not_found", 404)
        return await heard(asked)

    theatre.script, theatre.uploading = script, _took_the_photo
    chat = await visits.page()
    await chat.open(theatre.url)
    assert await chat.say(NEED) == ANSWER
    await chat.attach("seat.png", "image/png", b"\x89PNG")
    await expect(chat.panel.locator(".chip progress")).to_have_count(0)
    await chat.write(PHONE)
    await chat.answered()

    last = theatre.asked[-1]
    assert (last.kind, last.text, last.params["input"]["attachments"]) == (
        ("threads.add_user_message", PHONE, []) if gone == "file"
        else ("threads.create", PHONE, ["atc_1"])
    )  # fmt: skip
    assert await chat.alert.count() == 0


async def test_a_photo_that_is_gone_costs_no_thread(theatre: Stage, visits: Visits) -> None:
    """Sent without words: nothing is left to send without it."""

    async def script(asked: Asked) -> web.StreamResponse | None:
        photos = asked.params["input"]["attachments"]
        return asked.refuse("unknown_file", 404) if photos else await heard(asked)

    theatre.script, theatre.uploading = script, _took_the_photo
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
        return await heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.give_phone(NUMBER)
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
        return await heard(asked)

    back: set[str] = set()
    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.alert.wait_for()
    back = {NEED}
    before = len(theatre.asked)
    await chat.panel.get_by_role("button", name="New chat").click()
    await chat.start.wait_for()
    assert (await theatre.until_asked(before + 1)).text == NEED
    await chat.page.wait_for_timeout(200)
    assert await chat.lines() == []
    assert await chat.thread() == ""

    await chat.write(PHONE)
    await chat.alert.wait_for()
    await chat.keep("chatkit-thread-id", THREAD)
    back = {PHONE}
    await chat.page.reload()
    await expect(chat.assistant).to_have_text([ANSWER])
    assert await chat.lines() == [PHONE, ANSWER]


async def test_what_was_said_before_a_new_chat_stays_one_conversation(
    theatre: Stage, visits: Visits
) -> None:
    """Also where its beginning arrived once already, and is being answered."""

    async def script(asked: Asked) -> web.StreamResponse | None:
        if not back:
            return asked.refuse("unavailable", **{"Retry-After": "300"})
        if len(theatre.asked) == before + 1:
            return asked.refuse("in_progress", 409, **{"Retry-After": "1"})
        return await heard(asked)

    back = False
    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.alert.wait_for()
    await chat.write(PHONE)
    before, back = len(theatre.asked), True
    await chat.panel.get_by_role("button", name="New chat").click()
    await chat.start.wait_for()
    await chat.write("Do you do boats?")
    await expect(chat.assistant).to_have_text([ANSWER])

    await theatre.until_asked(before + 4)
    old = [one for one in theatre.asked[before:] if one.text != "Do you do boats?"]
    assert [one.text for one in old] == [NEED, PHONE, NEED], "409 tells nothing of what is kept"
    [new] = [one for one in theatre.asked[before:] if one.text == "Do you do boats?"]
    assert new.conversation not in {one.conversation for one in old}
    assert {one.conversation for one in old} == {old[0].conversation}
    assert await chat.customer.all_inner_texts() == ["Do you do boats?"]


async def test_what_waited_in_a_chat_that_was_left_follows_its_beginning(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        return await heard(asked) if back else asked.refuse("unavailable", **{"Retry-After": "300"})

    back = False
    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.alert.wait_for()
    await chat.write(PHONE)
    before, back = len(theatre.asked), True
    await chat.panel.get_by_role("button", name="New chat").click()
    last = await theatre.until_asked(before + 2)

    assert (last.text, last.params.get("thread_id")) == (PHONE, THREAD)


async def test_what_waits_for_an_answer_when_a_new_chat_begins_goes_to_the_thread_of_it(
    theatre: Stage, visits: Visits
) -> None:
    typed = asyncio.Event()

    async def script(asked: Asked) -> None:
        if asked.text == NEED:
            await typed.wait()
            await asked.tell(created(), done(said(1, NEED)))
            return await asked.silence()
        return await heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.write(PHONE)
    typed.set()
    await chat.begun()
    await chat.panel.get_by_role("button", name="New chat").click()
    last = await theatre.until_asked(2)

    assert (last.text, last.params.get("thread_id")) == (PHONE, THREAD)


async def test_what_a_chat_that_was_left_cannot_tell_begins_one_of_another_name(
    theatre: Stage, visits: Visits
) -> None:
    """By the old name the thread that was forgotten would come back, and its lead is settled."""

    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.kind == "threads.add_user_message":
            if not left:
                return asked.refuse("unavailable", **{"Retry-After": "300"})
            return asked.refuse("unknown_thread")
        return await heard(asked)

    left = False
    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    assert await chat.say(NEED) == ANSWER
    for text in (PHONE, "Any day."):
        await chat.write(text)
    await chat.alert.wait_for()
    before, left = len(theatre.asked), True
    await chat.panel.get_by_role("button", name="New chat").click()
    await theatre.until_asked(before + 3)

    assert theatre.texts() == [NEED, PHONE, "Any day."]
    first, second = theatre.asked[before + 1 : before + 3]
    assert (first.kind, first.text) == ("threads.create", PHONE)
    assert first.conversation not in {"", theatre.asked[0].conversation}
    assert second.conversation == first.conversation or second.params.get("thread_id") == THREAD


async def test_a_failed_answer_is_tried_again_though_a_chat_that_was_left_has_words_to_say(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.kind == "threads.retry_after_item":
            return await asked.tell(done(answered(6, THANKS)))
        if asked.text == PHONE:
            return await asked.tell(created(), done(said(5, PHONE)), failed())
        if len(theatre.asked) == 1:
            return asked.refuse("unavailable", **{"Retry-After": "300"})
        return asked.refuse("in_progress", 409, **{"Retry-After": "300"})

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.alert.wait_for()
    await chat.panel.get_by_role("button", name="New chat").click()
    await theatre.until_asked(2)
    await chat.write(PHONE)
    await chat.alert.get_by_role("button", name="Try again").click()
    await expect(chat.assistant).to_have_text([THANKS])


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
                return await heard(asked)

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.alert.wait_for()
    again = chat.alert.get_by_role("button", name="Try again")
    await (chat.panel.get_by_role("button", name="New chat") if left else again).click()
    await theatre.until_asked(3)
    await expect(chat.assistant).to_have_text([] if left else [ANSWER])
    assert len({one.request_id for one in theatre.asked}) == 1


async def test_a_number_for_a_closed_field_of_a_chat_that_was_left_is_said_there(
    theatre: Stage, visits: Visits
) -> None:
    async def script(asked: Asked) -> web.StreamResponse | None:
        if asked.kind == "threads.create":
            return await asked.tell(created(), done(said(1, NEED)), done(phone_field(2)))
        if asked.kind == "threads.add_user_message":
            return await heard(asked)
        if left:
            return asked.refuse("not_possible", 422)
        return asked.refuse("unavailable", **{"Retry-After": "300"})

    left = False
    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    await chat.write(NEED)
    await chat.give_phone(NUMBER)
    await chat.alert.wait_for()
    before, left = len(theatre.asked), True
    await chat.panel.get_by_role("button", name="New chat").click()
    last = await theatre.until_asked(before + 2)

    assert (last.kind, last.text, last.params["thread_id"]) == (
        "threads.add_user_message", NUMBER, THREAD
    )  # fmt: skip
    await expect(chat.customer).to_have_count(0)
