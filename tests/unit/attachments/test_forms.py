"""The file in a form is found whole, wherever the wire cuts it into pieces."""

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
from services.attachments.forms import file_of
from services.attachments.wire import wire_of

MARK = b"\r\n--cut"
BEFORE = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
AFTER = MARK + b"--\r\n"


async def posted(pieces: Sequence[bytes]) -> bytes:
    loop = asyncio.get_running_loop()
    payload = StreamReader(BaseProtocol(loop), 2**16, loop=loop)
    headers = CIMultiDict({"Content-Type": "multipart/form-data; boundary=cut"})
    call = Call("POST", "/", CIMultiDictProxy(headers), payload, "127.0.0.1")
    for piece in pieces:
        payload.feed_data(piece)
    payload.feed_eof()
    with wire_of(call) as wire:
        arriving = (await file_of(call, wire)).arriving
        file = b""
        while await arriving.ready():
            file += arriving.take()
        return file


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
        assert await posted(cut(rng, BEFORE + file + AFTER)) == whole


async def test_a_form_that_breaks_off_is_no_file() -> None:
    with pytest.raises(Refused, match="incomplete_body"):
        await posted([BEFORE, b"half", MARK[:-1]])
