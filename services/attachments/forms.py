"""The file in a multipart form, and plain bodies: piece after piece, as they come off the wire."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from aiohttp import (
    BodyPartReader,
    MultipartReader,
    content_disposition_filename,
    parse_content_disposition,
    web,
)
from aiohttp.helpers import parse_mimetype

from libs.web.answers import Refused
from libs.web.call import Call
from services.attachments.ports import Arriving

_FIELDS: Final = frozenset({"file", "files"})
_THREAD: Final = re.compile(rb"(cthr_[A-Za-z0-9_-]{1,128})?")
_THREAD_BYTES: Final = 133


@dataclass(frozen=True)
class FormFile:
    name: str
    content_type: str
    thread_id: str
    """If it was named before the file."""
    arriving: Arriving


async def file_of(call: Call, wire: Arriving) -> FormFile:
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
            _, about = parse_content_disposition(part.headers.get("Content-Disposition"))
            field = content_disposition_filename(about, "name")
            if field in _FIELDS:
                boundary = parse_mimetype(content_type).parameters["boundary"]
                arriving = _Until(wire, b"\r\n--" + boundary.encode())
                kind = part.headers.get("Content-Type", "")
                name = content_disposition_filename(about) or ""
                return FormFile(name, kind, thread_id, arriving)
            if field == "thread_id":
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


class _Until:
    """Aiohttp's own reader copies every byte six times; a file needs only to find its end."""

    def __init__(self, wire: Arriving, mark: bytes) -> None:
        self._wire = wire
        self._mark = mark
        # The line break that ended the headers: the mark of an empty file begins with it.
        self._kept, self._skip = b"\r\n", 2
        self._ended = False

    async def ready(self) -> bool:
        if self._ended:
            return False
        if not await self._wire.ready():
            raise Refused("incomplete_body")
        return True

    def take(self) -> memoryview:
        window = self._kept + self._wire.take()
        end = window.find(self._mark)
        if end >= 0:
            self._ended = True
            return memoryview(window)[self._skip : end]
        # What may be the beginning of the mark waits for the rest.
        cut = window.find(b"\r", max(0, len(window) - len(self._mark) + 1))
        if cut < 0:
            cut = len(window)
        self._kept = window[cut:]
        if cut < self._skip:
            return memoryview(b"")
        skip, self._skip = self._skip, 0
        return memoryview(window)[skip:cut]
