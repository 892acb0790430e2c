"""The file in a form is found whole, wherever the wire cuts it, and what precedes it has an end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol
from multidict import CIMultiDict, CIMultiDictProxy

from libs.web.answers import Refused
from libs.web.call import Call
from services.attachments.arriving import wire_of
from services.attachments.forms import BEFORE_BYTES, FormFile, file_of

MARK = b"\r\n--cut"
BEFORE = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
AFTER = MARK + b"--\r\n"
FORM = "multipart/form-data; boundary=cut"


def part(name: str, body: bytes) -> bytes:
    head = f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
    return head.encode() + body + b"\r\n"


async def posted(
    pieces: Sequence[bytes], content_type: str = FORM, *, ends: bool = True
) -> tuple[FormFile, bytes]:
    """Each piece comes when the one before it has been read."""
    loop = asyncio.get_running_loop()
    connection = BaseProtocol(loop)
    connection.connection_made(asyncio.Transport())
    payload = StreamReader(connection, 2**26, loop=loop)
    headers = CIMultiDict({"Content-Type": content_type})
    call = Call("POST", "/", CIMultiDictProxy(headers), payload, "127.0.0.1")

    async def send() -> None:
        for piece in pieces:
            payload.feed_data(piece)
            await asyncio.sleep(0)
        if ends:
            payload.feed_eof()

    async with asyncio.TaskGroup() as group:
        group.create_task(send())
        with wire_of(call) as wire:
            found, body = await file_of(call, wire), b""
            while await found.arriving.ready():
                body += found.arriving.take()
    return found, body


async def refusal(*pieces: bytes, content_type: str = FORM, ends: bool = True) -> str:
    with pytest.raises(ExceptionGroup) as caught:
        await posted(pieces, content_type, ends=ends)
    [refused] = caught.value.exceptions
    assert isinstance(refused, Refused)
    return refused.error


def cut(rng: random.Random, body: bytes) -> list[bytes]:
    places = sorted({rng.randrange(1, len(body)) for _ in range(rng.randrange(1, 9))})
    return [body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True)]


async def test_the_file_is_whole_wherever_it_is_cut() -> None:
    """Made of what the mark is made of, so that it nearly ends at every byte."""
    rng = random.Random(6)
    for _ in range(1_000):
        file = b"".join(rng.choices([b"\r", b"\n", b"-", b"\r\n--cu", b"cut", b"x"], k=8))
        file = file[: rng.randrange(len(file) + 1)]

        # The mark of an empty file begins with the line break that ends the headers.
        whole = (b"\r\n" + file + AFTER).partition(MARK)[0][2:]
        assert (await posted(cut(rng, BEFORE + file + AFTER)))[1] == whole


async def test_a_form_that_breaks_off_is_no_file() -> None:
    assert await refusal(BEFORE, b"half", MARK[:-1]) == "incomplete_body"


async def test_a_thread_is_whole_wherever_it_is_cut() -> None:
    body = part("thread_id", b"cthr_abcdef") + BEFORE + b"x" + AFTER
    for at in range(1, len(body)):
        found, file = await posted([body[:at], body[at:]])

        assert (found.thread_id, found.name, file) == ("cthr_abcdef", "a.pdf", b"x"), at


@pytest.mark.parametrize("size", [200, 8_000])
async def test_a_thread_that_is_too_long_is_none(size: int) -> None:
    thread = part("thread_id", b"cthr_" + b"a" * size)

    assert await refusal(thread + BEFORE + b"x" + AFTER) == "invalid_thread"


async def test_a_few_parts_may_stand_before_the_file() -> None:
    """Also the one that other readers take for an encoding."""
    fields = part("_charset_", b"x" * 40) + part("note", b"") + part("thread_id", b"cthr_1")

    found, _ = await posted([b"a preamble\r\n" + fields + BEFORE + b"x" + AFTER])

    assert (found.thread_id, found.name) == ("cthr_1", "a.pdf")


@pytest.mark.parametrize("count", [20, 2_000])
async def test_not_many_parts(count: int) -> None:
    assert await refusal(part("a", b"") * count + BEFORE + b"x" + AFTER) == "no_file"


@pytest.mark.parametrize(
    "junk",
    [b"junk" * BEFORE_BYTES, b"\r\n" * BEFORE_BYTES, part("a", b"b" * BEFORE_BYTES),
     b"--cut\r\n" + b"X: y\r\n" * BEFORE_BYTES],
    ids=["preamble", "lines", "field", "headers"],
)  # fmt: skip
@pytest.mark.parametrize("piece", [1_000, 10**6])
async def test_what_stands_before_the_file_has_an_end(junk: bytes, piece: int) -> None:
    body = junk + b"\r\n" + BEFORE + b"x" + AFTER
    pieces = [body[at : at + piece] for at in range(0, len(body), piece)]

    assert await refusal(*pieces) == "no_file"


async def test_who_falls_silent_before_the_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.attachments.forms.BEFORE_SECONDS", 0.01)

    assert await refusal(part("a", b""), BEFORE[:-1], ends=False) == "too_slow"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ('filename="my seat; left.jpg"', "my seat; left.jpg"),
        ('filename="he said \\"hi\\".jpg"', 'he said "hi".jpg'),
        ('filename="asiento «1».jpg"', "asiento «1».jpg"),
        ("filename=a.jpg", "a.jpg"),
        ("filename*=UTF-8''asiento%20%C2%AB1%C2%BB.jpg; filename=\"x\"", "asiento «1».jpg"),
        ('filename=""', ""),
        ("", ""),
    ],
)
async def test_a_file_has_the_name_that_was_given(given: str, name: str) -> None:
    kind, disposition = "Content-Type: image/jpeg", "content-disposition: form-data"
    head = f'--cut\r\n{kind}\r\n{disposition}; name="file"; {given}\r\n\r\n'

    found, file = await posted([head.encode() + b"x" + AFTER])

    assert (found.name, found.content_type, file) == (name, "image/jpeg", b"x")


@pytest.mark.parametrize(
    ("content_type", "error"),
    [
        ("", "unsupported_type"),
        ("application/json", "unsupported_type"),
        ("multipart/form-data", "no_file"),
        ("multipart/form-data; boundary=other", "no_file"),
    ],
)
async def test_what_is_no_form_holds_no_file(content_type: str, error: str) -> None:
    assert await refusal(BEFORE + b"x" + AFTER, content_type=content_type) == error


async def test_a_form_may_hold_no_file() -> None:
    assert await refusal(part("thread_id", b"cthr_1")[:-2] + AFTER) == "no_file"
