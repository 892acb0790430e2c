"""Takes a file in, cleans it, keeps it, and finds it again for whoever holds a signed link."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from errno import errorcode
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import IO, Final

import msgspec

from libs.attachments import (
    EXTENSIONS,
    LARGEST_BYTES,
    StoredAttachment,
    View,
    decode_record,
    record_key,
    rendition_key,
)
from libs.blobs.port import BlobInfo, BlobMissingError, Blobs
from libs.errors import Unavailable
from libs.missed_files import BROKE_OFF, TAKEN_BACK, keep_missed
from services.attachments.ports import (
    Allowance,
    Arriving,
    BrokeOff,
    Darkroom,
    Developed,
    Refused,
)
from services.attachments.sniff import kind_of
from services.attachments.turns import Turns

WRITES_AT_ONCE: Final = 4
COPIES_AT_ONCE: Final = 4
ANSWER_SECONDS: Final = 75.0
"""From the last byte to the answer: a wait for the darkroom, the darkroom, the store."""


class UploadRefused(Exception):  # noqa: N818 - the file is refused, nothing broke
    """Why, as the visitor is told."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


TOO_LARGE: Final = (413, "too_large", "This file is larger than 12 MB; please send a smaller one.")
UNSUPPORTED: Final = (
    415,
    "unsupported_type",
    "Please send a photo (JPEG, PNG, WebP, GIF, HEIC, AVIF) or a PDF.",
)
EMPTY: Final = (400, "no_file", "No file came with this request.")
UNREADABLE: Final = (415, "unsupported_type", "This picture cannot be read; please send another.")
BOMB: Final = (413, "too_large", "This picture has too many pixels; please send a smaller one.")
ENOUGH: Final = (
    429,
    "too_many_uploads",
    "That is as much as we can take from one visitor in a day.",
)
GONE: Final = (404, "not_found", "This file was taken back while it was on its way.")
_DARKROOM_SAYS: Final = {"bomb": BOMB, "frames": BOMB, "unreadable": UNREADABLE}


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A view of an attachment, ready to be read from the blob store."""

    key: str
    content_type: str
    name: str
    inline: bool
    """Only our own renditions are shown by a browser; everything else is downloaded."""
    info: BlobInfo


@dataclass(frozen=True)
class Attachments:
    """Running any of these twice gives the same blobs under the same keys."""

    blobs: Blobs
    darkroom: Darkroom
    allowance: Allowance
    spool: Path
    """Where raw bytes wait until they are clean. They never enter the blob store."""
    largest_bytes: int = LARGEST_BYTES
    turns: Turns = field(default_factory=Turns)
    writing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(WRITES_AT_ONCE))
    """Who waits here reads nothing more, so a turn of the loop has few uploads to see to."""
    copying: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(COPIES_AT_ONCE))
    """A copy waits for nobody's phone, so few of them keep the disk busy and the memory small."""

    async def take_in(
        self, announced: StoredAttachment, declared_type: str, arriving: Arriving
    ) -> StoredAttachment:
        """Raises UploadRefused, BrokeOff, Unavailable. Each is kept: the shop asks again."""
        try:
            async with _our_disk(), _folder(self.spool) as folder:
                return await self._stored(announced, declared_type, arriving, folder / "raw")
        except UploadRefused as refusal:
            await self._refuse(msgspec.structs.replace(announced, problem=refusal.code))
            raise
        except BrokeOff:
            await self._miss(announced, BROKE_OFF)
            raise
        except Unavailable:
            await self._miss(announced, "unavailable")
            raise

    async def _stored(
        self, announced: StoredAttachment, declared_type: str, arriving: Arriving, raw: Path
    ) -> StoredAttachment:
        size = await self._spool(raw, arriving)
        kind = await _kind(raw, announced.name, declared_type)
        known = await self.find(announced.id)
        if known is not None and known.problem == TAKEN_BACK:
            raise UploadRefused(*GONE)
        async with self._spent(announced, size), _in_time():
            stored = await self._keep(announced, kind, raw, size)
            await self._write(record_key(stored.id), stored)
        return stored

    async def _spool(self, file: Path, arriving: Arriving) -> int:
        size = 0
        with await asyncio.to_thread(file.open, "wb") as out:
            while await arriving.ready():
                async with self.writing:
                    size += await asyncio.to_thread(_move, arriving, out)
                if size > self.largest_bytes:
                    raise UploadRefused(*TOO_LARGE)
        if not size:
            raise UploadRefused(*EMPTY)
        return size

    async def _refuse(self, refused: StoredAttachment) -> None:
        """Never over a success: two requests may follow one upload link."""
        known = await self.find(refused.id)
        if known is not None and (known.mime_type or known.problem == TAKEN_BACK):
            return
        if known is not None:
            await self._write(record_key(refused.id), refused)
        await keep_missed(self.blobs, refused)

    async def _miss(self, announced: StoredAttachment, problem: str) -> None:
        """Its own record is left open: the same link may bring it yet."""
        with suppress(Unavailable):  # a lost store changes no answer
            await keep_missed(self.blobs, msgspec.structs.replace(announced, problem=problem))

    @asynccontextmanager
    async def _spent(self, announced: StoredAttachment, size: int) -> AsyncIterator[None]:
        """What is lost by a fault of ours costs the visitor nothing of their day."""
        if not await self.allowance.spend(announced.shop, announced.visitor, size):
            raise UploadRefused(*ENOUGH)
        try:
            yield
        except (Unavailable, OSError):
            with suppress(Unavailable):
                await self.allowance.give_back(announced.shop, announced.visitor, size)
            raise

    async def _keep(
        self, announced: StoredAttachment, kind: str, raw: Path, size: int
    ) -> StoredAttachment:
        if kind == "application/pdf":
            stored = msgspec.structs.replace(
                announced, name=_with_ending(announced.name, kind), mime_type=kind, size_bytes=size
            )
            await self._put(stored.original_key, raw, kind)
            return stored
        try:
            async with self.turns.of(f"{announced.shop}/{announced.visitor}"):
                developed = await self.darkroom.develop(raw, raw.parent, kind)
        except Refused as reason:
            raise UploadRefused(*_DARKROOM_SAYS[str(reason)]) from reason
        stored = _described(announced, developed)
        await self._put(rendition_key(stored.id, "1200"), raw.parent / "1200.jpg", "image/jpeg")
        await self._put(rendition_key(stored.id, "320"), raw.parent / "320.jpg", "image/jpeg")
        await self._put(stored.original_key, raw.parent / "original", stored.mime_type)
        return stored

    async def _put(self, key: str, file: Path, content_type: str) -> None:
        async with self.copying:
            await self.blobs.put_file(key, file, content_type=content_type)

    async def _write(self, key: str, attachment: StoredAttachment) -> None:
        body = msgspec.json.encode(attachment)
        await self.blobs.put(key, body, content_type="application/json")

    async def find(self, attachment_id: str) -> StoredAttachment | None:
        try:
            return decode_record(await self.blobs.get(record_key(attachment_id)))
        except BlobMissingError:
            return None

    async def serve(self, attachment_id: str, view: View) -> Served | None:
        """None: there is (or is no longer) no such thing."""
        attachment = await self.find(attachment_id)
        if attachment is None or not attachment.mime_type:
            return None
        original = view == "original"
        key = attachment.original_key if view == "original" else rendition_key(attachment_id, view)
        info = await self.blobs.info(key)
        if info is None:
            return None
        return Served(
            key=key,
            content_type=attachment.mime_type if original else "image/jpeg",
            name=attachment.name,
            inline=not original,
            info=info,
        )


