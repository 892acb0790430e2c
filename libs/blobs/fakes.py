"""Blobs in memory, with a hook where a store can misbehave."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from libs.blobs.keys import check_key, check_prefix
from libs.blobs.port import Blob, BlobInfo, BlobMissingError

Hook = Callable[[str, str], Awaitable[None]]
"""Called as (method, key) before each call; may wait or raise Unavailable."""


class MemoryBlobs:
    """Blobs: `bodies` and `infos` are plain dicts."""

    def __init__(self, hook: Hook | None = None, now: Callable[[], float] = lambda: 0.0) -> None:
        self.bodies: dict[str, bytes] = {}
        self.infos: dict[str, BlobInfo] = {}
        self._hook = hook
        self._now = now

    async def _before(self, method: str, key: str) -> None:
        if self._hook is not None:
            await self._hook(method, key)

    async def put(self, key: str, body: bytes, *, content_type: str) -> None:
        check_key(key)
        await self._before("put", key)
        etag = hashlib.sha256(body).hexdigest()[:32]
        self.bodies[key] = body
        self.infos[key] = BlobInfo(key, len(body), etag, content_type, self._now())

    async def put_all(self, *blobs: Blob) -> None:
        for blob in blobs:
            await self.put(blob.key, blob.body, content_type=blob.content_type)

    async def put_file(self, key: str, file: Path, *, content_type: str) -> None:
        check_key(key)
        body = await asyncio.to_thread(_taken, file)
        await self.put(key, body, content_type=content_type)

    async def get(self, key: str) -> bytes:
        await self._before("get", check_key(key))
        if key not in self.bodies:
            raise BlobMissingError(key)
        return self.bodies[key]

    async def stream(
        self, key: str, *, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        body = (await self.get(key))[start:end]
        for at in range(0, len(body), 65536):
            yield body[at : at + 65536]

    async def info(self, key: str) -> BlobInfo | None:
        await self._before("info", check_key(key))
        return self.infos.get(key)

    async def delete(self, key: str) -> bool:
        await self._before("delete", check_key(key))
        self.infos.pop(key, None)
        return self.bodies.pop(key, None) is not None

    async def list(self, prefix: str) -> AsyncIterator[BlobInfo]:
        await self._before("list", check_prefix(prefix))
        for key in sorted(key for key in self.infos if key.startswith(prefix)):
            yield self.infos[key]


def _taken(file: Path) -> bytes:
    body = file.read_bytes()
    file.unlink()
    return body
