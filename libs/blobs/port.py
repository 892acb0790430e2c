"""Bytes by key: attachments, snapshots and kept mail. A folder on one machine, S3 on many."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import msgspec


class BlobInfo(msgspec.Struct, frozen=True):
    key: str
    size_bytes: int
    etag: str
    content_type: str
    modified_at: float


class Blob(msgspec.Struct, frozen=True):
    """One that is still to be put."""

    key: str
    body: bytes
    content_type: str


class BlobMissingError(KeyError):
    """No blob has this key."""


class Blobs(Protocol):
    """Keys are ours (`[A-Za-z0-9._/-]`, no `..`); every method raises Unavailable("blobs", ...)."""

    async def put(self, key: str, body: bytes, *, content_type: str) -> None:
        """Atomic: readers see the old bytes or all of the new ones."""
        ...

    async def put_all(self, *blobs: Blob) -> None:
        """One after another, or all at once: whoever finds one finds those before it."""
        ...

    async def put_file(self, key: str, file: Path, *, content_type: str) -> None:
        """As `put`, without ever holding all of it. The file is the store's from then on: it may
        be gone, whether this succeeds or not.
        """
        ...

    async def get(self, key: str) -> bytes:
        """Raises BlobMissingError."""
        ...

    def stream(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes [start, end) in pieces. Raises BlobMissingError."""
        ...

    async def info(self, key: str) -> BlobInfo | None: ...

    async def delete(self, key: str) -> bool:
        """True when there was something to delete."""
        ...

    def list(self, prefix: str) -> AsyncIterator[BlobInfo]:
        """In key order; `content_type` may be empty here."""
        ...
