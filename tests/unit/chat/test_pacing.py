"""Pieces reach a reader at once at first, then together; nothing is lost, errors come last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from services.chat.pacing import Piece, paced
from services.chat.ports import PhoneField

FIELD = PhoneField("Your number?")


class Mouth:
    """Says pieces when it is told to."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Piece | Exception | None] = asyncio.Queue()
        self.closed = False

    def say(self, *pieces: Piece | Exception | None) -> None:
        for piece in pieces:
            self.queue.put_nowait(piece)

    async def speak(self) -> AsyncGenerator[Piece]:
        try:
            while (piece := await self.queue.get()) is not None:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            self.closed = True


async def test_the_first_piece_comes_at_once_and_the_rest_together() -> None:
    mouth = Mouth()
    async with aclosing(paced(mouth.speak(), seconds=3600)) as pieces:
        mouth.say("One")
        first = await anext(pieces)
        mouth.say(" two", " three", FIELD, None)
        rest = [piece async for piece in pieces]

    assert first == "One"
    assert rest == [" two three", FIELD]


async def test_what_comes_late_is_not_lost() -> None:
    mouth = Mouth()
    heard: list[Piece] = []
    async with aclosing(paced(mouth.speak(), seconds=0)) as pieces:
        for word in ("One", " two", " three"):
            mouth.say(word)
            heard.append(await anext(pieces))
        mouth.say(None)
        heard += [piece async for piece in pieces]

    assert "".join(str(piece) for piece in heard) == "One two three"


async def test_an_error_comes_after_what_was_said() -> None:
    mouth = Mouth()
    mouth.say("One", ValueError("broke off"))
    async with aclosing(paced(mouth.speak(), seconds=0)) as pieces:
        assert await anext(pieces) == "One"
        with pytest.raises(ValueError, match="broke off"):
            await anext(pieces)


async def test_silence_from_the_start_ends_at_once() -> None:
    mouth = Mouth()
    mouth.say(None)

    assert [piece async for piece in paced(mouth.speak(), seconds=3600)] == []


async def test_whoever_stops_listening_stops_the_speaker() -> None:
    mouth = Mouth()
    mouth.say("One")
    async with aclosing(paced(mouth.speak(), seconds=3600)) as pieces:
        await anext(pieces)

    assert mouth.closed
