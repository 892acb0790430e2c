"""Photos on their way from the panel, against a server that takes, holds and refuses them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from services.gateway.front import load_phrases
from tests.browser.chat import HIDDEN, NEED, PHONE, ChatPage, reference_in
from tests.browser.stage import THREAD, Asked, answered, created, done, said

if TYPE_CHECKING:
    from aiohttp import web
    from playwright.async_api import Locator

    from tests.browser.conftest import Visits
    from tests.browser.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

CHOOSE = """(field, sizes) => { const chosen = new DataTransfer();
  sizes.forEach((size, at) => chosen.items.add(new File([new Uint8Array(size)], `${at + 1}.jpg`)));
  field.files = chosen.files; field.dispatchEvent(new Event("change")) }"""
"""As a person chooses them; the bytes are made in the browser."""
CONNECTIONS = 6
"""Of Chromium to one server."""
CROWD = f"""() => {{ for (let n = 1; n < {CONNECTIONS}; n += 1)
  fetch("/api/chatkit/attachment", {{ method: "POST", body: 'filename="other' }}) }}"""
PAST_EVERY_SESSION = 4_100_000_000
"""By a clock that is wrong by decades."""


async def _choose(chat: ChatPage, *sizes: int) -> None:
    await chat.panel.locator("input[type=file]").evaluate(CHOOSE, list(sizes))


def _kept() -> web.Response:
    from aiohttp import web

    kept = {"id": "att_1", "name": "1.jpg", "type": "image", "mime_type": "image/jpeg"}
    return web.json_response(kept)


async def _answer(asked: Asked) -> None:
    await asked.tell(created(), done(said(1, NEED)), done(answered(2, "Which side is it?")))


async def test_a_photo_that_failed_outlives_a_message_and_can_still_be_sent(
    theatre: Stage, visits: Visits
) -> None:
    cutting = True

    async def uploading(request: web.Request) -> web.StreamResponse:
        if cutting:
            assert request.transport
            request.transport.abort()
        return _kept()

    theatre.script, theatre.uploading = _answer, uploading
    chat = await visits.page()
    await chat.open(theatre.url)
    await _choose(chat, 3)
    await chat.alert.wait_for()
    await chat.say(NEED)

    assert reference_in(await chat.alert.inner_text())
    cutting = False
    await chat.alert.get_by_role("button", name="Try again").click()
    await expect(chat.send).to_be_enabled()
    await chat.send.click()
    await chat.answered()
    sent = [one.params["input"]["attachments"] for one in theatre.asked]
    assert sent == [[], ["att_1"]]
    assert await chat.panel.locator(".chip").count() == 0


async def test_an_upload_renews_a_session_that_ended_whatever_time_the_phone_thinks_it_is(
    theatre: Stage, visits: Visits
) -> None:
    bearers: list[str] = []

    async def uploading(request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        bearers.append(request.headers["Authorization"])
        ended = len(bearers) == 1
        return web.json_response({"error": "token_expired"}, status=401) if ended else _kept()

    theatre.script, theatre.uploading = _answer, uploading
    chat = await visits.page()
    await chat.page.clock.install(time=PAST_EVERY_SESSION)
    await chat.open(theatre.url)
    await _choose(chat, 3)
    await expect(chat.send).to_be_enabled()
    await chat.send.click()
    await chat.answered()

    assert await chat.alert.count() == 0
    assert len(set(bearers)) == len(bearers) == 2
    assert theatre.asked[0].bearer == bearers[1]
    assert len([path for path, _ in theatre.told if path.endswith("session")]) == 2


async def test_the_days_allowance_is_told_in_its_own_words_and_offers_no_other_try(
    theatre: Stage, visits: Visits
) -> None:
    async def uploading(request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        return web.json_response({"error": "too_many_uploads"}, status=429)

    theatre.uploading = uploading
    chat = await visits.page(viewport={"width": 390, "height": 844})
    await chat.open(f"{theatre.url}/?lang=es")
    await _choose(chat, 3)
    await chat.alert.wait_for()

    assert load_phrases()["es"]["too_many_uploads"] in await chat.alert.inner_text()
    assert await chat.alert.get_by_role("button").count() == 0
    await chat.shoot("390-allowance-spent")


async def test_photos_that_do_not_fit_are_named_and_not_sent(
    theatre: Stage, visits: Visits
) -> None:
    async def uploading(request: web.Request) -> web.StreamResponse:
        await request.read()
        return _kept()

    theatre.uploading = uploading
    chat = await visits.page(viewport={"width": 390, "height": 844})
    await chat.open(theatre.url)
    await _choose(chat, 13 * 1024 * 1024, *[3] * 9)
    await expect(chat.panel.locator(".chip progress:visible")).to_have_count(0)

    words = load_phrases()["en"]
    told = await chat.alert.all_inner_texts()
    assert [said.strip() for said in told] == [
        words["too_large"], f"{words['too_many_files']} 3"
    ]  # fmt: skip
    assert await chat.panel.locator(".chip").count() == 7
    await expect(chat.panel.locator(".chip.failed")).to_be_in_viewport()
    assert len(chat.posted("/attachment")) == 6
    await chat.shoot("390-photos-left-out")


async def test_photos_go_two_at_a_time_and_one_that_is_removed_makes_room_and_is_told(
    theatre: Stage, visits: Visits
) -> None:
    arriving: list[str] = []
    taken = asyncio.Event()

    async def uploading(request: web.Request) -> web.StreamResponse:
        arriving.append((await request.read()).split(b'filename="')[1][:5].decode())
        await taken.wait()
        return _kept()

    theatre.uploading = uploading
    chat = await visits.page()
    await chat.open(theatre.url)
    await _choose(chat, 3, 3, 3, 3)
    await _arrived(arriving, 2)
    preview = await chat.panel.locator(".chip img").last.get_attribute("src")
    reads = "url => fetch(url).then(() => true, () => false)"
    assert await chat.page.evaluate(reads, preview)
    await chat.panel.get_by_role("button", name="Remove 4.jpg").click()
    assert not await chat.page.evaluate(reads, preview), "it would stay in memory"
    assert len(chat.posted("/attachment")) == 2
    async with chat.page.expect_event("requestfailed"):
        await chat.panel.get_by_role("button", name="Remove 1.jpg").click()
    await _arrived(arriving, 3)
    taken.set()
    await expect(chat.panel.locator(".chip progress")).to_have_count(0)
    await chat.panel.get_by_role("button", name="Remove 2.jpg").click()

    [(_, signal)] = [one for one in theatre.told if one[0] == "/api/lead-signal"]
    assert (signal["event"], signal["name"]) == ("photo_removed", "1.jpg")
    assert sorted(arriving) == ["1.jpg", "2.jpg", "3.jpg"]
    assert await chat.panel.locator(".chip img").count() == 1
    assert await chat.alert.count() == 0


async def _arrived(arriving: list[str], count: int) -> None:
    async with asyncio.timeout(60):
        while len(arriving) < count:
            await asyncio.sleep(0.02)


@dataclass
class SlowPhotos:
    """An upload that ends when the test says so, and how."""

    fate: str = ""
    """Of those on their way: a code refuses them."""
    decided: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: int = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        named = (await request.read()).split(b'filename="')[1][:5].decode()
        self.arrived += 1
        await self.decided.wait()
        if self.fate and named == "1.jpg":
            return web.json_response({"error": self.fate}, status=415)
        return _kept()


def _told(theatre: Stage) -> list[tuple[str, list[str]]]:
    """What the chat service heard, once each: text and photos."""
    heard = {one.request_id: one.params["input"] for one in theatre.wishes()}
    return [
        ("".join(part["text"] for part in said["content"]), said["attachments"])
        for said in heard.values()
    ]


async def _pressed_too_early(
    theatre: Stage, visits: Visits, photos: SlowPhotos, *sizes: int
) -> ChatPage:
    theatre.script, theatre.uploading = _answer, photos
    chat = await visits.page()
    await chat.open(theatre.url)
    await _choose(chat, *(sizes or (3,)))
    await chat.write(PHONE)
    await expect(_status(chat)).to_have_text(load_phrases()["en"]["uploading"])
    return chat


def _status(chat: ChatPage) -> Locator:
    return chat.panel.get_by_role("status")


async def test_a_message_waits_for_its_photo_and_leaves_by_itself_once(
    theatre: Stage, visits: Visits
) -> None:
    photos = SlowPhotos()
    chat = await _pressed_too_early(theatre, visits, photos)
    await chat.input.press("Enter")
    await chat.input.press("Enter")
    await expect(chat.send).to_be_disabled()
    assert await chat.input.input_value() == PHONE
    assert theatre.wishes() == []
    await chat.page.get_by_role("heading").click()
    photos.decided.set()
    await chat.assistant.wait_for()

    assert _told(theatre) == [(PHONE, ["att_1"])]
    assert await chat.customer.count() == 1
    await expect(_status(chat)).to_have_text("")
    assert await chat.input.input_value() == ""
    assert await chat.input.evaluate("node => !node.matches(':focus')"), "nobody is interrupted"


async def test_a_photo_that_is_dropped_on_the_chat_is_attached(
    theatre: Stage, visits: Visits
) -> None:
    """A browser would leave the page for it; a dropped word goes where it falls."""
    theatre.script, theatre.uploading = _answer, SlowPhotos()
    chat = await visits.page()
    await chat.open(theatre.url)
    drop = """(node, part) => {
      const dataTransfer = new DataTransfer();
      if (part) dataTransfer.items.add(new File([part], "seat.png", { type: "image/png" }));
      else dataTransfer.items.add("a word", "text/plain");
      return ["dragover", "drop"].map((name) => node.dispatchEvent(
        new DragEvent(name, { dataTransfer, bubbles: true, cancelable: true })));
    }"""
    log = chat.panel.get_by_role("log")

    assert await log.evaluate(drop, "") == [True, True]
    assert await log.evaluate(drop, "png") == [False, False]
    await expect(chat.panel.locator(".chip")).not_to_have_count(0)


async def test_a_message_leaves_without_a_photo_that_fails(theatre: Stage, visits: Visits) -> None:
    photos = SlowPhotos(fate="unsupported_type")
    chat = await _pressed_too_early(theatre, visits, photos, 3, 3)
    photos.decided.set()
    await chat.assistant.wait_for()

    assert _told(theatre) == [(PHONE, ["att_1"])]
    assert load_phrases()["en"]["unsupported_type"] in await chat.alert.inner_text()
    assert await chat.panel.locator(".chip").count() == 1
    await chat.answered()
    await chat.input.press("Enter")
    assert await chat.customer.count() == 1, "there is nothing to send"


async def test_what_is_edited_while_it_waits_is_a_draft_again(
    theatre: Stage, visits: Visits
) -> None:
    photos = SlowPhotos()
    chat = await _pressed_too_early(theatre, visits, photos)
    await chat.input.press_sequentially(" Or")
    await expect(_status(chat)).to_have_text("")
    photos.decided.set()
    await expect(chat.panel.locator(".chip progress")).to_have_count(0)
    assert theatre.wishes() == []
    await chat.input.press_sequentially(" write.")
    await chat.input.press("Enter")
    await chat.assistant.wait_for()

    assert _told(theatre) == [(f"{PHONE} Or write.", ["att_1"])]


async def test_a_tab_that_closes_takes_no_words_with_it(theatre: Stage, visits: Visits) -> None:
    """Though every connection that a browser opens is taken, and freed only when the page goes."""
    photos = SlowPhotos()
    chat = await _pressed_too_early(theatre, visits, photos)
    await chat.page.evaluate(CROWD)
    async with asyncio.timeout(60):
        while photos.arrived < CONNECTIONS:
            await asyncio.sleep(0.02)
    await chat.page.close()
    await theatre.until_asked(1)

    assert _told(theatre) == [(PHONE, [])]


async def test_the_photo_follows_the_words_of_who_comes_back(
    theatre: Stage, visits: Visits
) -> None:
    photos = SlowPhotos()
    chat = await _pressed_too_early(theatre, visits, photos)
    await chat.page.evaluate(HIDDEN)
    await theatre.until_asked(1)
    await chat.answered()
    photos.decided.set()
    await theatre.until_asked(2)

    assert _told(theatre) == [(PHONE, []), ("", ["att_1"])]
    await expect(chat.panel.locator(".chip")).to_have_count(0)


@pytest.mark.parametrize("closes", [False, True], ids=["stays", "closes"])
async def test_what_is_said_during_an_answer_is_heard(
    theatre: Stage, visits: Visits, *, closes: bool
) -> None:
    finished = asyncio.Event()

    async def script(asked: Asked) -> None:
        if asked.text == PHONE:
            return await asked.tell(done(said(3, PHONE)), done(answered(4, "Thank you.")))
        await asked.tell(created(), done(said(1, NEED)))
        await finished.wait()
        return await asked.tell(done(answered(2, "Which side is it?")))

    theatre.script = script
    chat = await visits.page()
    await chat.open(theatre.url)
    for words in (NEED, PHONE):
        await chat.write(words)
        await theatre.until_asked(1)
    await chat.begun()
    if closes:
        await chat.page.close()
    else:
        finished.set()
    await theatre.until_asked(2)
    finished.set()

    assert _told(theatre) == [(NEED, []), (PHONE, [])]
    assert theatre.wishes()[1].params["thread_id"] == THREAD
