"""Lead records in one SQLite file on a local disk: many processes, no server, power-loss safe."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from libs.errors import SettingsError, Unavailable
from libs.ledger.record import LeadKey, LeadRecord, Watch
from libs.ledger.sqlite_thread import SqliteThread

T = TypeVar("T")

BUSY_SECONDS: Final = 5.0
"""How long a write waits for another process's; theirs take milliseconds."""
ANSWER_SECONDS: Final = 10.0
"""A disk that takes longer is not there."""
NETWORK_DISKS: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "ceph"})
"""Their locks and mmap do not hold what WAL needs."""

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
        row = await _answer(
            self._reader,
            lambda db: db.execute(
                "SELECT body FROM leads WHERE shop = ? AND thread_id = ?", (key.shop, key.thread_id)
            ).fetchone(),
        )
        return None if row is None else _lead(row[0])

    async def write(self, record: LeadRecord, *, expected_version: int | None) -> bool:
        key, body = record.key, _encode(record)

        def conditional(db: sqlite3.Connection) -> bool:
            if expected_version is None:
                written = db.execute(
                    "INSERT INTO leads VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    (key.shop, key.thread_id, record.version, record.due_at, body),
                )
            else:
                written = db.execute(
                    "UPDATE leads SET version = ?, due_at = ?, body = ?"
                    " WHERE shop = ? AND thread_id = ? AND version = ?",
                    (
                        record.version,
                        record.due_at,
                        body,
                        key.shop,
                        key.thread_id,
                        expected_version,
                    ),
                )
            return written.rowcount == 1

        return await _answer(self._writer, conditional)

    async def due(self, now: float, limit: int) -> list[LeadRecord]:
        rows = await _answer(
            self._reader,
            lambda db: db.execute(
                "SELECT body FROM leads WHERE due_at <= ? ORDER BY due_at LIMIT ?", (now, limit)
            ).fetchall(),
        )
        return [_lead(row[0]) for row in rows]

    async def put_watch(self, watch: Watch) -> None:
        row = (watch.shop, watch.visitor, watch.due_at, _encode(watch))
        await _answer(
            self._writer,
            lambda db: db.execute("INSERT OR REPLACE INTO watches VALUES (?, ?, ?, ?)", row),
        )

    async def due_watches(self, now: float, limit: int) -> list[Watch]:
        rows = await _answer(
            self._reader,
            lambda db: db.execute(
                "SELECT body FROM watches WHERE due_at <= ? ORDER BY due_at LIMIT ?", (now, limit)
            ).fetchall(),
        )
        return [_watch(row[0]) for row in rows]

    async def end_watch(self, watch: Watch) -> bool:
        row = (watch.shop, watch.visitor, _encode(watch))
        ended = await _answer(
            self._writer,
            lambda db: (
                db.execute(
                    "DELETE FROM watches WHERE shop = ? AND visitor = ? AND body = ?", row
                ).rowcount
            ),
        )
        return ended == 1

    async def list_leads(self, shop: str, *, after: str = "", limit: int = 100) -> list[LeadRecord]:
        rows = await _answer(
            self._reader,
            lambda db: db.execute(
                "SELECT body FROM leads WHERE shop = ? AND thread_id > ?"
                " ORDER BY thread_id LIMIT ?",
                (shop, after, limit),
            ).fetchall(),
        )
        return [_lead(row[0]) for row in rows]

    async def clock_skew(self) -> float | None:
        return None


async def _answer(thread: SqliteThread, work: Callable[[sqlite3.Connection], T]) -> T:
    """The one table of SQLite's errors: whatever it says, the store cannot serve us now."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await thread.run(work)
    except TimeoutError as error:
        raise Unavailable("records", f"no answer in {ANSWER_SECONDS:.0f} s") from error
    except sqlite3.Error as error:
        raise Unavailable("records", str(error)) from error


@contextlib.asynccontextmanager
async def open_sqlite(path: Path) -> AsyncIterator[SqliteLeadRecords]:
    """Raises SettingsError when the file cannot be kept where `path` says."""
    writer = SqliteThread("records-writer", lambda: _connect(path), transactions=True)
    reader = SqliteThread("records-reader", lambda: _connect(path), transactions=False)
    try:
        await asyncio.to_thread(_prepare, path)
    except (OSError, sqlite3.Error) as error:
        raise SettingsError(
            f"The lead records cannot be kept in {path}: {error}. Set HANDOFF_DATA to a folder on"
            " a local disk that this user may write to."
        ) from error
    try:
        writer.start()
        reader.start()
        yield SqliteLeadRecords(writer, reader)
    finally:
        await asyncio.to_thread(writer.stop)
        await asyncio.to_thread(reader.stop)


def _prepare(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if (kind := _disk_kind(path.parent.resolve())) in NETWORK_DISKS:
        raise OSError(f"{kind} is a network file system")
    with contextlib.closing(_connect(path)) as db:
        db.execute("BEGIN IMMEDIATE")
        for statement in filter(str.strip, SCHEMA.split(";")):
            db.execute(statement)
        db.execute("COMMIT")


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    return db


def _disk_kind(folder: Path) -> str:
    """The type of the file system below `folder`; empty where the system does not tell."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return ""
    found = [line.split()[1:3] for line in mounts.read_text().splitlines()]
    below = [(point, kind) for point, kind in found if folder.is_relative_to(point)]
    return max(below, key=lambda mount: len(mount[0]), default=("", ""))[1]
