"""What is told beside a file: the links' parameters, the form's thread and name, the types."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader

from libs.attachments.records import (
    attachment_link,
    clean_name,
    find_record,
    put_record,
    upload_link,
)
from libs.blobs.fakes import MemoryBlobs
from libs.web.answers import Answer
from libs.web.edge import Edge
from services.attachments.http import PATH, AttachmentSite
from services.gateway.openapi import document
from tests.gateway import KEYS
from tests.security.fields import FOREIGN, HOSTILE, NO_VALUES
from tests.security.front_door import LOGGED, session_token
from tests.unit.attachments.world import ANNOUNCED, PDF, attachments
from tests.unit.web.calls import Recorder, call

LINK = "https://x.example"


class Door:
    """The attachments service's own routes without a connection."""

    def __init__(self, spool: Path) -> None:
        self.recorder = Recorder()
        self.blobs = MemoryBlobs()
        numbers = (f"{number:022}" for number in range(10_000))
        site = AttachmentSite(
            attachments(spool, self.blobs), KEYS, LINK, self.recorder.clock,
            lambda: next(numbers), self.recorder.metrics,
        )  # fmt: skip
        self.edge = Edge(site.routes(), self.recorder.log, self.recorder.requests)

    async def ask(self, target: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        asked = call("GET" if body is None else "POST", target, **headers)
        if body is not None:
            asked.payload = _payload(body)
        answer = await self.edge.answer(asked)
        assert isinstance(answer, Answer)
        return answer.status, json.loads(answer.body)

    async def upload(self, *parts: bytes) -> tuple[int, Any]:
        form = b"".join(b"--cut\r\nContent-Disposition: form-data; " + part for part in parts)
        token = session_token(self.recorder.clock.now())
        return await self.ask(
            PATH,
            form + b"\r\n--cut--\r\n",
            Authorization=f"Bearer {token}",
            Content_Type="multipart/form-data; boundary=cut",
        )


def _payload(body: bytes) -> StreamReader:
    loop = asyncio.get_running_loop()
    connection = BaseProtocol(loop)
    connection.connection_made(asyncio.Transport())
    payload = StreamReader(connection, 2**20, loop=loop)
    payload.feed_data(body)
    payload.feed_eof()
    return payload


def file(told: bytes = b'; filename="a.pdf"', kind: bytes = b"application/pdf") -> bytes:
    return b'name="file"' + told + b"\r\nContent-Type: " + kind + b"\r\n\r\n" + PDF


def thread(value: str) -> bytes:
    return b'name="thread_id"\r\n\r\n' + value.encode() + b"\r\n"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """Whatever was sent, its log holds a line per request, of our own words."""
    started = Door(tmp_path)
    yield started
    started.recorder.requests.flush()
    lines = [json.loads(line) for line in started.recorder.text.getvalue().splitlines()]
    assert lines
    for line in lines:
        assert (line["event"], set(line) - LOGGED, line.get("thread_id")) == (
            "request",
            set(),
            None,
        )


def query_of(link: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in link.partition("?")[2].split("&"))
    return {name: value for name, _, value in pairs}


SEEN = query_of(attachment_link(KEYS, LINK, ANNOUNCED.id, "320", 1_790_000_600))
SENT = query_of(upload_link(KEYS, LINK, ANNOUNCED.id, 1_790_000_600))


def test_the_links_hold_every_parameter_that_is_documented() -> None:
    """And so each of them is tried below."""
    path = document()["paths"][PATH]
    for method, names in (("get", SEEN), ("post", SENT)):
        told = {each["name"] for each in path[method]["parameters"] if each["in"] == "query"}
        assert told == set(names)


@pytest.mark.parametrize(
    ("whole", "name"), [(link, name) for link in (SEEN, SENT) for name in link], ids=str
)
async def test_a_link_without_one_right_parameter_leads_nowhere(
    door: Door, whole: dict[str, str], name: str
) -> None:
    await put_record(door.blobs, ANNOUNCED)
    before = dict(door.blobs.bodies)
    for value in (*NO_VALUES, whole[name] + "%0A", whole[name] + "%00", "9" * 3000 + ".a"):
        query = "&".join(f"{each}={given}" for each, given in {**whole, name: value}.items())
        body = PDF if whole is SENT else None
        status, told = await door.ask(f"{PATH}?{query}", body, Content_Type="application/pdf")

        # An upload without a link needs a session; nobody looks into a query of this length.
        missing = whole is SENT and (len(value) > 4096 or (name == "upload" and not value))
        expected = (401, "missing_session") if missing else (404, "not_found")
        assert (status, told["error"]) == expected, value
    assert door.blobs.bodies == before


async def test_a_query_of_many_parameters_leads_nowhere(door: Door) -> None:
    for link in (SEEN, SENT):
        query = "&".join(f"{name}={value}" for name, value in link.items())
        for count in (64, 300):
            assert (await door.ask(f"{PATH}?" + "x=1&" * count + query))[0] == 404


async def test_a_thread_at_its_limit_is_kept_whole(door: Door) -> None:
    longest = "cthr_" + "Z" * 128
    for given in ("", longest):
        status, told = await door.upload(thread(given), file())

        kept = await find_record(door.blobs, told["id"])
        assert (status, kept and kept.thread_id) == (200, given)


@pytest.mark.parametrize(
    "value", ["cthr_" + "Z" * 129, "x" * 9000, *("cthr_a" + each for each in (*HOSTILE, *FOREIGN))]
)
async def test_a_thread_that_is_none_is_refused_and_nothing_kept(door: Door, value: str) -> None:
    status, told = await door.upload(thread(value), file())

    assert (status, told["ok"]) == (400, False)
    assert told["error"] == ("no_file" if len(value) > 8192 else "invalid_thread")
    assert door.blobs.bodies == {}


@pytest.mark.parametrize("value", [*HOSTILE, *FOREIGN, "a" * 180, "\U0001f600" * 180])
async def test_a_name_is_kept_without_what_hides_or_deceives(door: Door, value: str) -> None:
    given = f"; filename*=UTF-8''x{quote(value)}.pdf"
    status, told = await door.upload(file(given.encode()))
    name = told["name"]

    assert status == 200
    assert name == clean_name(f"x{value}.pdf")
    assert name.endswith(".pdf")
    assert len(name) <= 180
    assert not set(name) & set("".join(HOSTILE)) - set("a[31mSet-Cookie: b=")


@pytest.mark.parametrize("kind", ["", ";;;", "a" * 4000, "image/\x00png", "\u202e", "\udcff"])
async def test_a_type_that_is_none_is_refused_or_read_from_the_file(door: Door, kind: str) -> None:
    status, told = await door.upload(file(kind=kind.encode("utf-8", "surrogateescape")))

    assert (status, told.get("error")) in {(200, None), (415, "unsupported_type")}
    assert status == (200 if kind in {"", ";;;"} else 415)
