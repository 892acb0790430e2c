"""The chat store of one machine: a SQLite file that many processes share."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from libs.conversations.store import (
    AttachmentRow,
    ItemRow,
    Owner,
    Page,
    ThreadMissingError,
    ThreadRow,
    TurnRow,
)
from libs.errors import Unavailable

T = TypeVar("T")

ANSWER_SECONDS: Final = 10.0
BUSY_SECONDS: Final = 5.0
READERS: Final = 2

_SCHEMA = """
CREATE TABLE IF NOT EXISTS threads (
    shop TEXT, visitor TEXT, id TEXT, created_at REAL, touched_at REAL, title TEXT, body TEXT,
    hidden INTEGER, PRIMARY KEY (shop, visitor, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS threads_by_id ON threads (shop, id);
CREATE INDEX IF NOT EXISTS threads_by_age ON threads (touched_at);
CREATE TABLE IF NOT EXISTS items (
    shop TEXT, visitor TEXT, thread TEXT, id TEXT, kind TEXT, at REAL, changed_at REAL, body TEXT,
    feedback TEXT, PRIMARY KEY (shop, visitor, thread, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS attachments (
    shop TEXT, visitor TEXT, id TEXT, at REAL, body TEXT, thread TEXT,
    PRIMARY KEY (shop, visitor, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS attachments_by_age ON attachments (at);
CREATE TABLE IF NOT EXISTS turns (
    shop TEXT, visitor TEXT, key TEXT, thread TEXT, message TEXT, at REAL, state TEXT,
    PRIMARY KEY (shop, visitor, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS turns_by_age ON turns (at);
"""

_MINE = "shop = ? AND visitor = ?"
_THREAD = "id, created_at, title, body, hidden"
_ITEM = "id, kind, at, changed_at, body, feedback"
_TURN = "key, thread, message, at, state"


class SqliteChatStore:
    """ChatStore: one thread of its own writes, two read, so that nothing blocks the loop.

    `synchronous=FULL`: a customer's message is on the disk before its answer begins, because it
    may be the one that holds the phone number.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = ThreadPoolExecutor(1, "chat-write")
        self._readers = ThreadPoolExecutor(READERS, "chat-read")
        self._local = _Connections(path)

    async def open(self, stack: AsyncExitStack) -> SqliteChatStore:
        stack.push_async_callback(self._close)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        await self._write(_migrate)
        return self

    async def _close(self) -> None:
        self._readers.shutdown()
        self._writer.shutdown()
        self._local.close()

    async def put_thread(self, owner: Owner, thread: ThreadRow) -> None:
        row = (thread.created_at, thread.created_at, thread.title, thread.body, thread.hidden)
        await self._write(
            _run(
                "INSERT INTO threads (shop, visitor, id, created_at, touched_at, title, body,"
                " hidden) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " title = excluded.title, body = excluded.body, hidden = excluded.hidden",
                (*_key(owner), thread.id, *row),
            )
        )

    async def thread(self, owner: Owner, thread_id: str) -> ThreadRow | None:
        sql = f"SELECT {_THREAD} FROM threads WHERE {_MINE} AND id = ?"  # noqa: S608 - constants
        rows = await self._read(sql, (*_key(owner), thread_id))
        return _thread(rows[0]) if rows else None

    async def threads(
        self, owner: Owner, *, after: str = "", limit: int = 20, newest_first: bool = True
    ) -> Page[ThreadRow]:
        sign, order = ("<", "DESC") if newest_first else (">", "ASC")
        behind = (
            f" AND (created_at, id) {sign} (SELECT created_at, id FROM threads WHERE {_MINE}"  # noqa: S608 - constants
            " AND id = ?)"
        )
        rows = await self._read(
            f"SELECT {_THREAD} FROM threads WHERE {_MINE} AND NOT hidden{behind if after else ''}"  # noqa: S608 - constants
            f" ORDER BY created_at {order}, id {order} LIMIT ?",
            (*_key(owner), *((*_key(owner), after) if after else ()), limit + 1),
        )
        return _page([_thread(row) for row in rows], limit)

    async def put_item(self, owner: Owner, thread_id: str, item: ItemRow) -> None:
        def put(db: sqlite3.Connection) -> bool:
            touched = db.execute(
                f"UPDATE threads SET touched_at = max(touched_at, ?) WHERE {_MINE} AND id = ?",  # noqa: S608 - constants
                (item.changed_at, *_key(owner), thread_id),
            )
            if touched.rowcount:
                row = (item.kind, item.at, item.changed_at, item.body, item.feedback)
                db.execute(
                    "INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*_key(owner), thread_id, item.id, *row),
                )
            return bool(touched.rowcount)

        if not await self._write(put):
            raise ThreadMissingError(thread_id)

    async def item(self, owner: Owner, thread_id: str, item_id: str) -> ItemRow | None:
        sql = f"SELECT {_ITEM} FROM items WHERE {_MINE} AND thread = ? AND id = ?"  # noqa: S608 - constants
        rows = await self._read(sql, (*_key(owner), thread_id, item_id))
        return _item(rows[0]) if rows else None

    async def items(
        self,
        owner: Owner,
        thread_id: str,
        *,
        after: str = "",
        limit: int = 20,
        newest_first: bool = False,
    ) -> Page[ItemRow]:
        sign, order = ("<", "DESC") if newest_first else (">", "ASC")
        rows = await self._read(
            f"SELECT {_ITEM} FROM items WHERE {_MINE} AND thread = ?"  # noqa: S608 - constants
            f"{f' AND id {sign} ?' if after else ''} ORDER BY id {order} LIMIT ?",
            (*_key(owner), thread_id, *((after,) if after else ()), limit + 1),
        )
        return _page([_item(row) for row in rows], limit)

    async def delete_item(self, owner: Owner, thread_id: str, item_id: str) -> None:
        sql = f"DELETE FROM items WHERE {_MINE} AND thread = ? AND id = ?"  # noqa: S608 - constants
        await self._write(_run(sql, (*_key(owner), thread_id, item_id)))

    async def put_attachment(self, owner: Owner, attachment: AttachmentRow) -> None:
        row = (attachment.id, attachment.at, attachment.body, attachment.thread_id)
        await self._write(
            _run(
                "INSERT OR REPLACE INTO attachments VALUES (?, ?, ?, ?, ?, ?)",
                (*_key(owner), *row),
            )
        )

    async def attachment(self, owner: Owner, attachment_id: str) -> AttachmentRow | None:
        sql = f"SELECT id, at, body, thread FROM attachments WHERE {_MINE} AND id = ?"  # noqa: S608 - constants
        for name, at, body, thread in await self._read(sql, (*_key(owner), attachment_id)):
            return AttachmentRow(id=name, at=at, body=body, thread_id=thread)
        return None

    async def delete_attachment(self, owner: Owner, attachment_id: str) -> None:
        sql = f"DELETE FROM attachments WHERE {_MINE} AND id = ?"  # noqa: S608 - constants
        await self._write(_run(sql, (*_key(owner), attachment_id)))

    async def open_turn(self, owner: Owner, turn: TurnRow) -> TurnRow | None:
        row = (turn.key, turn.thread_id, turn.message_id, turn.at, turn.state)

        def insert(db: sqlite3.Connection) -> TurnRow | None:
            done = db.execute(
                "INSERT OR IGNORE INTO turns VALUES (?, ?, ?, ?, ?, ?, ?)", (*_key(owner), *row)
            )
            return (
                None if done.rowcount else _turn(db.execute(_FIND_TURN, (*_key(owner), turn.key)))
            )

        return await self._write(insert)

    async def turn(self, owner: Owner, key: str) -> TurnRow | None:
        return _turn(await self._read(_FIND_TURN, (*_key(owner), key)))

    async def put_turn(self, owner: Owner, turn: TurnRow) -> None:
        row = (turn.key, turn.thread_id, turn.message_id, turn.at, turn.state)
        sql = "INSERT OR REPLACE INTO turns VALUES (?, ?, ?, ?, ?, ?, ?)"
        await self._write(_run(sql, (*_key(owner), *row)))

    async def owner_of(self, shop: str, thread_id: str) -> Owner | None:
        sql = "SELECT visitor FROM threads WHERE shop = ? AND id = ?"
        rows = await self._read(sql, (shop, thread_id))
        return Owner(shop, rows[0][0]) if rows else None

    async def forget(self, owner: Owner, thread_id: str) -> bool:
        def delete(db: sqlite3.Connection) -> bool:
            for table in ("items", "attachments", "turns"):
                sql = f"DELETE FROM {table} WHERE {_MINE} AND thread = ?"  # noqa: S608 - constants
                db.execute(sql, (*_key(owner), thread_id))
            sql = f"DELETE FROM threads WHERE {_MINE} AND id = ?"  # noqa: S608 - constants
            return bool(db.execute(sql, (*_key(owner), thread_id)).rowcount)

        return await self._write(delete)

    async def expire(self, before: float) -> int:
        sql = "SELECT shop, visitor, id FROM threads WHERE touched_at < ?"
        stale = await self._read(sql, (before,))
        for shop, visitor, thread_id in stale:
            await self.forget(Owner(shop, visitor), thread_id)
        for table in ("attachments", "turns"):
            await self._write(_run(f"DELETE FROM {table} WHERE at < ?", (before,)))  # noqa: S608 - constants
        return len(stale)

    async def _read(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        def fetch() -> list[tuple[Any, ...]]:
            return self._local.mine().execute(sql, values).fetchall()

        return await self._in(self._readers, fetch)

    async def _write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        def commit() -> T:
            db = self._local.mine()
            db.execute("BEGIN IMMEDIATE")
            try:
                done = change(db)
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                raise
            return done

        return await self._in(self._writer, commit)

    async def _in(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await loop.run_in_executor(threads, work)
        except (sqlite3.Error, TimeoutError) as error:
            raise Unavailable("conversations", type(error).__name__) from error


class _Connections:
    """One connection per worker thread; all closed together."""

    def __init__(self, path: Path) -> None:
        import threading

        self._path = path
        self._own = threading.local()
        self._all: list[sqlite3.Connection] = []

    def mine(self) -> sqlite3.Connection:
        db = getattr(self._own, "db", None)
        if db is None:
            db = sqlite3.connect(
                self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            self._own.db = db
            self._all.append(db)
        return cast("sqlite3.Connection", db)

    def close(self) -> None:
        for db in self._all:
            db.close()


_FIND_TURN = f"SELECT {_TURN} FROM turns WHERE {_MINE} AND key = ?"  # noqa: S608 - constants


def _migrate(db: sqlite3.Connection) -> None:
    for statement in filter(str.strip, _SCHEMA.split(";")):
        db.execute(statement)


def _run(sql: str, values: Sequence[object]) -> Callable[[sqlite3.Connection], object]:
    return lambda db: db.execute(sql, values)


def _key(owner: Owner) -> tuple[str, str]:
    return owner.shop, owner.visitor


def _thread(row: Sequence[Any]) -> ThreadRow:
    return ThreadRow(id=row[0], created_at=row[1], title=row[2], body=row[3], hidden=bool(row[4]))


def _item(row: Sequence[Any]) -> ItemRow:
    return ItemRow(
        id=row[0], kind=row[1], at=row[2], changed_at=row[3], body=row[4], feedback=row[5]
    )


def _turn(rows: Any) -> TurnRow | None:
    for key, thread_id, message_id, at, state in rows:
        return TurnRow(key=key, thread_id=thread_id, message_id=message_id, at=at, state=state)
    return None


def _page(rows: list[T], limit: int) -> Page[T]:
    return Page(tuple(rows[:limit]), len(rows) > limit)
