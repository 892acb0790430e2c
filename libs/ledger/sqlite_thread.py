"""A thread that owns one SQLite connection, so that no fsync ever stops the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

GROUP_MOST: Final = 256
"""Works that share one transaction: a group commit stays well under 50 ms."""


class _Job:
    """A piece of work, who waits for it, and what came of it."""

    __slots__ = ("error", "future", "result", "work")

    def __init__(self, work: Work[Any], future: asyncio.Future[Any]) -> None:
        self.work = work
        self.future = future
        self.result: Any = None
        self.error: BaseException | None = None

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

    def __init__(
        self, name: str, connect: Callable[[], sqlite3.Connection], *, transactions: bool
    ) -> None:
        self._connect = connect
        self._transactions = transactions
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finishes what was asked before."""
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join()

    async def run(self, work: Work[T]) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(work, future))
        return await future

    def _serve(self) -> None:
        db = self._connect()
        try:
            while group := self._next_group():
                self._perform(db, group)
                loop = group[0].future.get_loop()
                if not loop.is_closed():
                    loop.call_soon_threadsafe(_settle, group)
        finally:
            db.close()

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

    def _perform(self, db: sqlite3.Connection, group: list[_Job]) -> None:
        """Work that fails by its own fault, and not the disk's, takes nobody with it."""
        while group and (faulty := self._together(db, group)):
            group = [job for job in group if job is not faulty]

    def _together(self, db: sqlite3.Connection, group: list[_Job]) -> _Job | None:
        """All or none; returns the work whose own fault it is that nothing was done."""
        job = group[0]
        try:
            with _transaction(db) if self._transactions else contextlib.nullcontext():
                for job in group:
                    if not job.given_up:
                        job.result = job.work(db)
        except sqlite3.Error as error:
            for each in group:
                each.error = error
        except Exception as error:  # noqa: BLE001 - whoever asked gets it; this thread goes on
            job.error = error
            return job
        return None


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
