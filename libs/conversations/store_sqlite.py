"""The chat store of one machine: a SQLite file that many processes share."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from libs.conversations.store import (
    AttachmentRow,
    ItemRow,
    Opened,
    Owner,
    Page,
    ThreadMissingError,
    ThreadRow,
    TurnRow,
    decode_attachment,
    decode_item,
    decode_thread,
    decode_turn,
    encode_row,
)
from libs.databases.sqlite import SqliteThread, open_sqlite_file

T = TypeVar("T")

_SCHEMA: Final = """
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

_THREADS = "SELECT body FROM threads WHERE shop = ? AND visitor = ?"
_ITEMS = "SELECT body FROM items WHERE shop = ? AND visitor = ? AND thread = ?"
_OPENED = "SELECT visitor, body FROM threads WHERE shop = ? AND id = ?"
_TURN = "SELECT body FROM turns WHERE shop = ? AND visitor = ? AND id = ?"
_CREATED = "SELECT created_at, id FROM threads WHERE shop = ? AND visitor = ? AND id = ?"


@contextlib.asynccontextmanager
async def open_sqlite(path: Path) -> AsyncIterator[SqliteChatStore]:
    """Raises SettingsError when the file cannot be used."""
    async with open_sqlite_file("conversations", path, _SCHEMA) as (writer, reader):
        yield SqliteChatStore(writer, reader)


