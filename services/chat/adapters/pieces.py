"""The events of a streamed answer, read as what the agent says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec

from services.chat.phrases import phrases_in
from services.chat.ports import AnswerFailed, Moment, PhoneField, Trouble

if TYPE_CHECKING:
    from aiohttp import StreamReader

END_SECONDS: Final = 1.0
"""For the end of a body whose last word is known: then its connection serves again."""


class _Asked(msgspec.Struct):
    question: str


class _Item(msgspec.Struct, frozen=True):
    type: str = ""
    arguments: str = ""


class _Incomplete(msgspec.Struct, frozen=True):
    reason: str = ""


class _Response(msgspec.Struct, frozen=True):
    incomplete_details: _Incomplete | None = None


class _Event(msgspec.Struct, frozen=True):
    """What we read of one."""

    type: str = ""
    delta: str = ""
    item: _Item = _Item()
    response: _Response = _Response()


_event: Final = msgspec.json.Decoder(_Event).decode
_DATA: Final = b"data: "
_DELTA: Final = "response.output_text.delta"

Piece = str | PhoneField


async def read_pieces(
    body: StreamReader, moment: Moment, rest: Callable[[], Awaitable[None]]
) -> AsyncGenerator[Piece]:
    """The first words at once, then together what came while we took a `rest`. Ends only with the
    API's own word that the answer is whole.
    """
    async for events in _events(body):
        said = "".join(event.delta for event in events if event.type == _DELTA)
        if said:
            yield said
        for event in events:
            if field := _field(event, moment):
                yield field
        if any(event.type == "response.completed" for event in events):
            await _read_to_end(body)
            return
        if said:
            await rest()
    raise AnswerFailed("cut")


async def _events(body: StreamReader) -> AsyncIterator[list[_Event]]:
    """What came since the last look, in lines that are whole."""
    rest = b""
    async for arrived in body.iter_any():
        *lines, rest = (rest + arrived).split(b"\n")
        yield [_event(line[len(_DATA) :]) for line in lines if line.startswith(b"data: {")]


def _field(event: _Event, moment: Moment) -> PhoneField | None:
    """The field that this event shows, if any. Raises AnswerFailed for those that say that."""
    match event.type:
        case "response.output_item.done" if event.item.type == "function_call":
            return PhoneField(_question(event.item.arguments, moment))
        case "response.refusal.delta" | "response.refusal.done":
            raise AnswerFailed("refused")
        case "response.incomplete":
            raise AnswerFailed(_why_incomplete(event.response))
        case "response.failed" | "error":
            raise AnswerFailed("busy")
        case _:  # progress that says nothing
            return None


async def _read_to_end(body: StreamReader) -> None:
    """Or the next answer pays for a new connection and its TLS."""
    from aiohttp import ClientError

    with suppress(TimeoutError, ClientError):
        async with asyncio.timeout(END_SECONDS):
            await body.read()


def _why_incomplete(response: _Response) -> Trouble:
    details = response.incomplete_details
    return "refused" if details and details.reason == "content_filter" else "cut"


def _question(arguments: str, moment: Moment) -> str:
    try:
        asked = msgspec.json.decode(arguments, type=_Asked).question.strip()
    except msgspec.MsgspecError:
        asked = ""
    return asked[:300] or phrases_in(moment.language).phone
