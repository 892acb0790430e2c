"""Receipts in a small SQLite file of their own, flushed to disk; any number of processes share it.

It is not the records' file: what keeps those from being written must not keep this from it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from libs.databases.sqlite import SqliteThread, open_sqlite_file
from libs.ledger.record import LeadKey
from services.mailer.ports import Receipt

T = TypeVar("T")

_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS receipts (lead TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID"
)
_decode = msgspec.json.Decoder(Receipt).decode


class SqliteJournal:
    """Journal. What is dropped goes with the next write, in its flush: if a crash keeps it, it is
    settled once more, which changes nothing.
    """

    def __init__(self, thread: SqliteThread) -> None:
        self._thread = thread
        self._dropped: list[tuple[str, bytes]] = []

    async def write(self, receipt: Receipt) -> None:
        row = _row(receipt)
        await self._run(lambda db: db.execute("INSERT OR REPLACE INTO receipts VALUES (?, ?)", row))

    async def find(self, key: LeadKey) -> Receipt | None:
        found = await self._bodies("SELECT body FROM receipts WHERE lead = ?", str(key))
        return _decode(found[0]) if found else None

    async def receipts(self) -> list[Receipt]:
        return [_decode(body) for body in await self._bodies("SELECT body FROM receipts")]

    async def drop(self, receipt: Receipt) -> None:
        self._dropped.append(_row(receipt))

    async def _bodies(self, query: str, *values: str) -> list[bytes]:
        return await self._run(lambda db: [row[0] for row in db.execute(query, values)])

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        dropped, self._dropped = self._dropped, []

        def after_drops(db: sqlite3.Connection) -> T:
            db.executemany("DELETE FROM receipts WHERE lead = ? AND body = ?", dropped)
            return work(db)

        return await self._thread.run(after_drops)


def _row(receipt: Receipt) -> tuple[str, bytes]:
    return str(receipt.key), msgspec.json.encode(receipt)


@contextlib.asynccontextmanager
async def open_journal(path: Path) -> AsyncIterator[SqliteJournal]:
    """Raises SettingsError when the file cannot be used."""
    async with open_sqlite_file("journal", path, _SCHEMA) as (thread, _):
        yield SqliteJournal(thread)