class SqliteChatStore:
    """ChatStore: one thread writes, with one fsync for all that wait; one reads."""

    def __init__(self, writer: SqliteThread, reader: SqliteThread) -> None:
        self._writer = writer
        self._reader = reader

    async def put_thread(self, owner: Owner, thread: ThreadRow) -> None:
        def put(db: sqlite3.Connection) -> None:
            found = db.execute(_CREATED, (*_key(owner), thread.id)).fetchone()
            kept = msgspec.structs.replace(thread, created_at=found[0]) if found else thread
            db.execute(
                "INSERT INTO threads VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET hidden = excluded.hidden, body = excluded.body",
                (*_key(owner), kept.id, kept.created_at, kept.created_at, kept.hidden,
                 encode_row(kept)),
            )  # fmt: skip

        await self._writer.run(put)

    async def thread(self, owner: Owner, thread_id: str) -> ThreadRow | None:
        found = await self._bodies(f"{_THREADS} AND id = ?", (*_key(owner), thread_id))
        return decode_thread(found[0]) if found else None

    async def threads(
        self, owner: Owner, *,
        after: str = "", limit: int = 20, newest_first: bool = True, hidden_too: bool = False,
    ) -> Page[ThreadRow]:  # fmt: skip
        shown = "" if hidden_too else " AND NOT hidden"
        order = "DESC" if newest_first else "ASC"
        side = "<" if newest_first else ">"
        behind = f" AND (created_at, id) {side} ({_CREATED})" if after else ""
        found = await self._bodies(
            f"{_THREADS}{shown}{behind} ORDER BY created_at {order}, id {order} LIMIT ?",
            (*_key(owner), *((*_key(owner), after) if after else ()), limit + 1),
        )
        return _page(found, decode_thread, limit)

    async def put_item(self, owner: Owner, thread_id: str, item: ItemRow) -> None:
        def put(db: sqlite3.Connection) -> bool:
            touched = db.execute(
                "UPDATE threads SET touched_at = max(touched_at, ?)"
                " WHERE shop = ? AND visitor = ? AND id = ?",
                (item.changed_at, *_key(owner), thread_id),
            )
            if touched.rowcount:
                row = (*_key(owner), thread_id, item.id, encode_row(item))
                db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?)", row)
            return bool(touched.rowcount)

        if not await self._writer.run(put):
            raise ThreadMissingError(thread_id)

    async def item(self, owner: Owner, thread_id: str, item_id: str) -> ItemRow | None:
        found = await self._bodies(f"{_ITEMS} AND id = ?", (*_key(owner), thread_id, item_id))
        return decode_item(found[0]) if found else None

    async def items(
        self, owner: Owner, thread_id: str, *,
        after: str = "", limit: int = 20, newest_first: bool = False,
    ) -> Page[ItemRow]:  # fmt: skip
        order = "DESC" if newest_first else "ASC"
        behind = f" AND id {'<' if newest_first else '>'} ?" if after else ""
        found = await self._bodies(
            f"{_ITEMS}{behind} ORDER BY id {order} LIMIT ?",
            (*_key(owner), thread_id, *((after,) if after else ()), limit + 1),
        )
        return _page(found, decode_item, limit)

    async def delete_item(self, owner: Owner, thread_id: str, item_id: str) -> None:
        await self._writer.change(
            "DELETE FROM items WHERE shop = ? AND visitor = ? AND thread = ? AND id = ?",
            (*_key(owner), thread_id, item_id),
        )

    async def put_attachment(self, owner: Owner, attachment: AttachmentRow) -> None:
        row = (attachment.id, attachment.at, attachment.thread_id, encode_row(attachment))
        await self._writer.change(
            "INSERT OR REPLACE INTO attachments VALUES (?, ?, ?, ?, ?, ?)", (*_key(owner), *row)
        )

    async def attachment(self, owner: Owner, attachment_id: str) -> AttachmentRow | None:
        found = await self._bodies(
            "SELECT body FROM attachments WHERE shop = ? AND visitor = ? AND id = ?",
            (*_key(owner), attachment_id),
        )
        return decode_attachment(found[0]) if found else None

    async def delete_attachment(self, owner: Owner, attachment_id: str) -> None:
        await self._writer.change(
            "DELETE FROM attachments WHERE shop = ? AND visitor = ? AND id = ?",
            (*_key(owner), attachment_id),
        )

    async def open_turn(self, owner: Owner, turn: TurnRow) -> TurnRow | None:
        def insert(db: sqlite3.Connection) -> str | None:
            row = (*_key(owner), turn.key, turn.at, turn.thread_id, encode_row(turn))
            if db.execute("INSERT OR IGNORE INTO turns VALUES (?, ?, ?, ?, ?, ?)", row).rowcount:
                return None
            before = db.execute(_TURN, (*_key(owner), turn.key)).fetchone()
            return str(before[0])

        before = await self._writer.run(insert)
        return None if before is None else decode_turn(before)

    async def turn(self, owner: Owner, key: str) -> TurnRow | None:
        found = await self._bodies(_TURN, (*_key(owner), key))
        return decode_turn(found[0]) if found else None

    async def put_turn(self, owner: Owner, turn: TurnRow) -> None:
        await self._writer.change(
            "INSERT OR REPLACE INTO turns VALUES (?, ?, ?, ?, ?, ?)",
            (*_key(owner), turn.key, turn.at, turn.thread_id, encode_row(turn)),
        )

    async def owner_of(self, shop: str, thread_id: str) -> Owner | None:
        sql = "SELECT visitor FROM threads WHERE shop = ? AND id = ?"
        found = await self._bodies(sql, (shop, thread_id))
        return Owner(shop, found[0]) if found else None

    async def opened(
        self, shop: str, thread_id: str, *, limit: int, newest_first: bool = False
    ) -> Opened | None:
        def look(db: sqlite3.Connection) -> Opened | None:
            thread = db.execute(_OPENED, (shop, thread_id)).fetchone()
            if thread is None:
                return None
            visitor, body = thread
            items = f"{_ITEMS} ORDER BY id {'DESC' if newest_first else 'ASC'} LIMIT ?"
            found = db.execute(items, (shop, visitor, thread_id, limit + 1)).fetchall()
            page = _page([row[0] for row in found], decode_item, limit)
            return Opened(owner=Owner(shop, visitor), thread=decode_thread(body), page=page)

        return await self._reader.run(look)

    async def forget(self, owner: Owner, thread_id: str) -> bool:
        def delete(db: sqlite3.Connection) -> bool:
            unsent = "DELETE FROM attachments WHERE shop = ? AND visitor = ? AND thread = ''"
            db.execute(unsent, _key(owner))
            return _forget(db, (*_key(owner), thread_id))

        return await self._writer.run(delete)

    async def expire(self, before: float) -> int:
        def delete(db: sqlite3.Connection) -> int:
            sql = "SELECT shop, visitor, id FROM threads WHERE touched_at < ? LIMIT 1000"
            stale = db.execute(sql, (before,)).fetchall()
            for key in stale:
                _forget(db, key)
            db.execute("DELETE FROM attachments WHERE at < ?", (before,))
            db.execute("DELETE FROM turns WHERE at < ?", (before,))
            return len(stale)

        return await self._writer.run(delete)

    async def _bodies(self, sql: str, values: Sequence[object]) -> list[str]:
        return [row[0] for row in await self._reader.rows(sql, values)]


def _forget(db: sqlite3.Connection, key: tuple[Any, ...]) -> bool:
    for table in ("items", "attachments", "turns"):
        db.execute(
            f"DELETE FROM {table} WHERE shop = ? AND visitor = ? AND thread = ?",  # noqa: S608 - our own names
            key,
        )
    gone = db.execute("DELETE FROM threads WHERE shop = ? AND visitor = ? AND id = ?", key)
    return bool(gone.rowcount)


def _key(owner: Owner) -> tuple[str, str]:
    return owner.shop, owner.visitor


def _page(found: list[str], decode: Callable[[str], T], limit: int) -> Page[T]:
    return Page(tuple(decode(body) for body in found[:limit]), len(found) > limit)
