"""Photos on their way from the panel, against a server that takes, holds and refuses them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from services.gateway.front import load_phrases
from tests.browser.chat import NEED, ChatPage, reference_in
from tests.browser.stage import Asked, answered, created, done, said

if TYPE_CHECKING:
    from aiohttp import web

    from tests.browser.conftest import Visits
    from tests.browser.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

CHOOSE = """(field, sizes) => { const chosen = new DataTransfer();
  sizes.forEach((size, at) => chosen.items.add(new File([new Uint8Array(size)], `${at + 1}.jpg`)));
  field.files = chosen.files; field.dispatchEvent(new Event("change")) }"""
"""As a person chooses them; the bytes are made in the browser."""
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
    async with asyncio.timeout(60):
        while len(arriving) < 2:
            await asyncio.sleep(0.02)
    await chat.panel.get_by_role("button", name="Remove 4.jpg").click()
    assert len(chat.posted("/attachment")) == 2
    async with chat.page.expect_event("requestfailed"):
        await chat.panel.get_by_role("button", name="Remove 1.jpg").click()
    async with asyncio.timeout(60):
        while len(arriving) < 3:
            await asyncio.sleep(0.02)
    taken.set()
    await expect(chat.send).to_be_enabled()
    await chat.panel.get_by_role("button", name="Remove 2.jpg").click()

    [(_, signal)] = [one for one in theatre.told if one[0] == "/api/lead-signal"]
    assert (signal["event"], signal["name"]) == ("photo_removed", "1.jpg")
    assert sorted(arriving) == ["1.jpg", "2.jpg", "3.jpg"]
    assert await chat.panel.locator(".chip img").count() == 1
    assert await chat.alert.count() == 0
