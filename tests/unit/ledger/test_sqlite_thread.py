"""The thread that owns a SQLite connection."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable

import pytest

from libs.ledger.sqlite_thread import SqliteThread


async def test_what_nobody_waits_for_any_more_is_not_done_later() -> None:
    """An ARM that its mailer gave up would land late, and its mail go out a quarter of an hour
    later, marked as a possible copy of one that never left.
    """
    held, done = threading.Event(), []
    thread = SqliteThread("test", lambda: sqlite3.connect(":memory:"), transactions=False)
    thread.start()
    try:
        first = asyncio.create_task(thread.run(lambda _: held.wait(10)))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await thread.run(lambda _: done.append("given up"))
        held.set()
        await first
        await thread.run(lambda _: done.append("wanted"))
    finally:
        held.set()
        await asyncio.to_thread(thread.stop)

    assert done == ["wanted"]


async def test_work_that_fails_by_its_own_fault_fails_alone() -> None:
    held = threading.Event()
    thread = SqliteThread("test", _kept, transactions=True)
    thread.start()
    try:
        first = asyncio.create_task(thread.run(lambda _: held.wait(10)))
        await asyncio.sleep(0)
        words = ["before", "\ud800", "after"]  # the middle one cannot be written as UTF-8
        group = asyncio.gather(*(thread.run(_keep(word)) for word in words), return_exceptions=True)
        await asyncio.sleep(0)
        held.set()
        answers = [type(answer) for answer in await group]
        await first
        rows = await thread.run(lambda db: db.execute("SELECT word FROM kept").fetchall())
    finally:
        held.set()
        await asyncio.to_thread(thread.stop)

    assert answers == [int, UnicodeEncodeError, int]
    assert rows == [("first",), ("before",), ("first",), ("after",)]


async def test_after_any_error_the_next_work_is_done() -> None:
    thread = SqliteThread("test", _kept, transactions=False)
    thread.start()
    try:
        with pytest.raises(OverflowError):
            await thread.run(lambda db: db.execute("SELECT ?", (10**30,)))
        with pytest.raises(sqlite3.OperationalError):
            await thread.run(lambda db: db.execute("SELECT word FROM nowhere"))

        assert await thread.run(lambda db: db.execute("SELECT 1").fetchone()) == (1,)
    finally:
        await asyncio.to_thread(thread.stop)


def _kept() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE kept (word TEXT)")
    return db


def _keep(word: str) -> Callable[[sqlite3.Connection], int]:
    """Two rows or none."""

    def work(db: sqlite3.Connection) -> int:
        db.execute("INSERT INTO kept VALUES ('first')")
        return db.execute("INSERT INTO kept VALUES (?)", (word,)).rowcount

    return work
