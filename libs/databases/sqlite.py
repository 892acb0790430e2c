"""SQLite as every store of one machine uses it: threads that own a connection, commits on disk.

No flush ever stops the event loop, and all writes that wait share one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from libs.errors import SettingsError, Unavailable

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

GROUP_MOST: Final = 256
"""Works that share one transaction: a group commit stays well under 50 ms."""
ANSWER_SECONDS: Final = 10.0
"""A disk that takes longer is not there."""
BUSY_SECONDS: Final = 5.0
"""How long a write waits for another process's; theirs take milliseconds."""
NETWORK_DISKS: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "ceph"})
"""Their locks and mmap do not hold what WAL needs."""


class _Job:
    """A piece of work, who waits for it, and what came of it."""

    __slots__ = ("error", "future", "one_statement", "result", "work")

    def __init__(
        self, work: Work[Any], future: asyncio.Future[Any], *, one_statement: bool
    ) -> None:
        self.work = work
        self.future = future
        self.one_statement = one_statement
        self.result: Any = None
        self.error: Exception | None = None

    @property
    def given_up(self) -> bool:
        """Nobody waits any more. An ARM that lands after that is a mail that never leaves."""
        return self.future.done()

    def settle(self) -> None:
        if self.given_up:
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class SqliteThread:
    """Runs works in order. With `transactions`, all that wait run in one: either every one of a
    group is on disk when its caller hears of it, or all of them fail. So a work may run twice, the
    first time rolled back.
    """

    def __init__(self, part: str, db: sqlite3.Connection, *, transactions: bool) -> None:
        self._part = part
        self._db = db
        self._transactions = transactions
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=part, daemon=True)
        self._thread.start()

    async def run(self, work: Work[T], *, one_statement: bool = False) -> T:
        """The one table of SQLite's errors: whatever it says, the store cannot serve us now."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(work, future, one_statement=one_statement))
        too_late = loop.call_later(ANSWER_SECONDS, self._give_up, future)
        try:
            return await future
        except sqlite3.Error as error:
            raise Unavailable(self._part, str(error)) from error
        finally:
            too_late.cancel()

    def _give_up(self, future: asyncio.Future[Any]) -> None:
        """Not by `asyncio.timeout`, which takes a fifth of a visit."""
        if not future.done():
            problem = f"no answer in {ANSWER_SECONDS:.0f} s"
            future.set_exception(Unavailable(self._part, problem))

    async def rows(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        return await self.run(lambda db: db.execute(sql, values).fetchall())

    async def change(self, sql: str, values: Sequence[object]) -> int:
        """How many rows."""
        return await self.run(lambda db: db.execute(sql, values).rowcount, one_statement=True)

    def stop(self) -> None:
        """Finishes what was asked before."""
        self._jobs.put(None)
        self._thread.join()
        self._db.close()

    def _serve(self) -> None:
        while group := self._next_group():
            self._perform(group)
            loop = group[0].future.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, group)

    def _next_group(self) -> list[_Job]:
        """Everything that waits, at least one; empty when it is time to stop."""
        job = self._jobs.get()
        group: list[_Job] = []
        while job is not None:
            group.append(job)
            if len(group) == GROUP_MOST or self._jobs.empty():
                return group
            job = self._jobs.get()
        if group:
            self._jobs.put(None)  # these first, then stop
        return group

    def _perform(self, group: list[_Job]) -> None:
        """Work that fails by its own fault, and not the disk's, takes nobody with it."""
        while group and (faulty := self._together(group)):
            group = [job for job in group if job is not faulty]

    def _together(self, group: list[_Job]) -> _Job | None:
        """All or none; returns the work whose own fault it is that nothing was done."""
        job = group[0]
        try:
            with _transaction(self._db) if self._needs_one(group) else contextlib.nullcontext():
                for job in group:
                    if not job.given_up:
                        job.result = job.work(self._db)
        except sqlite3.Error as error:
            for each in group:
                each.error = error
        except Exception as error:  # noqa: BLE001 - whoever asked gets it; this thread goes on
            job.error = error
            return job
        return None

    def _needs_one(self, group: list[_Job]) -> bool:
        """A statement alone is a transaction: three of them each give up the interpreter, and wait
        up to half a millisecond to get it back from a busy event loop.
        """
        return self._transactions and not (len(group) == 1 and group[0].one_statement)


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            with contextlib.suppress(sqlite3.Error):  # it says no more than what went before
                db.execute("ROLLBACK")


def _settle(group: list[_Job]) -> None:
    for job in group:
        job.settle()


@contextlib.asynccontextmanager
async def open_sqlite_file(
    part: str, path: Path, schema: str
) -> AsyncIterator[tuple[SqliteThread, SqliteThread]]:
    """Who writes and who reads. Raises SettingsError when the file cannot be kept there."""
    try:
        first, second = await asyncio.to_thread(_connections, path, schema)
    except (OSError, sqlite3.Error) as error:
        raise SettingsError(
            f"The {part} cannot be kept in {path}: {error}. Set HANDOFF_DATA to a folder on a local"
            " disk that this user may write to."
        ) from error
    threads = (
        SqliteThread(part, first, transactions=True),
        SqliteThread(part, second, transactions=False),
    )
    try:
        yield threads
    finally:
        for thread in threads:
            await asyncio.to_thread(thread.stop)


def _connections(path: Path, schema: str) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    path.parent.mkdir(parents=True, exist_ok=True)
    if (kind := _disk_kind(path.parent.resolve())) in NETWORK_DISKS:
        raise OSError(f"{kind} is a network file system")
    # For this user's eyes only: it holds customers. Its log takes over its rights. A file that is
    # there is never opened here: to close it would take away this process's locks on it (POSIX),
    # and the next process to leave would delete the log under those who still write.
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    db = _connect(path)
    db.execute("BEGIN IMMEDIATE")
    for statement in filter(str.strip, schema.split(";")):
        db.execute(statement)
    db.execute("COMMIT")
    return db, _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    """What is deleted is overwritten: whoever is forgotten is not left in a free page."""
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
        db.execute(f"PRAGMA {pragma}")
    return db


def empty_log(path: Path) -> None:
    """What was deleted stands in the log as it was until that is moved into the file and cut.

    Raises Unavailable.
    """
    try:
        with contextlib.closing(_connect(path)) as db:
            busy, *_ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        raise Unavailable(path.name, str(error)) from error
    if busy:
        raise Unavailable(path.name, "its log was being read and could not be emptied; ask again")


def _disk_kind(folder: Path) -> str:
    """The type of the file system below `folder`; empty where the system does not tell."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return ""
    found = [line.split()[1:3] for line in mounts.read_text().splitlines()]
    below = [(point, kind) for point, kind in found if folder.is_relative_to(point)]
    return max(below, key=lambda mount: len(mount[0]), default=("", ""))[1]
