"""Blobs of one machine: what is small stands in one SQLite file, what is large in files.

A file of its own costs three flushes of the disk (its bytes, its name, its folder's name), a row
one, which all that are written at that moment share. A lead writes three small blobs and waits
twice; photos are large.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from libs.blobs.folder import FolderBlobs, open_folder
from libs.blobs.keys import check_key, check_prefix
from libs.blobs.port import Blob, BlobInfo, BlobMissingError
from libs.databases.sqlite import SqliteThread, open_sqlite_file

SMALL_BYTES: Final = 64 * 1024
FILE: Final = ".small.sqlite3"
"""Beside the files; no blob's name begins with a dot."""
PAGE: Final = 200
_AFTER_ALL_KEYS: Final = "\x7f"

SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS blobs"
    " (key TEXT PRIMARY KEY, type TEXT NOT NULL, at_ns INTEGER NOT NULL, body BLOB NOT NULL)"
)
_PUT: Final = "INSERT OR REPLACE INTO blobs VALUES (?, ?, ?, ?)"
_PUT_MORE: Final = ", (?, ?, ?, ?)"
_INFO: Final = "SELECT key, type, at_ns, length(body) FROM blobs"


class TwoSizeBlobs:
    """Blobs. A key that has both, after a crash between two writes, still has what its row says."""

    def __init__(self, files: FolderBlobs, writer: SqliteThread, reader: SqliteThread) -> None:
        self._files = files
        self._writer = writer
        self._reader = reader

    async def put(self, key: str, body: bytes, *, content_type: str) -> None:
        if len(body) > SMALL_BYTES:
            await self._files.put(key, body, content_type=content_type)
            await self._drop(key)
            return
        await self._writer.change(_PUT, _row(Blob(key, body, content_type)))

    async def put_all(self, *blobs: Blob) -> None:
        if blobs and all(len(blob.body) <= SMALL_BYTES for blob in blobs):
            values = [value for blob in blobs for value in _row(blob)]
            await self._writer.change(_PUT + _PUT_MORE * (len(blobs) - 1), values)
            return
        for blob in blobs:
            await self.put(blob.key, blob.body, content_type=blob.content_type)

    async def put_file(self, key: str, file: Path, *, content_type: str) -> None:
        await self._files.put_file(key, file, content_type=content_type)
        await self._drop(key)

    async def get(self, key: str) -> bytes:
        body = await self._row(key)
        return await self._files.get(key) if body is None else body

    async def stream(
        self, key: str, *, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        body = await self._row(key)
        if body is not None:
            yield body[start:end]
            return
        async for piece in self._files.stream(key, start=start, end=end):
            yield piece

    async def info(self, key: str) -> BlobInfo | None:
        rows = await self._reader.rows(f"{_INFO} WHERE key = ?", (check_key(key),))
        return _info(rows[0]) if rows else await self._files.info(key)

    async def delete(self, key: str) -> bool:
        dropped = await self._drop(key)
        return await self._files.delete(key) or dropped

    async def list(self, prefix: str) -> AsyncIterator[BlobInfo]:
        small, large = self._list(check_prefix(prefix)), self._files.list(prefix)
        row = await anext(small, None)
        file = await anext(large, None) if self._files.has_folder(prefix) else None
        while row or file:
            if row and (file is None or row.key <= file.key):
                if file and file.key == row.key:
                    file = await anext(large, None)
                yield row
                row = await anext(small, None)
            elif file:
                yield file
                file = await anext(large, None)

    async def _list(self, prefix: str) -> AsyncIterator[BlobInfo]:
        query = f"{_INFO} WHERE key >= ? AND key > ? AND key < ? ORDER BY key LIMIT {PAGE}"
        last, end = "", prefix + _AFTER_ALL_KEYS
        while rows := await self._reader.rows(query, (prefix, last, end)):
            for row in rows:
                yield _info(row)
            last = rows[-1][0]
            if len(rows) < PAGE:
                return

    async def _row(self, key: str) -> bytes | None:
        """None: there is a file instead. Raises BlobMissingError."""

        def look(db: sqlite3.Connection) -> tuple[bytes | None, bool]:
            row = db.execute("SELECT body FROM blobs WHERE key = ?", (key,)).fetchone()
            return (row[0], True) if row else (None, self._files.has(key))

        check_key(key)
        body, found = await self._reader.run(look)
        if not found:
            raise BlobMissingError(key)
        return body

    async def _drop(self, key: str) -> bool:
        return await self._writer.change("DELETE FROM blobs WHERE key = ?", (check_key(key),)) > 0


def _row(blob: Blob) -> tuple[str, str, int, bytes]:
    return check_key(blob.key), blob.content_type, time.time_ns(), blob.body


def _info(row: tuple[Any, ...]) -> BlobInfo:
    key, content_type, at_ns, size = row
    return BlobInfo(key, size, f"{at_ns:x}-{size:x}", content_type, at_ns / 1e9)


@contextlib.asynccontextmanager
async def open_two_sizes(root: Path) -> AsyncIterator[TwoSizeBlobs]:
    """Raises SettingsError when nothing can be kept there."""
    files = await open_folder(root)
    async with open_sqlite_file("blobs", root / FILE, SCHEMA) as (writer, reader):
        yield TwoSizeBlobs(files, writer, reader)
