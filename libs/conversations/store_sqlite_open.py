"""Opens the SQLite file of our own chat, and lays out its tables."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from libs.conversations.store_sqlite import SqliteChatStore
from libs.databases.sqlite import open_sqlite_file

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
    async with open_sqlite_file("conversations", path, SCHEMA) as (writer, reader):
        yield SqliteChatStore(writer, reader)
