"""Photos through the gateway to the real attachments service and back, in small pieces."""

from __future__ import annotations

import asyncio
import io
import time
import tracemalloc
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout, FormData, web
from PIL import Image

from libs.attachments.records import LARGEST_BYTES, attachment_link
from libs.blobs.open import open_blobs
from libs.conversations.store import Owner
from libs.runtime.clock import SystemClock
from libs.runtime.ids import random_id
from libs.runtime.settings import CommonSettings, load
from services.chat.adapters.attachments import BlobAttachments
from services.gateway import attachments
from tests.gateway import KEYS, ORIGIN, SHOP, UNLIMITED, Gateway, bearer, gateway, until_limited
from tests.raw_http import read_answer
from tests.servers import free_port

PATH = "/api/chatkit/attachment"
RUNTIME_ORIGIN = "https://cdn.platform.openai.com"
FROM = {"Origin": ORIGIN}


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), "brown").save(out, "JPEG")
    return out.getvalue()


def form(body: bytes, name: str = "seat.jpg", kind: str = "image/jpeg") -> FormData:
    data = FormData()
    data.add_field("file", io.BytesIO(body), filename=name, content_type=kind)
    return data


@pytest.mark.slow
async def test_a_photo_goes_in_and_its_preview_comes_out(tmp_path: Path) -> None:
    async with gateway(tmp_path, photos=True) as running, ClientSession() as client:
        headers = {**FROM, **bearer(), "X-Request-ID": "req-5"}
        async with client.post(running.url + PATH, data=form(photo()), headers=headers) as answer:
            told = await answer.json()
        assert answer.status == 200, told
        async with client.get(told["preview_url"]) as preview:
            body = await preview.read()
        some = {"Range": "bytes=0-99"}
        async with client.get(told["preview_url"], headers=some) as part:
            piece = await part.read()
        known = {"If-None-Match": preview.headers["ETag"]}
        async with client.get(told["preview_url"], headers=known) as unchanged:
            pass
        async with client.get(told["preview_url"] + "x") as forged:
            problem = await forged.json()

    assert answer.headers.getall("Access-Control-Allow-Origin") == [ORIGIN]
    assert answer.headers["X-Request-ID"] == "req-5"
    assert (told["type"], told["name"], told["mime_type"]) == ("image", "seat.jpg", "image/jpeg")
    assert told["preview_url"].startswith(running.url)
    assert preview.status == 200
    assert Image.open(io.BytesIO(body)).width == 320
    assert (part.status, piece) == (206, body[:100])
    assert unchanged.status == 304
    assert problem["ok"] is False
    assert forged.status in {400, 401, 403, 404}


