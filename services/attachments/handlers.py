"""Takes a file in, cleans it and keeps it; what cannot be kept is remembered."""

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

from libs.attachments.missed import BROKE_OFF, TAKEN_BACK, keep_missed, was_taken_back
from libs.attachments.records import (
    EXTENSIONS,
    LARGEST_BYTES,
    StoredAttachment,
    find_record,
    put_record,
    rendition_key,
)
from libs.blobs.port import Blobs
from libs.errors import Unavailable
from services.attachments.darkroom_queue import DarkroomQueue
from services.attachments.ports import (
    Allowance,
    Arriving,
    BrokeOff,
    Darkroom,
    Developed,
    Refused,
)
from services.attachments.refusals import (
    DARKROOM_SAYS,
    EMPTY,
    ENOUGH,
    GONE,
    TOO_LARGE,
    UNSUPPORTED,
    UploadRefused,
)
from services.attachments.sniff import kind_of

WRITES_AT_ONCE: Final = 4
COPIES_AT_ONCE: Final = 4
ANSWER_SECONDS: Final = 75.0
"""From the last byte to the answer: a wait for the darkroom, the darkroom, the store."""


@dataclass(frozen=True)
class Attachments:
    """Running any of these twice gives the same blobs under the same keys."""

    blobs: Blobs
    darkroom: Darkroom
    allowance: Allowance
    spool: Path
    """Where raw bytes wait until they are clean. They never enter the blob store."""
    largest_bytes: int = LARGEST_BYTES
    queue: DarkroomQueue = field(default_factory=DarkroomQueue)
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
        if await was_taken_back(self.blobs, announced.id):
            raise UploadRefused(*GONE)
        async with self._spent(announced, size), _in_time():
            fresh = msgspec.structs.replace(announced, problem="")  # of an earlier try
            stored = await self._keep(fresh, kind, raw, size)
            await put_record(self.blobs, stored)
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
        known = await find_record(self.blobs, refused.id)
        if known is not None and (known.mime_type or known.problem == TAKEN_BACK):
            return
        if known is not None:
            await put_record(self.blobs, refused)
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
            async with self.queue.turn_of(f"{announced.shop}/{announced.visitor}"):
                developed = await self.darkroom.develop(raw, raw.parent, kind)
        except Refused as reason:
            raise UploadRefused(*DARKROOM_SAYS[str(reason)]) from reason
        stored = _described(announced, developed)
        await self._put(rendition_key(stored.id, "1200"), raw.parent / "1200.jpg", "image/jpeg")
        await self._put(rendition_key(stored.id, "320"), raw.parent / "320.jpg", "image/jpeg")
        await self._put(stored.original_key, raw.parent / "original", stored.mime_type)
        return stored

    async def _put(self, key: str, file: Path, content_type: str) -> None:
        async with self.copying:
            await self.blobs.put_file(key, file, content_type=content_type)


def _described(announced: StoredAttachment, developed: Developed) -> StoredAttachment:
    return msgspec.structs.replace(
        announced,
        name=_with_ending(announced.name, developed.mime_type),
        mime_type=developed.mime_type,
        size_bytes=developed.original_bytes,
        width=developed.width,
        height=developed.height,
        fingerprint=developed.fingerprint,
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