def _described(announced: StoredAttachment, developed: Developed) -> StoredAttachment:
    return msgspec.structs.replace(
        announced,
        name=_with_ending(announced.name, developed.mime_type),
        mime_type=developed.mime_type,
        size_bytes=developed.original_bytes,
        width=developed.width,
        height=developed.height,
        fingerprint=developed.fingerprint,
        problem="",
    )


def _with_ending(name: str, kind: str) -> str:
    """A phone opens a file by the end of its name; a file fetched from a provider comes without."""
    return name if PurePath(name).suffix else f"{name}.{EXTENSIONS[kind]}"


@asynccontextmanager
async def _folder(root: Path) -> AsyncIterator[Path]:
    """To remove twelve megabytes takes the file system longer than the loop may stand."""
    folder = await asyncio.to_thread(TemporaryDirectory, dir=root, prefix="in-")
    try:
        yield Path(folder.name)
    finally:
        await asyncio.to_thread(folder.cleanup)


@asynccontextmanager
async def _our_disk() -> AsyncIterator[None]:
    """One that is full is no fault of the file."""
    try:
        yield
    except OSError as error:
        reason = errorcode.get(error.errno or 0, type(error).__name__)
        raise Unavailable("spool", reason) from error


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            yield
    except TimeoutError as error:
        raise Unavailable("attachments", "took too long") from error


def _move(arriving: Arriving, out: IO[bytes]) -> int:
    return out.write(arriving.take())


async def _kind(file: Path, name: str, declared: str) -> str:
    kind = await asyncio.to_thread(kind_of, file, name, declared)
    if kind is None:
        raise UploadRefused(*UNSUPPORTED)
    return kind
