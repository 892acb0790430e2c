"""Opens the SQLite file of our own chat, and lays out its tables."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from libs.conversations.store_sqlite import SqliteChatStore
from libs.errors import SettingsError
from libs.ledger.sqlite_thread import SqliteThread

BUSY_SECONDS: Final = 5.0

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS threads (
    shop TEXT NOT NULL, visitor TEXT NOT NULL, id TEXT NOT NULL, created_at REAL NOT NULL,
    touched_at REAL NOT NULL, hidden INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (shop, visitor, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS threads_owner ON threads (shop, id);
CREATE INDEX IF NOT EXISTS threads_touched ON threads (touched_at);
CREATE TABLE IF NOT EXISTS items (
    shop TEXT NOT NULL, visitor TEXT NOT NULL, thread TEXT NOT NULL, id TEXT NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY (shop, visitor, thread, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS attachments (
    shop TEXT NOT NULL, visitor TEXT NOT NULL, id TEXT NOT NULL, at REAL NOT NULL,
    thread TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (shop, visitor, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS attachments_at ON attachments (at);
CREATE TABLE IF NOT EXISTS turns (
    shop TEXT NOT NULL, visitor TEXT NOT NULL, id TEXT NOT NULL, at REAL NOT NULL,
    thread TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (shop, visitor, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS turns_at ON turns (at);
"""


@contextlib.asynccontextmanager
async def open_sqlite(path: Path) -> AsyncIterator[SqliteChatStore]:
    """Raises SettingsError when the file cannot be used."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(_create, path)
    except (OSError, sqlite3.Error) as error:
        raise SettingsError(f"HANDOFF_DATA: {path} cannot be used: {error}.") from error
    writer = SqliteThread("chat-write", lambda: _connect(path), transactions=True)
    reader = SqliteThread("chat-read", lambda: _connect(path), transactions=False)
    for thread in (writer, reader):
        thread.start()
    try:
        yield SqliteChatStore(writer, reader)
    finally:
        for thread in (writer, reader):
            await asyncio.to_thread(thread.stop)


def _connect(path: Path) -> sqlite3.Connection:
    """A message is on the disk before its answer begins: it may hold the phone number."""
    db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    return db


def _create(path: Path) -> None:
    with contextlib.closing(_connect(path)) as db:
        db.executescript(SCHEMA)