@pytest.mark.slow
async def test_a_browser_runs_nothing_of_what_passes_through(tmp_path: Path) -> None:
    async with gateway(tmp_path, photos=True) as running, ClientSession() as client:
        async with client.post(
            running.url + PATH, data=form(photo()), headers={**FROM, **bearer()}
        ) as answer:
            told = await answer.json()
        expires = int(time.time()) + 60
        original = attachment_link(KEYS, running.url, told["id"], "original", expires)
        shown = []
        for link in (told["preview_url"], original):
            async with client.get(link) as answer:
                assert answer.status == 200
                shown.append(answer.headers)
            async with client.head(link) as answer:
                assert answer.headers["Content-Length"] == shown[-1]["Content-Length"]

    for headers in shown:
        assert headers.getall("X-Content-Type-Options") == ["nosniff"]
        assert headers.getall("Content-Security-Policy") == ["sandbox; default-src 'none'"]
        assert headers["Content-Type"] == "image/jpeg"
    preview, whole = shown
    assert preview["Content-Disposition"] == "inline; filename*=UTF-8''seat.jpg"
    assert whole["Content-Disposition"] == "attachment; filename*=UTF-8''seat.jpg"
    assert preview["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert whole["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.slow
async def test_more_than_12_mb_is_too_large(tmp_path: Path) -> None:
    huge = b"\xff\xd8\xff" + bytes(LARGEST_BYTES)
    async with gateway(tmp_path, photos=True) as running, ClientSession() as client:
        headers = {**FROM, **bearer()}
        async with client.post(running.url + PATH, data=form(huge), headers=headers) as answer:
            told = await answer.json()

    assert (answer.status, told["error"]) == (413, "too_large")
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.slow
async def test_what_was_announced_comes_by_its_link_and_may_come_twice(tmp_path: Path) -> None:
    """The second half of ChatKit's two-phase form: no session, the link alone suffices."""
    async with (
        gateway(tmp_path, photos=True) as running,
        ClientSession() as client,
        AsyncExitStack() as stack,
    ):
        settings = load(CommonSettings, {"HANDOFF_DATA": str(tmp_path)})
        desk = BlobAttachments(
            await open_blobs(settings, stack), KEYS, running.url, SystemClock(), random_id
        )
        ana = Owner(SHOP, "v_ana")
        announced = await desk.announce(
            ana, name="seat.jpg", mime_type="image/jpeg", size_bytes=len(photo())
        )
        headers = {"Origin": RUNTIME_ORIGIN, "Content-Type": "image/jpeg"}
        told = []
        for _ in range(2):
            async with client.put(announced.upload_url, data=photo(), headers=headers) as answer:
                told.append((answer.status, (await answer.json())["id"]))
        forged = announced.upload_url.replace(announced.id, "att_" + "a" * 22)
        async with client.put(forged, data=photo(), headers=headers) as refused:
            pass
        found = await desk.find(ana, announced.id)
        async with client.get(announced.preview_url) as preview:
            assert preview.status == 200

    assert told == [(200, announced.id)] * 2
    assert refused.status == 404
    assert found
    assert (found.name, found.mime_type) == ("seat.jpg", "image/jpeg")


@pytest.mark.slow
async def test_what_the_service_refuses_is_passed_on(tmp_path: Path) -> None:
    async with gateway(tmp_path, photos=True) as running, ClientSession() as client:
        headers = {**FROM, **bearer()}
        html = form(b"<html><script>alert(1)</script>", "a.html", "text/html")
        async with client.post(running.url + PATH, data=html, headers=headers) as answer:
            told = await answer.json()

    assert (answer.status, told["ok"]) == (415, False)
    assert told["request_id"] == answer.headers["X-Request-ID"]


async def test_an_upload_needs_a_session_and_a_known_site(tmp_path: Path) -> None:
    async with gateway(tmp_path) as running, ClientSession() as client:
        url = running.url + PATH
        async with client.post(url, data=b"x", headers=FROM) as without:
            pass
        async with client.post(url, data=b"x", headers={**FROM, **bearer(seconds=-1)}) as ended:
            pass
        framed = {"Origin": RUNTIME_ORIGIN, **bearer()}
        async with client.post(url, data=b"x", headers=framed) as frame:
            pass

    assert (without.status, ended.status, frame.status) == (401, 401, 403)


async def test_the_frame_of_openai_s_runtime_may_upload_by_signed_link(tmp_path: Path) -> None:
    async with (
        upstream() as (url, seen),
        gateway(tmp_path, ATTACHMENTS_URL=url) as running,
        ClientSession() as client,
    ):
        link = f"{running.url}{PATH}?id=att_1&upload=signature"
        headers = {"Origin": RUNTIME_ORIGIN}
        async with client.options(link, headers=headers) as preflight:
            pass
        async with client.put(link, data=b"bytes", headers=headers) as answer:
            pass

    assert (preflight.status, answer.status) == (204, 200)
    assert "PUT" in preflight.headers["Access-Control-Allow-Methods"]
    assert preflight.headers["Access-Control-Allow-Origin"] == RUNTIME_ORIGIN
    assert answer.headers["Access-Control-Allow-Origin"] == RUNTIME_ORIGIN
    assert seen == [5]


async def test_without_the_service_it_says_so(tmp_path: Path) -> None:
    headers = {**FROM, **bearer()}
    nobody = f"http://127.0.0.1:{free_port()}"
    for environ, error in (({}, "not_ready"), ({"ATTACHMENTS_URL": nobody}, "unavailable")):
        async with gateway(tmp_path, **environ) as running, ClientSession() as client:
            url = running.url + PATH
            async with client.post(url, data=form(b"x"), headers=headers) as sent:
                told = await sent.json()
            async with client.get(f"{url}?id=a") as got:
                pass
            async with client.get(f"{url}?id=a", headers={"Accept": "text/html"}) as followed:
                page = await followed.text()

        assert (sent.status, told["error"], got.status) == (503, error, 503)
        assert (followed.status, "Open the link again in a moment." in page) == (503, True)


async def test_the_21st_upload_in_a_minute_must_wait(tmp_path: Path) -> None:
    async with (
        upstream() as (url, _),
        gateway(tmp_path, ATTACHMENTS_URL=url) as running,
        ClientSession() as client,
    ):

        async def upload() -> tuple[int, None]:
            headers = {**FROM, **bearer()}
            async with client.post(running.url + PATH, data=b"x", headers=headers) as answer:
                return answer.status, None

        await until_limited(upload, 20, status=200)


@pytest.mark.slow
async def test_neither_way_is_a_photo_ever_held_whole(tmp_path: Path) -> None:
    size = 48 * 1024 * 1024

    async def much() -> AsyncIterator[bytes]:
        for _ in range(size // 65_536):
            yield b"p" * 65_536

    async with (
        upstream(size) as (url, seen),
        gateway(tmp_path, ATTACHMENTS_URL=url, **UNLIMITED) as running,
        ClientSession() as client,
    ):
        tracemalloc.start()
        headers = {**FROM, **bearer()}
        async with client.post(running.url + PATH, data=much(), headers=headers) as answer:
            assert answer.status == 200
        got = 0
        async with client.get(f"{running.url}{PATH}?id=a") as answer:
            async for piece in answer.content.iter_any():
                got += len(piece)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert (seen, got) == ([size], size)
    assert most < 8 * 1024 * 1024


async def test_an_upload_that_is_cut_off_reaches_nobody(tmp_path: Path) -> None:
    async with upstream() as (url, seen), gateway(tmp_path, ATTACHMENTS_URL=url) as running:
        async with uploading(running) as (_, writer):
            writer.write(b"half")
            await writer.drain()
        await writer.wait_closed()
        while not running.lines("request"):
            await asyncio.sleep(0.01)

    assert 1_000_000 not in seen
    assert running.lines("request")[0]["outcome"] == "incomplete_body"
    assert running.lines("unhandled_exception") == running.lines("unavailable") == []


@asynccontextmanager
async def uploading(running: Gateway) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
    """By hand: a megabyte is announced, and none of it sent yet."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(
        f"POST {PATH} HTTP/1.1\r\nHost: h\r\nOrigin: {ORIGIN}\r\n"
        f"Authorization: {bearer()['Authorization']}\r\nContent-Length: 1000000\r\n\r\n".encode()
    )
    try:
        yield reader, writer
    finally:
        writer.close()


async def test_a_slow_phone_is_waited_for_while_it_sends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time for the answer begins when all is sent."""
    monkeypatch.setattr(attachments, "CREDIT_SECONDS", 1)
    monkeypatch.setattr(attachments, "TIMEOUT", ClientTimeout(total=None, sock_read=1))

    async def slowly() -> AsyncIterator[bytes]:
        for _ in range(15):
            await asyncio.sleep(0.1)
            yield b"p" * 1_000

    async with (
        upstream() as (url, seen),
        gateway(tmp_path, ATTACHMENTS_URL=url) as running,
        ClientSession() as client,
    ):
        headers = {**FROM, **bearer()}
        async with client.post(running.url + PATH, data=slowly(), headers=headers) as answer:
            assert answer.status == 200

    assert seen == [15_000]


@pytest.mark.parametrize("what", ["silence", "a trickle"])
async def test_who_hardly_sends_is_told_so(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrunk = "SILENCE_SECONDS" if what == "silence" else "CREDIT_SECONDS"
    monkeypatch.setattr(attachments, shrunk, 0.2)

    async def trickle(writer: StreamWriter) -> None:
        while what == "a trickle":
            writer.write(b"p")
            await asyncio.sleep(0.02)

    async with (
        upstream() as (url, seen),
        gateway(tmp_path, ATTACHMENTS_URL=url) as running,
        uploading(running) as (reader, writer),
    ):
        sending = asyncio.create_task(trickle(writer))
        answer = await read_answer(reader)
        sending.cancel()

    assert (answer.status, answer.told["error"]) == (408, "too_slow")
    assert running.lines("unavailable") == []
    assert 1_000_000 not in seen


async def test_a_browser_that_takes_nothing_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size, got = 48 * 1024 * 1024, 0
    monkeypatch.setattr(attachments, "TAKE_SECONDS", 0.2)
    async with upstream(size) as (url, _), gateway(tmp_path, ATTACHMENTS_URL=url) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port, limit=1024)
        writer.write(f"GET {PATH}?id=a HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        while not running.lines("request"):
            await asyncio.sleep(0.01)
        with suppress(ConnectionError):
            while piece := await reader.read(2**20):
                got += len(piece)
        writer.close()

    assert running.lines("request")[0]["outcome"] == "client_gone"
    assert got < size


@asynccontextmanager
async def upstream(size: int = 0) -> AsyncIterator[tuple[str, list[int]]]:
    """A stand-in that counts what comes in, and sends `size` bytes out."""
    seen: list[int] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET":
            response = web.StreamResponse(headers={"Content-Type": "image/jpeg"})
            await response.prepare(request)
            for _ in range(size // 65_536):
                await response.write(b"p" * 65_536)
            return response
        count = 0
        async for piece in request.content.iter_any():
            count += len(piece)
        seen.append(count)
        return web.json_response({"id": "att_1"}, headers={"Access-Control-Allow-Origin": "*"})

    port = free_port()
    runner = web.ServerRunner(web.Server(answer, access_log=None), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}", seen
    finally:
        await runner.cleanup()


@pytest.mark.slow
async def test_who_follows_an_old_link_of_a_mail_reads_a_page(tmp_path: Path) -> None:
    async with gateway(tmp_path, photos=True) as running, ClientSession() as client:
        old = attachment_link(KEYS, running.url, "att_" + "a" * 22, "1200", int(time.time()) - 1)

        async with client.get(old, headers={"Accept": "text/html,*/*;q=0.8"}) as followed:
            page = await followed.text()
        async with client.get(old, headers={"Accept": "image/*"}) as shown:
            code = (await shown.json())["error"]

    assert (followed.status, followed.content_type) == (410, "text/html")
    assert "This link has expired" in page
    assert (shown.status, code) == (410, "expired")
