"""The file in a multipart form, and plain bodies: piece after piece, as they come off the wire."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.helpers import parse_mimetype

from libs.web.answers import Refused
from libs.web.call import Call

_FIELDS: Final = frozenset({"file", "files"})
_THREAD: Final = re.compile(rb"(cthr_[A-Za-z0-9_-]{1,128})?")
_THREAD_BYTES: Final = 133
_WIRE_BYTES: Final = 64 * 1024
"""What the kernel may hold for one upload: it would grow to 6 MB, and hand it over in one go."""


@dataclass(frozen=True)
class FormFile:
    name: str
    content_type: str
    thread_id: str
    """If it was named before the file."""
    pieces: AsyncIterator[memoryview]


async def file_of(call: Call) -> FormFile:
    """Raises Refused."""
    content_type = call.headers.get("Content-Type", "")
    if not content_type.lower().startswith("multipart/form-data"):
        raise Refused("unsupported_type", "Send the file as multipart/form-data.")
    thread_id = ""
    try:
        reader = MultipartReader(call.headers, call.payload)
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader):
                break
            if part.name in _FIELDS:
                boundary = parse_mimetype(content_type).parameters["boundary"]
                pieces = _until(call, b"\r\n--" + boundary.encode())
                kind = part.headers.get("Content-Type", "")
                return FormFile(part.filename or "", kind, thread_id, pieces)
            if part.name == "thread_id":
                thread_id = await _thread_of(part)
            await part.release()
    except (ValueError, AssertionError, web.RequestPayloadError) as error:
        raise Refused("no_file") from error
    raise Refused("no_file")


async def _thread_of(part: BodyPartReader) -> str:
    given = await part.read_chunk(_THREAD_BYTES + 1)
    if not _THREAD.fullmatch(given):
        raise Refused("invalid_thread")
    return given.decode()


async def _until(call: Call, mark: bytes) -> AsyncIterator[memoryview]:
    """Aiohttp's own reader copies every byte six times; a file needs only to find its end."""
    # The line break that ended the headers: the mark of an empty file begins with it.
    kept, skip = b"\r\n", 2
    async for piece in body_of(call):
        window = kept + piece if kept else piece
        end = window.find(mark)
        if end >= 0:
            yield memoryview(window)[skip:end]
            return
        # What may be the beginning of the mark waits for the rest.
        cut = window.find(b"\r", max(0, len(window) - len(mark) + 1))
        if cut < 0:
            cut = len(window)
        if cut >= skip:
            yield memoryview(window)[skip:cut]
            skip = 0
        kept = window[cut:]
    raise Refused("incomplete_body")


async def body_of(call: Call) -> AsyncIterator[bytes]:
    """As it came off the wire: what waits together is not joined."""
    _narrow(call)
    try:
        while not call.payload.at_eof():
            piece, _ = await call.payload.readchunk()
            if piece:
                yield piece
    except web.RequestPayloadError as error:
        raise Refused("incomplete_body") from error


def _narrow(call: Call) -> None:
    transport = call.request.transport if call.request is not None else None
    connection = transport.get_extra_info("socket") if transport is not None else None
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WIRE_BYTES)
