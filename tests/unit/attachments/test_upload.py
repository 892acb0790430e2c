"""What the mail is told of an upload that did not come to its end, as a connection brings it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from libs.attachments.records import StoredAttachment, refusals_prefix
from libs.blobs.fakes import MemoryBlobs
from libs.identity.sessions import Session, mint_session_token
from libs.runtime.ids import random_id
from libs.runtime.metrics import Metrics
from services.attachments.http import AttachmentSite
from tests.clock import HandClock
from tests.raw_http import read_answer
from tests.unit.attachments.served import noting, serving
from tests.unit.attachments.world import attachments

KEYS = ("k" * 40,)
FORM = (
    b'--cut\r\nContent-Disposition: form-data; name="thread_id"\r\n\r\ncthr_1\r\n'
    b'--cut\r\nContent-Disposition: form-data; name="file"; filename="seat.jpg"\r\n\r\n'
)


def beginning(token: str) -> bytes:
    head = (
        f"POST / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: multipart/form-data; boundary=cut\r\nContent-Length: 900000\r\n\r\n"
    )
    return head.encode() + FORM + b"\xff\xd8\xff"


def session(clock: HandClock) -> str:
    return mint_session_token(
        KEYS, Session(shop="craigs", visitors=("v_ana",), expires=int(clock.now()) + 600)
    )


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


@pytest.fixture
def site(tmp_path: Path, blobs: MemoryBlobs) -> AttachmentSite:
    return AttachmentSite(
        attachments(tmp_path, blobs), KEYS, "http://a", HandClock(), random_id, Metrics()
    )


async def test_a_photo_that_broke_off_is_asked_for(
    site: AttachmentSite, blobs: MemoryBlobs
) -> None:
    over = asyncio.Event()
    async with serving(noting(over, site.upload)) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(beginning(session(HandClock())))
        await writer.drain()
        writer.close()
        await over.wait()

    [key] = blobs.bodies
    missed = msgspec.json.decode(await blobs.get(key), type=StoredAttachment)
    assert key.startswith(refusals_prefix("craigs", "v_ana"))
    assert (missed.name, missed.problem, missed.thread_id) == ("seat.jpg", "not_uploaded", "cthr_1")


async def test_a_photo_whose_sender_fell_silent_is_asked_for(
    site: AttachmentSite, blobs: MemoryBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.attachments.arriving.LOOK_SECONDS", 0.02)
    monkeypatch.setattr("services.attachments.arriving.SILENCE_SECONDS", 4)
    monkeypatch.setattr("libs.web.server.LINGER_SECONDS", 0.05)
    async with serving(site.upload) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(beginning(session(HandClock())))
        answer = await read_answer(reader)
        writer.close()

    [body] = blobs.bodies.values()
    assert answer.status == 408
    assert msgspec.json.decode(body)["problem"] == "not_uploaded"


async def test_a_stranger_leaves_no_record(site: AttachmentSite, blobs: MemoryBlobs) -> None:
    async with serving(site.upload) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(beginning("forged"))
        answer = await read_answer(reader)
        writer.close()

    assert answer.status == 401
    assert blobs.bodies == {}
