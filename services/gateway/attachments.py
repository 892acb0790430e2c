"""Photos pass through: bytes flow to and from the attachments service, never held whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import (
    ClientError,
    ClientPayloadError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    web,
)
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError

from libs.errors import Unavailable
from libs.limits.port import Limit
from libs.web.answers import Answer, Refused
from libs.web.body import invite
from libs.web.call import Call
from libs.web.streaming import begin
from services.gateway.admission import Admission
from services.gateway.message_html import wants_page
from services.gateway.settings import GatewaySettings
from services.gateway.visitors import Visitors

PATH: Final = "/api/chatkit/attachment"

SILENCE_SECONDS: Final = 30.0
"""Of the browser, between two pieces of its file."""
LEAST_BYTES_PER_SECOND: Final = 2048
"""Of the browser, on the whole: a photo of 3 MB may take 25 minutes."""
CREDIT_SECONDS: Final = 60.0
"""So long it may send less."""
TAKE_SECONDS: Final = 120.0
"""For a browser to make room for the next piece of what it gets."""
ANSWER_SECONDS: Final = 90.0
"""A picture waits for others and takes its time; the service itself says when that is too long.
It begins once all is sent.
"""
TIMEOUT: Final = ClientTimeout(total=None, connect=5, sock_read=ANSWER_SECONDS)

_ASKED: Final = (
    "Authorization", "Content-Type", "Content-Length", "Range", "If-None-Match", "If-Range",
)  # fmt: skip
_ANSWERED: Final = (
    "Content-Type", "Content-Length", "Content-Range", "Content-Disposition", "Accept-Ranges",
    "ETag", "Last-Modified", "Cache-Control", "Content-Security-Policy",
    "Cross-Origin-Resource-Policy", "Retry-After",
)  # fmt: skip
"""What may pass. CORS is never among it: the gateway alone says that, once."""


class _Refusal(msgspec.Struct):
    error: str = ""


@dataclass(frozen=True)
class AttachmentProxy:
    client: ClientSession
    admission: Admission
    visitors: Visitors
    settings: GatewaySettings
    url: str
    """Empty: this deployment takes no attachments."""

    async def upload(self, call: Call) -> Answer | web.StreamResponse:
        """Again: another attachment that no message uses, or the same announced one."""
        signed = bool(call.parameter("upload"))
        if not signed and not call.shop:
            raise Refused("origin_not_allowed")
        rate = self.settings.uploads_per_visitor
        if signed:
            limit = self.admission.by_address(call, "uploads_per_visitor", rate)
        else:
            visitor = self.visitors.session(call).visitor
            limit = Limit("uploads_per_visitor", visitor, rate)
        await self.admission.strictly(call, limit)
        return await self._pass(call)

    async def view(self, call: Call) -> Answer | web.StreamResponse:
        return await self._pass(call)

    async def _pass(self, call: Call) -> Answer | web.StreamResponse:
        if not self.url:
            raise Refused("not_ready")
        async with self._asked(call) as answer:
            if answer.status >= HTTPStatus.BAD_REQUEST and wants_page(call):
                raise await _refusal(answer)
            own = tuple(
                (name, answer.headers[name]) for name in _ANSWERED if name in answer.headers
            )
            response = await begin(call, own, status=answer.status)
            try:
                if call.method != "HEAD":
                    async for piece in answer.content.iter_any():
                        async with asyncio.timeout(TAKE_SECONDS):
                            await response.write(piece)
            except (ClientPayloadError, TimeoutError) as error:
                raise ConnectionResetError("one of both broke off") from error
            await response.write_eof()
            return response

    @asynccontextmanager
    async def _asked(self, call: Call) -> AsyncIterator[ClientResponse]:
        headers = {name: call.headers[name] for name in _ASKED if name in call.headers}
        headers["X-Request-ID"] = call.request_id
        body = _pieces(call) if call.method in {"POST", "PUT"} else None
        target = f"{self.url}{PATH}?{call.query}" if call.query else self.url + PATH
        try:
            answer = await self.client.request(
                call.method, target, headers=headers, data=body, allow_redirects=False,
                timeout=TIMEOUT,
            )  # fmt: skip
        except (ClientError, TimeoutError, OSError) as error:
            if isinstance(error.__cause__, Refused):
                raise error.__cause__ from error
            raise Unavailable("attachments", type(error).__name__) from error
        try:
            yield answer
        finally:
            answer.close()


async def _refusal(answer: ClientResponse) -> Refused:
    """What the service said, for a person who follows a link of a mail."""
    try:
        code = msgspec.json.decode(await answer.read(), type=_Refusal).error
    except msgspec.DecodeError:
        code = ""
    return Refused(code, status=answer.status)


async def _pieces(call: Call) -> AsyncIterator[bytes]:
    """As they come in; each is gone before the next is read. Raises Refused."""
    invite(call)
    now, credit = asyncio.get_running_loop().time, CREDIT_SECONDS
    while True:
        asked = now()
        piece = await _piece(call, min(SILENCE_SECONDS, credit))
        if not piece:
            return
        # The time that our service takes to accept it is not the browser's.
        credit += len(piece) / LEAST_BYTES_PER_SECOND - (now() - asked)
        credit = min(CREDIT_SECONDS, credit)
        yield piece


async def _piece(call: Call, seconds: float) -> bytes:
    try:
        async with asyncio.timeout(seconds):
            return await call.payload.readany()
    except TimeoutError as error:
        raise Refused("too_slow") from error
    except (HttpProcessingError, RequestPayloadError, ConnectionError) as error:
        raise Refused("incomplete_body") from error
