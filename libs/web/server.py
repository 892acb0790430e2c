"""How aiohttp carries an `Edge`: two lanes on one connection, and our envelope for its errors.

A connection starts in the quick lane: a request that came in whole, on a route whose answer is
whole, is answered without aiohttp's request and response objects, which cost more than the answer.
The first request of another kind hands the connection over to aiohttp's own loop, for good. Both
lanes parse with aiohttp's parser and answer through the same `Edge.answer`.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final, TypeGuard

from aiohttp import web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.http_exceptions import LineTooLong
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from libs.web.answers import Answer
from libs.web.call import Call
from libs.web.edge import Edge
from libs.web.headers import header_block, headers_of

KEEPALIVE_SECONDS: Final = 75.0
"""An idle connection, and one whose request line does not come, is closed after this."""

LINGER_SECONDS: Final = 2.0
"""How long the rest of a refused body is read and dropped, so that the refusal is not lost."""

_HELD_BYTES: Final = 16 * 1024
"""Of a body that nobody reads yet; aiohttp holds twice that, and what one more read brings."""

_MALFORMED: Final = {400: "bad_request"}
_BODILESS: Final = frozenset({204, 304})
_STATUS_LINES: Final = {s.value: f"HTTP/1.1 {s.value} {s.phrase}" for s in HTTPStatus}


class EdgeServer(web.Server):
    """`Site.app` of a service that speaks HTTP."""

    def __init__(self, edge: Edge) -> None:
        super().__init__(
            self._handle,
            access_log=None,
            keepalive_timeout=KEEPALIVE_SECONDS,
            lingering_time=LINGER_SECONDS,
            auto_decompress=False,
            read_bufsize=_HELD_BYTES,
        )
        self.edge = edge

    def __call__(self) -> RequestHandler:
        return _Connection(self.edge, self, loop=self._loop, **self._kwargs)

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - aiohttp's
        await super().shutdown(timeout)
        self.edge.requests.flush()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        call = Call(
            request.method,
            request.rel_url.raw_path_qs,
            request.headers,
            request.content,
            request.remote or "",
            request,
        )
        answer = await self.edge.answer(call)
        if isinstance(answer, web.StreamResponse):
            return answer
        if request.writer.output_size:
            raise ConnectionResetError("failed in the middle of a streamed answer")
        response = _response(call, answer)
        if call.hang_up or not request.content.is_eof():
            response.force_close()
        return response


class _Connection(RequestHandler):
    """Reads aiohttp's own fields: the lock file holds its version, and tests both lanes."""

    __slots__ = ("_edge",)

    def __init__(self, edge: Edge, server: EdgeServer, **options: Any) -> None:
        super().__init__(server, **options)
        self._edge = edge

    async def start(self) -> None:
        while not self._force_close:
            if not self._messages:
                self._waiter = self._loop.create_future()
                try:
                    await self._waiter
                finally:
                    self._waiter = None
            message, payload = self._messages[0]
            if not self._is_quick(message, payload):
                await super().start()
                return
            self._messages.popleft()
            await self._answer(message, payload)
            if self._close:
                self.force_close()

    def _is_quick(self, message: Any, payload: StreamReader) -> TypeGuard[RawRequestMessage]:
        if not isinstance(message, RawRequestMessage) or not payload.is_eof():
            return False
        route = self._edge.route(message.method, message.path)
        return (
            route is not None
            and route.whole
            and message.method != "HEAD"
            and message.version == HttpVersion11
            and not message.should_close
            and not message.upgrade
        )

    async def _answer(self, message: RawRequestMessage, payload: StreamReader) -> None:
        if self._parser is not None:
            self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()
        peer = self.peername[0] if self.peername else ""
        call = Call(message.method, message.path, message.headers, payload, peer)
        self._request_in_progress = True
        try:
            answer = await self._edge.answer(call)
        finally:
            self._request_in_progress = False
            if self._handler_waiter is not None:
                self._handler_waiter.set_result(None)
        if self.transport is not None:
            assert isinstance(answer, Answer)  # noqa: S101 - what a whole route answers
            self.transport.write(_encoded(call, answer))
            self._keep_alive_from_now()
            if self._paused:
                await self._drained()

    async def _drained(self) -> None:
        """A client that does not read its answers gets no more of them."""
        try:
            await self._drain_helper()
        except ConnectionError:
            self.force_close()

    def _keep_alive_from_now(self) -> None:
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(
                self._next_keepalive_close_time, self._process_keepalive
            )

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What aiohttp cannot even parse, and what broke outside of `Edge.answer`."""
        if request.writer.output_size:
            raise ConnectionResetError("failed in the middle of an answer") from exc
        error = "headers_too_large" if isinstance(exc, LineTooLong) else _MALFORMED.get(status)
        response = _response(*self._edge.malformed(request.remote or "", error or "internal_error"))
        response.force_close()
        return response


def _response(call: Call, answer: Answer) -> web.Response:
    own = answer.headers
    if answer.body:
        own = (("Content-Type", answer.content_type), *own)
    return web.Response(body=answer.body, status=answer.status, headers=headers_of(call, own))


def _encoded(call: Call, answer: Answer) -> bytes:
    head = (
        f"{_STATUS_LINES[answer.status]}\r\nDate: {rfc822_formatted_time()}\r\n"
        f"{header_block(call, answer.headers)}"
    )
    if answer.status not in _BODILESS:
        head += f"Content-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n"
    return f"{head}\r\n".encode("latin-1") + answer.body
