"""Blobs of one machine: what is small stands in one SQLite file, what is large in files.

A file of its own costs three flushes of the disk (its bytes, its name, its folder's name), a row
one, which all that are written at that moment share. A lead writes three small blobs and waits for
each of them; photos are large.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from libs.blobs.folder import FolderBlobs, open_folder
from libs.blobs.keys import check_key, check_prefix
from libs.blobs.port import BlobInfo
from libs.errors import SettingsError, Unavailable
from libs.ledger.sqlite_thread import SqliteThread

T = TypeVar("T")

SMALL_BYTES: Final = 64 * 1024
ANSWER_SECONDS: Final = 30.0
BUSY_SECONDS: Final = 5.0
"""How long a write waits for another process's; theirs take milliseconds."""
FILE: Final = ".small.sqlite3"
"""Beside the files; no blob's name begins with a dot."""
PAGE: Final = 200
_AFTER_ALL_KEYS: Final = "\x7f"

SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS blobs"
    " (key TEXT PRIMARY KEY, type TEXT NOT NULL, at_ns INTEGER NOT NULL, body BLOB NOT NULL)"
)
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
        row = (check_key(key), content_type, time.time_ns(), body)
        await _answer(
            self._writer,
            lambda db: db.execute("INSERT OR REPLACE INTO blobs VALUES (?, ?, ?, ?)", row),
        )

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes], *, content_type: str) -> int:
        size = await self._files.put_stream(key, pieces, content_type=content_type)
        await self._drop(key)
        return size

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
        rows = await self._rows(f"{_INFO} WHERE key = ?", check_key(key))
        return _info(rows[0]) if rows else await self._files.info(key)

    async def delete(self, key: str) -> bool:
        dropped = await self._drop(key)
        return await self._files.delete(key) or dropped

    async def list(self, prefix: str) -> AsyncIterator[BlobInfo]:
        small, large = self._list(check_prefix(prefix)), self._files.list(prefix)
        row, file = await anext(small, None), await anext(large, None)
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
        while rows := await self._rows(query, prefix, last, end):
            for row in rows:
                yield _info(row)
            last = rows[-1][0]

    async def _row(self, key: str) -> bytes | None:
        rows = await self._rows("SELECT body FROM blobs WHERE key = ?", check_key(key))
        return rows[0][0] if rows else None

    async def _rows(self, query: str, *values: str) -> Sequence[tuple[Any, ...]]:
        return await _answer(self._reader, lambda db: db.execute(query, values).fetchall())

    async def _drop(self, key: str) -> bool:
        row = (check_key(key),)
        found = await _answer(
            self._writer, lambda db: db.execute("DELETE FROM blobs WHERE key = ?", row).rowcount
        )
        return found > 0


def _info(row: tuple[Any, ...]) -> BlobInfo:
    key, content_type, at_ns, size = row
    return BlobInfo(key, size, f"{at_ns:x}-{size:x}", content_type, at_ns / 1e9)


async def _answer(thread: SqliteThread, work: Callable[[sqlite3.Connection], T]) -> T:
    """The one table of SQLite's errors: whatever it says, the store cannot serve us now."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await thread.run(work)
    except TimeoutError as error:
        raise Unavailable("blobs", f"no answer in {ANSWER_SECONDS:.0f} s") from error
    except sqlite3.Error as error:
        raise Unavailable("blobs", type(error).__name__) from error


@contextlib.asynccontextmanager
async def open_two_sizes(root: Path) -> AsyncIterator[TwoSizeBlobs]:
    """Raises SettingsError when nothing can be kept there."""
    files, path = await open_folder(root), root / FILE
    try:
        await asyncio.to_thread(_create, path)
    except (OSError, sqlite3.Error) as error:
        raise SettingsError(f"HANDOFF_DATA: {path} cannot be used: {error}.") from error
    writer = SqliteThread("blobs-writer", lambda: _connect(path), transactions=True)
    reader = SqliteThread("blobs-reader", lambda: _connect(path), transactions=False)
    for thread in (writer, reader):
        thread.start()
    try:
        yield TwoSizeBlobs(files, writer, reader)
    finally:
        for thread in (writer, reader):
            await asyncio.to_thread(thread.stop)


def _connect(path: Path) -> sqlite3.Connection:
    """What is deleted is overwritten: a person who is forgotten is not left in a free page."""
    db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
        db.execute(f"PRAGMA {pragma}")
    return db


def _create(path: Path) -> None:
    """For this user's eyes only, as the files beside it are; its log takes over its rights."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    with contextlib.closing(_connect(path)) as db:
        db.execute(SCHEMA)
