"""The pictures and files of a mail: read from our own store by key, never from a URL."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, get_args

import msgspec

from libs.attachments.records import rendition_key
from libs.blobs.port import BlobMissingError, Blobs
from libs.leads.snapshot import Photo
from libs.runtime.together import together
from services.mailer.letter.labels import Why

_READS_AT_ONCE: Final = 4


class MailPhoto(msgspec.Struct, frozen=True, kw_only=True):
    """A JPEG that the mail shows."""

    id: str
    name: str
    jpeg: bytes
    width: int
    height: int
    alt: str = ""
    fingerprint: str = ""
    similar: int = 0
    """How many more that look like it are only seen in small."""


class MailFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that hangs on the mail, such as a PDF."""

    id: str
    name: str
    mime_type: str
    body: bytes


class MissingPhoto(msgspec.Struct, frozen=True, kw_only=True):
    """A picture or file that the mail cannot show, and why."""

    id: str
    name: str
    why: Why
    is_picture: bool = True


Found = MailPhoto | MailFile | MissingPhoto


class PhotoShelf(Protocol):
    async def renditions(self, photos: Sequence[Photo]) -> tuple[Found, ...]:
        """One answer for each, in order; a broken or absent picture is a `MissingPhoto`.

        Raises Unavailable("blobs", ...) when the store does not answer: it may tomorrow.
        """
        ...

    async def thumbnails(self, ids: Sequence[str]) -> dict[str, bytes]:
        """The small JPEGs of those that have one, for a contact sheet."""
        ...


_WHY: Final[dict[str, Why]] = {"": "missing", **{why: why for why in get_args(Why)}}
"""By what stands in an attachment's record."""


@dataclass(frozen=True)
class BlobPhotoShelf:
    """Renditions, and the originals of what is no picture, from the blob store."""

    blobs: Blobs

    async def renditions(self, photos: Sequence[Photo]) -> tuple[Found, ...]:
        gate = asyncio.Semaphore(_READS_AT_ONCE)
        async with together() as group:
            tasks = [group.create_task(self._find(photo, gate)) for photo in photos]
        return tuple(task.result() for task in tasks)

    async def thumbnails(self, ids: Sequence[str]) -> dict[str, bytes]:
        found = {}
        for attachment_id in ids:
            try:
                jpeg = await self.blobs.get(rendition_key(attachment_id, "320"))
            except BlobMissingError:
                continue
            if jpeg_size(jpeg):
                found[attachment_id] = jpeg
        return found

    async def _find(self, photo: Photo, gate: asyncio.Semaphore) -> Found:
        if absent := known_missing(photo):
            return absent
        try:
            async with gate:
                if not photo.mime_type.startswith("image/"):
                    body = await self.blobs.get(photo.blob_key)
                    return MailFile(
                        id=photo.id, name=photo.name, mime_type=photo.mime_type, body=body
                    )
                jpeg = await self.blobs.get(rendition_key(photo.id, "1200"))
        except BlobMissingError:
            return _missing(photo, "unreadable")
        size = jpeg_size(jpeg)
        if size is None:
            return _missing(photo, "unreadable")
        return MailPhoto(
            id=photo.id, name=photo.name, jpeg=jpeg, width=size[0], height=size[1],
            fingerprint=photo.fingerprint,
        )  # fmt: skip


def known_missing(photo: Photo) -> MissingPhoto | None:
    """What needs no look into the store to be told."""
    if photo.failed or not photo.blob_key:
        return _missing(photo, _WHY.get(photo.failed, "unreadable"))
    return None


def _missing(photo: Photo, why: Why) -> MissingPhoto:
    return MissingPhoto(id=photo.id, name=photo.name, why=why, is_picture=photo.is_picture)


_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length."""


def jpeg_size(jpeg: bytes) -> tuple[int, int] | None:
    """Width and height as the frame header says; None when this is no JPEG."""
    if jpeg[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(jpeg) and jpeg[at] == 0xFF:  # noqa: PLR2004 - every marker begins so
        marker = jpeg[at + 1]
        if marker in _START_OF_FRAME:
            height = int.from_bytes(jpeg[at + 5 : at + 7])
            width = int.from_bytes(jpeg[at + 7 : at + 9])
            return (width, height) if width and height else None
        at += 2 if marker in _ALONE else 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    return None


def cid(photo_id: str) -> str:
    """The name by which the HTML finds its picture inside the mail; ids of others may be odd."""
    return f"{hashlib.sha256(photo_id.encode()).hexdigest()[:24]}@photo.handoff"
