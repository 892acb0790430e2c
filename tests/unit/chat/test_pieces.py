"""What a model says reaches a reader at once at first, then together; nothing of it is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import cast

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol

from libs.model.connection import proxy_to
from services.chat.adapters import pieces as reading
from services.chat.adapters.pieces import Piece, read_pieces
from services.chat.ports import AnswerFailed, Moment, PhoneField

MOMENT = cast("Moment", None)  # only a question that is missing looks at it
WHOLE = {"type": "response.completed"}
FIELD = {
    "type": "response.output_item.done",
    "item": {"type": "function_call", "arguments": '{"question": "Your number?"}'},
}


class Body:
    """Of an answer, as it comes."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        connection = BaseProtocol(loop)
        connection.connection_made(asyncio.Transport())
        self.reader = StreamReader(connection, 2**16, loop=loop)

    def come(self, *said: str | dict[str, object]) -> None:
        for each in said:
            event = {"type": "response.output_text.delta", "delta": each}
            told = json.dumps(event if isinstance(each, str) else each)
            self.reader.feed_data(f"event: x\ndata: {told}\n\n".encode())

    def pieces(self, rest_seconds: float = 0) -> AsyncGenerator[Piece]:
        return read_pieces(self.reader, MOMENT, lambda: asyncio.sleep(rest_seconds))


async def test_the_first_words_come_at_once_and_the_rest_together() -> None:
    body = Body()
    pieces = body.pieces()
    body.come("One")
    first = await anext(pieces)
    body.come(" two", " three", FIELD, WHOLE)
    body.reader.feed_eof()

    assert first == "One"
    assert [piece async for piece in pieces] == [" two three", PhoneField("Your number?")]


async def test_words_wait_for_their_turn() -> None:
    body = Body()
    pieces = body.pieces(rest_seconds=3600)
    body.come("One")
    await anext(pieces)
    body.come(" two")

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(pieces), 0.01)


async def test_the_end_does_not_wait() -> None:
    body = Body()
    body.come("One", WHOLE)
    body.reader.feed_eof()

    assert [piece async for piece in body.pieces(rest_seconds=3600)] == ["One"]


async def test_the_body_is_read_to_its_end_so_that_its_connection_serves_again() -> None:
    body = Body()
    body.come(WHOLE)
    ending = asyncio.create_task(anext(body.pieces(), None))
    for _ in range(3):
        await asyncio.sleep(0)

    assert not ending.done()
    body.reader.feed_eof()
    assert await ending is None


async def test_an_api_that_does_not_end_its_body_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "END_SECONDS", 0)
    body = Body()
    body.come("One", WHOLE)

    assert [piece async for piece in body.pieces()] == ["One"]


async def test_an_event_may_come_in_parts() -> None:
    body = Body()
    coming = asyncio.create_task(anext(body.pieces()))
    body.reader.feed_data(b'data: {"type":"response.output_text.delta","de')
    await asyncio.sleep(0)
    body.reader.feed_data(b'lta":"One"}\n\n')

    assert await coming == "One"


async def test_a_failure_comes_after_what_was_said() -> None:
    body = Body()
    pieces = body.pieces()
    body.come("One", {"type": "response.failed"})

    assert await anext(pieces) == "One"
    with pytest.raises(AnswerFailed, match="busy"):
        await anext(pieces)


async def test_what_ends_without_its_last_event_is_cut() -> None:
    body = Body()
    pieces = body.pieces()
    body.come("One")
    body.reader.feed_eof()

    assert await anext(pieces) == "One"
    with pytest.raises(AnswerFailed, match="cut"):
        await anext(pieces)


def test_the_way_to_the_model_goes_by_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("ALL_PROXY", "http://any.example:3128")
    assert proxy_to("https://api.openai.com/v1/") == "http://any.example:3128"
    monkeypatch.setenv("ALL_PROXY", "socks5://any.example:1080")  # aiohttp cannot
    assert proxy_to("https://api.openai.com/v1/") is None
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")

    assert proxy_to("https://api.openai.com/v1/") == "http://proxy.example:3128"
    assert proxy_to("https://inside.example/v1/") is None
