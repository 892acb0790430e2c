"""The file in a multipart form: what stands before it is taken apart, its bytes only pass.

aiohttp's own reader counts no parts, waits for ever, copies every byte six times, and quotes a
file's name in its warnings.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from aiohttp import StreamReader
from aiohttp.helpers import parse_mimetype

from libs.web.answers import Refused
from libs.web.call import Call
from services.attachments.ports import Arriving, BrokeOff

BEFORE_BYTES: Final = 8 * 1024
"""Of all that stands before the file's own bytes. The longest names take half of it."""
BEFORE_SECONDS: Final = 40.0
MOST_PARTS: Final = 8
"""The file among them."""

_FIELDS: Final = frozenset({"file", "files"})
_THREAD: Final = re.compile(rb"(cthr_[A-Za-z0-9_-]{1,128})?")
_BREAK: Final = b"\r\n"
_PARAMETER: Final = re.compile(
    r';\s*(name|filename)(\*?)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))', re.IGNORECASE
)


@dataclass(frozen=True)
class FormFile:
    name: str
    content_type: str
    thread_id: str
    """If it was named before the file."""
    arriving: Arriving


async def file_of(call: Call, wire: Arriving) -> FormFile:
    """Raises Refused."""
    mark = _mark_of(call.headers.get("Content-Type", ""))
    before = _Before(call.payload)
    thread_id = ""
    try:
        async with asyncio.timeout(BEFORE_SECONDS):
            await before.until(mark)
            for _ in range(MOST_PARTS):
                about = _about(await before.until(_BREAK + _BREAK))
                if about.field in _FIELDS:
                    arriving = _Until(wire, mark, before.rest)
                    return FormFile(about.name, about.content_type, thread_id, arriving)
                body = await before.until(mark)
                if about.field == "thread_id":
                    thread_id = _thread_of(body)
    except TimeoutError as error:
        raise Refused("too_slow") from error
    raise Refused("no_file")


def _mark_of(content_type: str) -> bytes:
    """What stands between two parts."""
    if not content_type.lower().startswith("multipart/form-data"):
        raise Refused("unsupported_type", "Send the file as multipart/form-data.")
    boundary = parse_mimetype(content_type).parameters.get("boundary", "")
    if not boundary:
        raise Refused("no_file")
    return b"\r\n--" + boundary.encode("utf-8", "surrogateescape")


def _thread_of(body: bytes) -> str:
    if not _THREAD.fullmatch(body):
        raise Refused("invalid_thread")
    return body.decode()


@dataclass(frozen=True)
class _About:
    field: str
    name: str
    content_type: str


def _about(block: bytes) -> _About:
    """What the headers of a part say, which begin with the end of the mark's line."""
    lines = (line.partition(":") for line in block.decode("utf-8", "surrogateescape").split("\r\n"))
    headers = {name.strip().lower(): value.strip() for name, _, value in lines}
    said = _parameters(headers.get("content-disposition", ""))
    return _About(said.get("name", ""), said.get("filename", ""), headers.get("content-type", ""))


def _parameters(disposition: str) -> dict[str, str]:
    """The starred form of one, which is encoded, goes before the plain."""
    said: dict[str, str] = {}
    for name, starred, quoted, plain in _PARAMETER.findall(disposition):
        value = re.sub(r"\\(.)", r"\1", quoted) or plain.strip()
        if starred:
            said[name.lower()] = unquote(value.rpartition("'")[2])
        else:
            said.setdefault(name.lower(), value)
    return said


class _Before:
    """What stands before the file, as it comes, up to an end."""

    def __init__(self, payload: StreamReader) -> None:
        self._payload = payload
        self._left = BEFORE_BYTES
        self.rest = _BREAK
        """What has come and was not asked for; the first mark needs no line break before it."""

    async def until(self, mark: bytes) -> bytes:
        """What stands before the next mark."""
        seen = 0
        while (at := self.rest.find(mark, max(0, seen - len(mark)))) < 0:
            seen = len(self.rest)
            piece = await self._payload.readany() if seen <= self._left else b""
            if not piece:
                raise Refused("no_file")
            self.rest += piece
        end = at + len(mark)
        self._left -= end
        if self._left < 0:
            raise Refused("no_file")
        found, self.rest = self.rest[:at], self.rest[end:]
        return found


class _Until:
    """A file needs only to find its end."""

    def __init__(self, wire: Arriving, mark: bytes, begun: bytes) -> None:
        self._wire = wire
        self._mark = mark
        self._begun = begun
        # The line break that ended the headers: the mark of an empty file begins with it.
        self._kept, self._skip = _BREAK, len(_BREAK)
        self._ended = False

    async def ready(self) -> bool:
        if self._ended:
            return False
        if not self._begun and not await self._wire.ready():
            raise BrokeOff("incomplete_body")
        return True

    def take(self) -> memoryview:
        came, self._begun = self._begun or self._wire.take(), b""
        window = self._kept + came
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
