"""The attachments service over real HTTP, on a folder and on an S3 that knows no encryption."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import parse_qs, urlsplit

import aiohttp
import msgspec
import pytest
from aiohttp import web

from libs.attachments.records import (
    LARGEST_BYTES,
    StoredAttachment,
    attachment_link,
    check_link,
    record_key,
    refusals_prefix,
    upload_link,
)
from libs.blobs.open import open_blobs
from libs.blobs.port import Blobs
from libs.errors import Unavailable
from libs.identity.sessions import Session, mint_session_token
from libs.identity.signatures import Problem
from libs.leads.message_links import MessageLink, link_blob, link_token
from libs.leads.snapshot import Photo, snapshot_key
from libs.runtime.clock import SystemClock
from libs.runtime.ids import random_id
from libs.runtime.log import Log
from libs.runtime.metrics import UPLOAD_BYTES, UPLOADS, Metrics
from libs.runtime.settings import CommonSettings, load
from libs.web.edge import Edge
from libs.web.requests import Requests
from libs.web.server import EdgeServer
from ops.forget import forget
from services.attachments.adapters.child import ChildDarkroom
from services.attachments.darkroom import KEPT_AS
from services.attachments.handlers import Attachments
from services.attachments.http import AttachmentSite
from services.lead.retention import Retention
from tests import pictures
from tests.clock import HandClock
from tests.servers import free_port
from tests.strict_s3 import strict_s3
from tests.unit.attachments.refused import corpus
from tests.unit.ops import desks

pytestmark = pytest.mark.slow

KEYS = ("k" * 40, "o" * 40)
PATH = "/api/chatkit/attachment"
HUGE = b"\xff\xd8\xff" + bytes(LARGEST_BYTES)


class Allowance:
    """Bytes a visitor may send; a number, not a clock."""

    left = 10 * LARGEST_BYTES

    async def spend(self, shop: str, visitor: str, size_bytes: int) -> bool:
        self.left -= size_bytes
        return self.left >= 0

    async def give_back(self, shop: str, visitor: str, size_bytes: int) -> None:
        self.left += size_bytes


@dataclass
class Desk:
    http: aiohttp.ClientSession
    url: str
    blobs: Blobs
    allowance: Allowance
    metrics: Metrics

    def token(self, seconds: int = 600) -> dict[str, str]:
        token = mint_session_token(
            KEYS, Session(shop="craigs", visitors=("v_ana",), expires=int(time.time()) + seconds)
        )
        return {"Authorization": f"Bearer {token}"}

    async def upload(
        self, body: bytes, name: str = "seat.jpg", kind: str = "image/jpeg", **odd: str
    ) -> tuple[int, dict[str, Any]]:
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("thread_id", odd.get("thread_id", "cthr_1"))
        field = odd.get("field", "file")
        form.add_field(field, io.BytesIO(body), filename=name, content_type=kind)
        async with self.http.post(self.url + PATH, data=form, headers=self.token()) as answer:
            return answer.status, await answer.json()

    async def get(self, link: str, **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
        async with self.http.get(link, headers=headers) as answer:
            return answer, await answer.read()

    async def keys(self) -> list[str]:
        return [info.key async for info in self.blobs.list("")]


@pytest.fixture(params=["folder", "s3", "strict-s3"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    environ = {"HANDOFF_DATA": str(tmp_path), "BLOBS": request.param.removeprefix("strict-")}
    port = free_port()
    async with AsyncExitStack() as stack:
        if environ["BLOBS"] == "s3":
            s3 = request.getfixturevalue("moto_url")
            if request.param == "strict-s3":
                s3 = await stack.enter_async_context(strict_s3(s3))
            bucket = f"photos-{random_id().lower().strip('-_').replace('_', '')}"
            environ |= {"S3_BUCKET": bucket, "AWS_ENDPOINT_URL": s3}
        blobs = await open_blobs(load(CommonSettings, environ), stack)
        (tmp_path / "spool").mkdir()
        allowance = Allowance()
        attachments = Attachments(blobs, ChildDarkroom(), allowance, tmp_path / "spool")
        url = f"http://127.0.0.1:{port}"
        metrics = Metrics()
        site = AttachmentSite(attachments, KEYS, url, SystemClock(), random_id, metrics)
        log = Log("attachments", level="error")
        requests = Requests("attachments", log, metrics, SystemClock())
        runner = web.ServerRunner(EdgeServer(Edge(site.routes(), log, requests)))
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", port).start()
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield Desk(http, url, blobs, allowance, metrics)
        assert list((tmp_path / "spool").iterdir()) == []


def _keys(attachment_id: str, mime_type: str) -> list[str]:
    """Of all that is kept of one file, in order; 22 characters of 64 hold 128 random bits."""
    assert re.fullmatch(r"att_[A-Za-z0-9_-]{22}", attachment_id)
    ending = {"image/jpeg": "jpg", "application/pdf": "pdf"}.get(mime_type, mime_type[6:])
    kept = [f"attachments/{attachment_id}.json", f"chatkit-attachments/{attachment_id}.{ending}"]
    if mime_type != "application/pdf":
        kept += [f"renditions/{attachment_id}/{side}.jpg" for side in ("1200", "320")]
    return kept


@pytest.mark.parametrize("kind", [*pictures.KINDS, "application/pdf"])
async def test_what_is_taken_can_be_seen_and_says_nothing_of_its_place(
    desk: Desk, kind: str
) -> None:
    body = b"%PDF-1.7\n%%EOF" if kind.endswith("pdf") else pictures.with_places(kind)
    name = f"seat.{kind.partition('/')[2]}"

    status, said = await desk.upload(body, name, kind)

    assert status == 200
    assert desk.metrics.value(UPLOADS, "stored") == 1
    assert desk.metrics.total(UPLOAD_BYTES) > 0
    assert said.keys() == {"id", "name", "type", "mime_type", "preview_url"}
    assert said["name"] == name
    assert said["type"] == ("file" if kind.endswith("pdf") else "image")
    assert said["mime_type"] == KEPT_AS.get(kind, kind)
    assert await desk.keys() == _keys(said["id"], said["mime_type"])
    if kind.endswith("pdf"):
        assert said["preview_url"] is None
        return
    answer, seen = await desk.get(said["preview_url"])
    assert answer.status == 200
    assert answer.content_type == "image/jpeg"
    for key in await desk.keys():
        if not key.endswith(".json"):
            assert pictures.places_left(await desk.blobs.get(key)) == [], key
    assert pictures.places_left(seen) == []


async def test_a_picture_is_shown_and_an_original_is_downloaded(desk: Desk) -> None:
    _, said = await desk.upload(pictures.encoded("image/jpeg"), "mi asiento «1».jpg")
    original = attachment_link(KEYS, desk.url, said["id"], "original", int(time.time()) + 60)

    shown, _ = await desk.get(said["preview_url"])
    kept, _ = await desk.get(original)

    assert shown.headers["Content-Disposition"].startswith("inline;")
    assert kept.headers["Content-Disposition"].startswith("attachment;")
    assert "mi%20asiento%20%C2%AB1%C2%BB.jpg" in kept.headers["Content-Disposition"]
    for answer in (shown, kept):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert "Cross-Origin-Resource-Policy" in answer.headers


async def test_a_part_can_be_asked_for_and_nothing_is_sent_twice(desk: Desk) -> None:
    _, said = await desk.upload(pictures.encoded("image/jpeg"))
    whole, body = await desk.get(said["preview_url"])

    part, some = await desk.get(said["preview_url"], Range="bytes=2-5")
    tail, last = await desk.get(said["preview_url"], Range="bytes=-3")
    past, _ = await desk.get(said["preview_url"], Range=f"bytes={len(body)}-")
    etag = whole.headers["ETag"]
    again, none = await desk.get(said["preview_url"], **{"If-None-Match": f'"x", W/{etag}'})
    same, more = await desk.get(said["preview_url"], Range="bytes=2-5", **{"If-Range": etag})
    stale, all_ = await desk.get(said["preview_url"], Range="bytes=2-5", **{"If-Range": '"x"'})

    assert (same.status, more) == (206, body[2:6])
    assert (stale.status, all_) == (200, body)
    assert (part.status, some) == (206, body[2:6])
    assert part.headers["Content-Range"] == f"bytes 2-5/{len(body)}"
    assert (tail.status, last) == (206, body[-3:])
    assert (past.status, past.headers["Content-Range"]) == (416, f"bytes */{len(body)}")
    assert (again.status, none) == (304, b"")


async def test_a_link_says_whether_it_ended_or_never_was(desk: Desk) -> None:
    _, said = await desk.upload(pictures.encoded("image/jpeg"))
    gone = attachment_link(KEYS, desk.url, said["id"], "320", int(time.time()) - 1)
    wrong = said["preview_url"].replace("view=320", "view=original")
    stranger = attachment_link(("x" * 40,), desk.url, said["id"], "320", int(time.time()) + 60)
    older = attachment_link(KEYS[1:], desk.url, said["id"], "320", int(time.time()) + 60)

    statuses = [(await desk.get(link))[0].status for link in (gone, wrong, stranger, older)]
    await desk.blobs.delete(record_key(said["id"]))
    revoked, _ = await desk.get(said["preview_url"])

    assert statuses == [410, 404, 404, 200]
    assert revoked.status == 404


async def test_a_preview_is_seen_for_a_day(desk: Desk) -> None:
    before = time.time()
    _, said = await desk.upload(pictures.encoded("image/jpeg"))
    query = parse_qs(urlsplit(said["preview_url"]).query)
    signature = query["signature"][0]

    assert check_link(KEYS, said["id"], "320", signature, before + 86_400 - 2) is None
    ended = check_link(KEYS, said["id"], "320", signature, time.time() + 86_400 + 1)
    assert ended is Problem.EXPIRED


@pytest.mark.parametrize("desk", ["folder"], indirect=True)
async def test_the_field_may_be_called_files(desk: Desk) -> None:
    status, said = await desk.upload(pictures.encoded("image/jpeg"), field="files")

    assert (status, said["type"]) == (200, "image")


@pytest.mark.parametrize("desk", ["folder"], indirect=True)
async def test_when_nobody_can_tell_the_allowance_it_is_503_and_no_fault_of_the_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: object) -> bool:
        raise Unavailable("redis", "no answer")

    monkeypatch.setattr(desk.allowance, "spend", silent)

    status, said = await desk.upload(pictures.encoded("image/jpeg"))

    assert (status, said["error"]) == (503, "unavailable")


async def test_bytes_follow_an_announcement_and_may_come_twice(desk: Desk) -> None:
    attachment_id = f"att_{random_id()}"
    announced = StoredAttachment(
        id=attachment_id, shop="craigs", visitor="v_ana", name="seat.heic", created_at=time.time()
    )
    body = pictures.encoded("image/heic")
    key = record_key(attachment_id)
    await desk.blobs.put(key, msgspec.json.encode(announced), content_type="application/json")
    link = upload_link(KEYS, desk.url, attachment_id, int(time.time()) + 60)

    for _ in range(2):
        async with desk.http.put(link, data=body, headers={"Content-Type": "image/heic"}) as answer:
            assert answer.status == 200
            assert (await answer.json())["id"] == attachment_id

    expired = upload_link(KEYS, desk.url, attachment_id, int(time.time()) - 1)
    async with desk.http.put(expired, data=body) as answer:
        assert answer.status == 410
    unknown = upload_link(KEYS, desk.url, f"att_{random_id()}", int(time.time()) + 60)
    async with desk.http.put(unknown, data=body) as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    ("body", "name", "kind", "field", "status", "error"),
    [
        (b"", "a.jpg", "image/jpeg", "file", 400, "no_file"),
        (b"x", "a.jpg", "image/jpeg", "photo", 400, "no_file"),
        (b"<svg/>", "a.svg", "image/svg+xml", "file", 415, "unsupported_type"),
        (b"\xff\xd8\xff\xe0junk", "a.jpg", "image/jpeg", "file", 415, "unsupported_type"),
        (HUGE, "a.jpg", "image/jpeg", "file", 413, "too_large"),
    ],
    ids=["empty", "other-field", "svg", "broken", "huge"],
)
async def test_a_refusal_says_why_and_keeps_no_bytes(  # noqa: PLR0913, PLR0917 - a row of the table each
    desk: Desk, body: bytes, name: str, kind: str, field: str, status: int, error: str
) -> None:
    got, said = await desk.upload(body, name, kind, field=field)

    assert (got, said["error"]) == (status, error)
    assert said["request_id"]
    assert all(key.startswith("attachments/") for key in await desk.keys())


@pytest.mark.parametrize("desk", ["folder"], indirect=True)
async def test_nothing_of_the_corpus_is_ever_there_to_be_served(desk: Desk) -> None:
    told = [
        (name, declared, *await desk.upload(body, name, declared or "application/octet-stream"))
        for name, declared, body in corpus()
    ]

    refusals = {(415, "unsupported_type"), (400, "no_file")}
    taken = [each for each in told if (each[2], each[3].get("error")) not in refusals]
    assert len(told) >= 150
    assert taken == []
    assert {key.split("/")[0] for key in await desk.keys()} == {"attachments"}


async def test_a_year_later_the_photo_and_its_links_are_gone(desk: Desk) -> None:
    _, said = await desk.upload(pictures.encoded("image/jpeg"))
    await desk.upload(b"\xff\xd8\xff\xe0junk")
    a_year_on = time.time() + 365 * 86_400

    async def tidy(now: float) -> int:
        await Retention(desk.blobs, HandClock(now), Log("lead", level="error")).tidy()
        return len(await desk.keys())

    kept = await tidy(a_year_on - 60)
    await tidy(a_year_on + 60)

    assert kept == 5
    assert await desk.keys() == []
    assert (await desk.get(said["preview_url"]))[0].status == 404


async def test_a_refused_file_is_remembered_so_that_the_shop_can_ask_again(desk: Desk) -> None:
    await desk.upload(b"\xff\xd8\xff\xe0junk")

    [key] = await desk.keys()
    assert key.startswith(refusals_prefix("craigs", "v_ana"))
    record = msgspec.json.decode(await desk.blobs.get(key), type=StoredAttachment)
    assert (record.problem, record.thread_id) == ("unsupported_type", "cthr_1")
    assert desk.metrics.value(UPLOADS, "unsupported_type") == 1
    assert desk.metrics.total(UPLOAD_BYTES) == 0


async def test_a_thread_that_cannot_be_is_refused(desk: Desk) -> None:
    for odd in ("cthr_", "x", "cthr_a/b", "cthr_\u00e4", "cthr_" + "a" * 129):
        status, said = await desk.upload(pictures.encoded("image/jpeg"), thread_id=odd)
        assert (status, said["error"]) == (400, "invalid_thread"), odd

    assert await desk.keys() == []


async def test_a_thread_may_be_left_open(desk: Desk) -> None:
    status, _ = await desk.upload(b"%PDF-1.7\n%%EOF", "a.pdf", "application/pdf", thread_id="")

    assert status == 200


async def test_a_day_has_an_end(desk: Desk) -> None:
    desk.allowance.left = 10

    status, said = await desk.upload(pictures.encoded("image/jpeg"))

    assert (status, said["error"]) == (429, "too_many_uploads")


@pytest.mark.parametrize(
    ("header", "error"),
    [("", "missing_session"), ("Bearer x", "invalid_session"), ("Basic x", "missing_session")],
)
async def test_an_upload_needs_a_session(desk: Desk, header: str, error: str) -> None:
    form = aiohttp.FormData()
    form.add_field("file", pictures.encoded("image/jpeg"), filename="a.jpg")
    headers = {"Authorization": header} if header else {}

    async with desk.http.post(desk.url + PATH, data=form, headers=headers) as answer:
        assert answer.status == 401
        assert (await answer.json())["error"] == error


async def test_the_signature_is_of_this_picture_and_view_only(desk: Desk) -> None:
    _, one = await desk.upload(pictures.encoded("image/jpeg"))
    _, two = await desk.upload(pictures.encoded("image/png"), "b.png", "image/png")
    signature = parse_qs(urlsplit(one["preview_url"]).query)["signature"][0]

    for view in ("320", "1200", "original"):
        link = f"{desk.url}{PATH}?id={two['id']}&view={view}&signature={signature}"
        assert (await desk.get(link))[0].status == 404
        literal = cast(Literal["320", "1200", "original"], view)
        fine = attachment_link(KEYS, desk.url, two["id"], literal, int(time.time()) + 60)
        assert (await desk.get(fine))[0].status == 200


async def test_a_forgotten_person_s_photos_and_links_are_gone(desk: Desk, tmp_path: Path) -> None:
    _, mine = await desk.upload(pictures.encoded("image/heic"), "seat.heic", "image/heic")
    _, theirs = await desk.upload(
        pictures.encoded("image/png"), "b.png", "image/png", thread_id="cthr_theirs"
    )
    original = attachment_link(KEYS, desk.url, mine["id"], "original", int(time.time()) + 60)
    photo = Photo(id=mine["id"], name="seat.heic", mime_type="image/jpeg")
    there = desks.stores(data=str(tmp_path))
    there.desk = dataclasses.replace(there.desk, blobs=desk.blobs)
    said = desks.snapshot(photos=(photo,)).encode()
    key = snapshot_key(desks.SHOP, desks.THREAD, said)
    await desk.blobs.put(key, said, content_type="application/json")
    link = MessageLink(
        shop=desks.SHOP, thread_id=desks.THREAD, snapshot=key, phone="+14085550176", body="Hi"
    )
    await desk.blobs.put_all(link_blob(link_token("k" * 40, link.shop, link.thread_id, key), link))
    there.records.leads[desks.KEY] = desks.record(thread=desks.THREAD)

    shown = await forget(there.desk, desks.THREAD)

    assert cast(dict[str, Any], shown.data)["removed"]["attachments"] == 1
    assert all(theirs["id"] in one for one in await desk.keys())
    assert len(await desk.keys()) == 4
    for dead in (mine["preview_url"], original):
        assert (await desk.get(dead))[0].status == 404
    assert (await desk.get(theirs["preview_url"]))[0].status == 200


async def test_the_strict_s3_refuses_encryption(moto_url: str) -> None:
    given = {"BLOBS": "s3", "S3_BUCKET": "strict", "S3_SSE": "AES256"}
    async with strict_s3(moto_url) as url, AsyncExitStack() as stack:
        blobs = await open_blobs(load(CommonSettings, {**given, "AWS_ENDPOINT_URL": url}), stack)
        with pytest.raises(Unavailable, match="NotImplemented"):
            await blobs.put("a", b"x", content_type="text/plain")


async def test_the_strict_s3_refuses_what_is_not_signed(moto_url: str) -> None:
    signed = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=testing/20261120/us-east-1/s3/aws4_request,"
        f" SignedHeaders=host;x-amz-date, Signature={'0' * 64}",
        "X-Amz-Date": "20261120T000000Z",
        "X-Amz-Content-SHA256": hashlib.sha256(b"").hexdigest(),
    }
    async with strict_s3(moto_url) as url, aiohttp.ClientSession() as http:
        for headers, problem in (({}, "AccessDenied"), (signed, "SignatureDoesNotMatch")):
            async with http.get(f"{url}/strict/a", headers=headers) as answer:
                assert answer.status == 403
                assert problem in await answer.text()
