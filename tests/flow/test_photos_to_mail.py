"""A photo's whole way through `make up`: sent with a message, seen inside the mail."""

from __future__ import annotations

import asyncio
import email
import email.policy
import io
import re
from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import ClientError
from PIL import Image

from tests import pictures
from tests.product import Product, Visitor, product, visitor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

NEED = "My driver seat in a 2015 Ford F-150 is torn. I'm Ana, call me at 408-555-0176."


BROKE_OFF = re.compile(r'"route":"attachment_upload",.*"outcome":"(client_gone|incomplete_body)"')


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with product(tmp_path_factory.mktemp("photos") / "data") as started:
        yield started


async def _told(running: Product, ana: Visitor) -> list[str]:
    """What the shop reads when she has said what she needs, in either part of its mail."""
    await ana.say(NEED)
    await ana.trigger("chat_closed")
    [mail] = await running.mail_arrives(ana.thread)
    message = email.message_from_bytes(mail.read_bytes(), policy=email.policy.default)
    html, text = message.get_body(("html",)), message.get_body(("plain",))
    assert html
    assert text
    return [html.get_content(), text.get_content()]


async def test_a_heic_is_seen_in_the_mail(running: Product) -> None:
    async with visitor(running.url) as ana:
        body = pictures.with_places("image/heic")
        photo = await ana.upload("IMG_1.HEIC", body, "image/heic")
        await ana.say(NEED, (photo["id"],))
        await ana.trigger("chat_closed")
        [mail] = await running.mail_arrives(ana.thread)

    message = email.message_from_bytes(mail.read_bytes(), policy=email.policy.default)
    [shown] = [part for part in message.walk() if part.get_content_type() == "image/jpeg"]
    html, text = message.get_body(("html",)), message.get_body(("plain",))
    assert html
    assert text
    assert f"cid:{shown['Content-ID'].strip('<>')}" in html.get_content()
    for said in (html.get_content(), text.get_content()):
        assert "Photo 1 of 1: IMG_1" in said
    jpeg = shown.get_payload(decode=True)
    assert isinstance(jpeg, bytes)
    assert Image.open(io.BytesIO(jpeg)).format == "JPEG"
    assert pictures.places_left(jpeg) == []


async def test_a_photo_that_was_refused_is_asked_for(running: Product) -> None:
    """As our own panel sends it: before there is a thread, and once refused it is in no message."""
    async with visitor(running.url) as ana:
        broken = pictures.encoded("image/jpeg")[:200]
        answer = await ana.upload("torn seat.jpg", broken, "image/jpeg", status=415)
        assert answer["error"] == "unsupported_type"
        for said in await _told(running, ana):
            assert "Ask for the photo torn seat.jpg again" in said


async def test_what_is_refused_before_it_is_sent_is_asked_for(running: Product) -> None:
    """As OpenAI's runtime sends files: announced first."""
    refused = {"notes.docx": ("application/msword", 1000), "huge.jpg": ("image/jpeg", 50_000_000)}
    async with visitor(running.url) as ana:
        for name, (kind, size) in refused.items():
            params = {"name": name, "mime_type": kind, "size": size}
            wish = {"type": "attachments.create", "params": params, "metadata": {}}
            there = f"{running.url}/api/chatkit"
            async with ana.http.post(there, json=wish, headers=ana.headers) as answer:
                assert answer.status in {413, 415}
        for said in await _told(running, ana):
            assert "notes.docx: it is no photo or PDF that can be read" in said
            assert "huge.jpg: it is too large" in said
            assert "Ask for 2 files again: " in said


async def test_a_photo_that_broke_off_is_asked_for_unless_it_was_taken_back(
    running: Product,
) -> None:
    async def torn(name: str) -> AsyncIterator[bytes]:
        yield b"--cut\r\nContent-Disposition: form-data; name=file; filename=%b\r\n\r\n\xff" % (
            name.encode()
        )
        await asyncio.sleep(1.5)  # the gateway passes on what it has
        raise ConnectionResetError

    async def cut(ana: Visitor, name: str) -> None:
        form = {**ana.headers, "Content-Type": "multipart/form-data; boundary=cut"}
        there = f"{running.url}/api/chatkit/attachment"
        with pytest.raises(ClientError):
            await ana.http.post(there, data=torn(name), headers=form)

    async with visitor(running.url) as ana:
        async with asyncio.TaskGroup() as group:
            for name in ("lost.jpg", "removed.jpg"):
                group.create_task(cut(ana, name))
        signal = {"event": "photo_removed", "name": "removed.jpg", "user": ana.user}
        await ana.post("/api/lead-signal", signal)
        while len(BROKE_OFF.findall(running.log)) < 2:
            await asyncio.sleep(0.05)
        for said in await _told(running, ana):
            assert "Ask for the photo lost.jpg again" in said
            assert "removed.jpg" not in said
