"""The self-hosted ChatKit protocol: a request becomes a wish, its chunks become server-sent events.

The chat service writes its answer to a stream of its own, so a browser that goes away stops
nothing, and one that comes back with `Last-Event-ID` reads on where it was, if it is the same
visitor of the same shop.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from libs.errors import Unavailable
from libs.limits.port import Limit
from libs.messages.base import Message
from libs.messages.chat import ChatChunk, ChatRefused, ChatRequest
from libs.streams.port import Asker
from libs.web.answers import JSON, Answer, Refused, retry_after
from libs.web.body import decode, read_body
from libs.web.call import Call
from libs.web.streaming import begin
from services.gateway.admission import Admission
from services.gateway.forms import CHAT
from services.gateway.settings import GatewaySettings
from services.gateway.visitors import Visitors

CHUNK_SECONDS: Final = 90.0
"""The longest silence between two chunks: the model has 60 seconds and one retry."""
ANSWER_SECONDS = 600.0
"""The longest answer, however steadily it comes."""
BODY_BYTES: Final = 128 * 1024

Chunks = AsyncIterator[tuple[str, Message]]

_LINES: Final = re.compile("\r\n|\r|\n")
"""What ends a line of an event; `str.splitlines` knows many more, which JSON may hold."""

_EVENTS: Final = (
    ("Content-Type", "text/event-stream; charset=utf-8"),
    ("X-Accel-Buffering", "no"),  # nginx would hold chunks back
)
_BROKEN_OFF: Final = b'data: {"type":"error","code":"stream.error","allow_retry":true}\n\n'
"""The protocol's own error event; the front end has words for it in the visitor's language."""


@dataclass(frozen=True)
class Chat:
    asker: Asker
    admission: Admission
    visitors: Visitors
    settings: GatewaySettings

    async def answer(self, call: Call) -> Answer | web.StreamResponse:
        """Again: the chat service knows the request's own ids and answers once."""
        session = self.visitors.session(call)
        body = await read_body(call, limit_bytes=BODY_BYTES)
        decode(call, body, CHAT)
        text = _text(body)
        rate = self.settings.chat_per_visitor
        await self.admission.strictly(call, Limit("chat_per_visitor", session.visitor, rate))
        wish = ChatRequest(
            request_id=call.request_id,
            shop=session.shop,
            visitor=session.visitor,
            body=text,
            locale=session.locale,
            page_url=session.page_url,
            earlier=session.visitors[1:],
        )
        position = call.headers.get("Last-Event-ID", "")
        owner = f"{session.shop}/{session.visitor}"
        chunks = self.asker.ask_many(
            wish, timeout_seconds=CHUNK_SECONDS, resume=position, owner=owner
        )
        async with aclosing(chunks):  # type: ignore[type-var]
            return await _relay(call, chunks)


def _text(body: bytes) -> str:
    """The form skips what it does not know, UTF-8 or not. Raises Refused."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Refused("invalid_json") from error


async def _relay(call: Call, chunks: Chunks) -> Answer | web.StreamResponse:
    """The first chunk decides whether the answer is a stream, whole, or a refusal."""
    try:
        position, first = await anext(chunks)
    except TimeoutError as error:
        raise Refused("unavailable", headers=retry_after(5)) from error
    except ValueError as error:
        raise Refused("invalid_field", "`Last-Event-ID` leads to no answer.") from error
    match first:
        case ChatRefused():
            raise _refused(first)
        case ChatChunk(streaming=False):
            return Answer(200, first.data.encode(), JSON)
        case ChatChunk():
            return await _stream(call, position, first, chunks)
        case _:
            raise TypeError(f"{type(first).__name__} does not answer a chat request")


async def _stream(call: Call, position: str, first: ChatChunk, rest: Chunks) -> web.StreamResponse:
    response = await begin(call, _EVENTS)
    call.outcome = "streamed"
    try:
        await response.write(_event(position, first.data))
        async with asyncio.timeout(ANSWER_SECONDS):
            async for place, chunk in rest:
                await response.write(_told(place, chunk))
    except (TimeoutError, Unavailable):
        call.outcome = "cut_off"
        await response.write(_BROKEN_OFF)
    except ConnectionError:
        call.outcome = "client_gone"  # the answer goes on without it
        return response
    await response.write_eof()
    return response


def _told(place: str, chunk: Message) -> bytes:
    match chunk:
        case ChatChunk():
            return _event(place, chunk.data)
        case ChatRefused():
            return _BROKEN_OFF
        case _:
            raise TypeError(f"{type(chunk).__name__} is no chunk")


def _event(position: str, data: str) -> bytes:
    """One SSE event; nothing for a chunk that only ends the stream."""
    if not data:
        return b""
    lines = "".join(f"data: {line}\n" for line in _LINES.split(data))
    return f"id: {position}\n{lines}\n".encode()


def _refused(refusal: ChatRefused) -> Refused:
    wait = retry_after(refusal.retry_after_seconds)
    return Refused(refusal.error, refusal.detail, status=refusal.status, headers=wait)
