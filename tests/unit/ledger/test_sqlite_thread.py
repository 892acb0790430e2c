"""The thread that owns a SQLite connection."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

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
