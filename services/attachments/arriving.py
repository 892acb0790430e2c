"""The bytes of an upload, as they come off the wire.

aiohttp copies every byte several times, on the loop. Where a length is announced it reads the
beginning only; the rest is read from its socket, in threads, and the connection ends with it.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import StreamReader, web
from aiohttp.http_exceptions import HttpProcessingError

from libs.web.answers import Refused
from libs.web.call import Call
from services.attachments.ports import Arriving, BrokeOff

PIECE_BYTES: Final = 512 * 1024
"""What is moved in one go: a thread's errand costs as much as 100 KB do."""
LEAST_BYTES: Final = 256 * 1024
"""Less than this waits in the kernel for more: a phone sends many small pieces."""

SILENCE_SECONDS: Final = 40
"""Looks. Longer than the gateway's patience: who vanished without a word holds nothing for ever."""
LOOK_SECONDS: Final = 1.0
"""So often it is asked what has come, however little, and whether the service stops."""

_PARSED_BYTES: Final = 64 * 1024
"""From aiohttp's buffer less at a time: to join pieces holds up the loop."""


_GONE: Final = "client_gone"


@contextmanager
def wire_of(call: Call) -> Iterator[Arriving]:
    """A file that breaks off leaves as what the edge answers to it."""
    try:
        with _wire_of(call) as wire:
            yield wire
    except BrokeOff as broken:
        if str(broken) == _GONE:
            raise ConnectionResetError from broken
        raise Refused(str(broken)) from broken


@contextmanager
def _wire_of(call: Call) -> Iterator[Arriving]:
    request = call.request
    if request is None or request.content_length is None:
        yield _Parsed(call.payload)
        return
    wire = _Direct(request, request.content_length)
    try:
        yield wire
    finally:
        wire.give_back()
        call.hang_up = wire.taken > 0


@contextmanager
def _breaking_off() -> Iterator[None]:
    """The one table of what ends a body."""
    try:
        yield
    except TimeoutError as error:
        raise BrokeOff("too_slow") from error
    except OSError as error:
        raise BrokeOff(_GONE) from error
    except (HttpProcessingError, web.RequestPayloadError) as error:
        raise BrokeOff("incomplete_body") from error


class _Parsed:
    """A body in chunks, whose end only a parser can tell."""

    def __init__(self, payload: StreamReader) -> None:
        self._payload = payload
        self._piece = b""

    async def ready(self) -> bool:
        with _breaking_off():
            async with asyncio.timeout(SILENCE_SECONDS * LOOK_SECONDS):
                self._piece = await self._payload.readany()
        return bool(self._piece)

    def take(self) -> bytes:
        return self._piece


class _Direct:
    def __init__(self, request: web.BaseRequest, length: int) -> None:
        if request.transport is None:
            raise ConnectionResetError
        self._payload = request.content
        self._transport = request.transport
        self._source: socket.socket | None = None
        self._length = length
        self.taken = 0
        """Bytes that aiohttp has not seen, so that it will not know the next request."""
        self._parsed = b""

    @property
    def _left(self) -> int:
        """Of what aiohttp has not parsed."""
        return self._length - self._payload.total_bytes - self.taken

    async def ready(self) -> bool:
        with _breaking_off():
            self._parsed = self._payload.read_nowait(_PARSED_BYTES)
            self._transport.pause_reading()  # aiohttp goes on when its buffer gets room
            if self._source is None:
                self._source = _handle_of(self._transport)
            if self._left and not self._parsed:
                await self._arrival(self._source)
            return bool(self._left or self._parsed)

    async def _arrival(self, source: socket.socket) -> None:
        """Of much at first, then of anything."""
        least = min(self._left, LEAST_BYTES)
        for _ in range(SILENCE_SECONDS):
            if await _readable(source, least):
                return
            if ended := self._payload.exception():
                raise ended
            least = 1
        raise TimeoutError

    def take(self) -> bytes:
        if self._parsed or self._source is None:
            return self._parsed
        with _breaking_off():
            try:
                piece = self._source.recv(min(self._left, PIECE_BYTES))
            except BlockingIOError:
                return b""
        if not piece:
            raise BrokeOff(_GONE)
        self.taken += len(piece)
        return piece

    def give_back(self) -> None:
        """What is left, aiohttp reads and drops before it closes."""
        if self._source is None:
            return
        _wake_at(self._source, 1)
        self._source.close()
        if self.taken and not self._left:
            self._payload.feed_eof()
            self._transport.pause_reading()  # it would read what comes now as more of this body
        else:
            self._transport.resume_reading()


def _handle_of(transport: asyncio.Transport) -> socket.socket:
    """Our own: its number stays ours when aiohttp closes the connection meanwhile."""
    source = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
    # By itself the kernel would let what waits there grow to 6 MB.
    source.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE_BYTES)
    return source


async def _readable(source: socket.socket, least_bytes: int) -> bool:
    _wake_at(source, least_bytes)
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(source, came.set)
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await came.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(source)


def _wake_at(source: socket.socket, least_bytes: int) -> None:
    source.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, least_bytes)
