"""Lead records in one SQLite file on a local disk: many processes, no server, power-loss safe."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec

from libs.databases.sqlite import SqliteThread, open_sqlite_file
from libs.ledger.record import LeadKey, LeadRecord, Watch

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS leads (
    shop TEXT NOT NULL, thread_id TEXT NOT NULL, version INTEGER NOT NULL, due_at REAL,
    body BLOB NOT NULL, PRIMARY KEY (shop, thread_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS leads_due ON leads (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS watches (
    shop TEXT NOT NULL, visitor TEXT NOT NULL, due_at REAL NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY (shop, visitor)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS watches_due ON watches (due_at);
"""

_encode = msgspec.json.Encoder().encode
_lead = msgspec.json.Decoder(LeadRecord).decode
_watch = msgspec.json.Decoder(Watch).decode


class SqliteLeadRecords:
    """LeadRecords: one thread writes, with one fsync for all writes that wait; one reads."""

    def __init__(self, writer: SqliteThread, reader: SqliteThread) -> None:
        self._writer = writer
        self._reader = reader

    async def read(self, key: LeadKey) -> LeadRecord | None:
        sql = "SELECT body FROM leads WHERE shop = ? AND thread_id = ?"
        rows = await self._reader.rows(sql, (key.shop, key.thread_id))
        return _lead(rows[0][0]) if rows else None

    async def write(self, record: LeadRecord, *, expected_version: int | None) -> bool:
        key = (record.key.shop, record.key.thread_id)
        body = (record.version, record.due_at, _encode(record))
        if expected_version is None:
            sql = "INSERT INTO leads VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
            return await self._writer.change(sql, (*key, *body)) == 1
        sql = (
            "UPDATE leads SET version = ?, due_at = ?, body = ?"
            " WHERE shop = ? AND thread_id = ? AND version = ?"
        )
        return await self._writer.change(sql, (*body, *key, expected_version)) == 1

    async def due(self, now: float, limit: int) -> list[LeadRecord]:
        sql = "SELECT body FROM leads WHERE due_at <= ? ORDER BY due_at LIMIT ?"
        rows = await self._reader.rows(sql, (now, limit))
        return [_lead(row[0]) for row in rows]

    async def put_watch(self, watch: Watch) -> None:
        row = (watch.shop, watch.visitor, watch.due_at, _encode(watch))
        await self._writer.change("INSERT OR REPLACE INTO watches VALUES (?, ?, ?, ?)", row)

    async def due_watches(self, now: float, limit: int) -> list[Watch]:
        sql = "SELECT body FROM watches WHERE due_at <= ? ORDER BY due_at LIMIT ?"
        rows = await self._reader.rows(sql, (now, limit))
        return [_watch(row[0]) for row in rows]

    async def end_watch(self, watch: Watch) -> bool:
        sql = "DELETE FROM watches WHERE shop = ? AND visitor = ? AND due_at = ?"
        return await self._writer.change(sql, (watch.shop, watch.visitor, watch.due_at)) == 1

    async def list_leads(self, shop: str, *, after: str = "", limit: int = 100) -> list[LeadRecord]:
        sql = "SELECT body FROM leads WHERE shop = ? AND thread_id > ? ORDER BY thread_id LIMIT ?"
        rows = await self._reader.rows(sql, (shop, after, limit))
        return [_lead(row[0]) for row in rows]

    async def clock_skew(self) -> float | None:
        return None


@contextlib.asynccontextmanager
async def open_sqlite(path: Path) -> AsyncIterator[SqliteLeadRecords]:
    """Raises SettingsError when the file cannot be kept where `path` says."""
    async with open_sqlite_file("records", path, SCHEMA) as (writer, reader):
        yield SqliteLeadRecords(writer, reader)
