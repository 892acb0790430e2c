"""Lead records in one SQLite file on a local disk: many processes, no server, power-loss safe."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from libs.databases.sqlite import SqliteThread, open_sqlite_file
from libs.ledger.port import Held, Overdue, Place
from libs.ledger.record import LeadKey, LeadRecord, Watch
from libs.ledger.stored import decode_lead, decode_watch, encode, held, overdue

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS leads (
    shop TEXT NOT NULL, thread_id TEXT NOT NULL, version INTEGER NOT NULL, due_at REAL,
    body BLOB NOT NULL, PRIMARY KEY (shop, thread_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS leads_due ON leads (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS leads_held ON leads (shop, thread_id)
    WHERE instr(body, '"state":"held"');
CREATE TABLE IF NOT EXISTS watches (
    shop TEXT NOT NULL, visitor TEXT NOT NULL, due_at REAL NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY (shop, visitor)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS watches_due ON watches (due_at);
"""

_FIRST: Final = Place(float("-inf"), LeadKey("", ""))
"""Before all others."""

HELD: Final = (
    "SELECT shop, thread_id, body FROM leads"
    """ WHERE instr(body, '"state":"held"') ORDER BY shop, thread_id LIMIT ?"""
)
"""By text, and not as JSON: an index may not fail over a body that is spoiled."""


class SqliteLeadRecords:
    """LeadRecords: one thread writes, with one fsync for all writes that wait; one reads."""

    def __init__(self, writer: SqliteThread, reader: SqliteThread) -> None:
        self._writer = writer
        self._reader = reader

    async def read(self, key: LeadKey) -> LeadRecord | None:
        sql = "SELECT body FROM leads WHERE shop = ? AND thread_id = ?"
        rows = await self._reader.rows(sql, (key.shop, key.thread_id))
        return decode_lead(key, rows[0][0]) if rows else None

    async def write(self, record: LeadRecord, *, expected_version: int | None) -> bool:
        key = (record.key.shop, record.key.thread_id)
        body = (record.version, record.due_at, encode(record))
        if expected_version is None:
            sql = "INSERT INTO leads VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
            return await self._writer.change(sql, (*key, *body)) == 1
        sql = (
            "UPDATE leads SET version = ?, due_at = ?, body = ?"
            " WHERE shop = ? AND thread_id = ? AND version = ?"
        )
        return await self._writer.change(sql, (*body, *key, expected_version)) == 1

    async def due(self, now: float, limit: int, after: Place | None = None) -> Overdue:
        place = after or _FIRST
        sql = (
            "SELECT due_at, shop, thread_id, body FROM leads"
            " WHERE due_at <= ? AND (due_at, shop, thread_id) > (?, ?, ?)"
            " ORDER BY due_at, shop, thread_id LIMIT ?"
        )
        behind = (place.due_at, place.key.shop, place.key.thread_id)
        rows = await self._reader.rows(sql, (now, *behind, limit))
        found = ((Place(due, LeadKey(shop, thread)), body) for due, shop, thread, body in rows)
        return overdue(found, limit)

    async def put_watch(self, watch: Watch) -> None:
        row = (watch.shop, watch.visitor, watch.due_at, encode(watch))
        await self._writer.change("INSERT OR REPLACE INTO watches VALUES (?, ?, ?, ?)", row)

    async def due_watches(self, now: float, limit: int) -> list[Watch]:
        sql = (
            "SELECT shop, visitor, due_at, body FROM watches"
            " WHERE due_at <= ? ORDER BY due_at LIMIT ?"
        )
        return [decode_watch(*row) for row in await self._reader.rows(sql, (now, limit))]

    async def end_watch(self, watch: Watch) -> bool:
        sql = "DELETE FROM watches WHERE shop = ? AND visitor = ? AND due_at = ?"
        return await self._writer.change(sql, (watch.shop, watch.visitor, watch.due_at)) == 1

    async def held(self, limit: int) -> Held:
        rows = await self._reader.rows(HELD, (limit,))
        return held((LeadKey(shop, thread), body) for shop, thread, body in rows)

    async def list_keys(self, shop: str, *, after: str = "", limit: int = 100) -> list[LeadKey]:
        sql = (
            "SELECT thread_id FROM leads"
            " WHERE shop = ? AND thread_id > ? ORDER BY thread_id LIMIT ?"
        )
        rows = await self._reader.rows(sql, (shop, after, limit))
        return [LeadKey(shop, thread_id) for (thread_id,) in rows]

    async def clock_skew(self) -> float | None:
        return None


@contextlib.asynccontextmanager
async def open_sqlite(path: Path) -> AsyncIterator[SqliteLeadRecords]:
    """Raises SettingsError when the file cannot be kept where `path` says."""
    async with open_sqlite_file("records", path, SCHEMA) as (writer, reader):
        yield SqliteLeadRecords(writer, reader)
