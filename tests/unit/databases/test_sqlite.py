"""The threads that own SQLite connections."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from libs.databases import sqlite
from libs.databases.sqlite import open_sqlite_file
from libs.errors import Unavailable

TABLE = "CREATE TABLE IF NOT EXISTS rows (n)"


async def test_what_nobody_waits_for_any_more_is_not_done_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ARM that its mailer gave up would land late, and its mail go out a quarter of an hour
    later, marked as a possible copy of one that never left.
    """
    held, done = threading.Event(), []
    async with open_sqlite_file("test", tmp_path / "file", TABLE) as (_, thread):
        try:
            first = asyncio.create_task(thread.run(lambda _: held.wait(10)))
            await asyncio.sleep(0)
            with monkeypatch.context() as quick:
                quick.setattr(sqlite, "ANSWER_SECONDS", 0.02)
                with pytest.raises(Unavailable, match="no answer"):
                    await thread.run(lambda _: done.append("given up"))
            held.set()
            await first
            await thread.run(lambda _: done.append("wanted"))
        finally:
            held.set()

    assert done == ["wanted"]


async def test_a_bug_in_one_work_costs_nobody_else_anything(tmp_path: Path) -> None:
    held = threading.Event()

    async with open_sqlite_file("test", tmp_path / "file", TABLE) as (writer, reader):
        first = asyncio.create_task(writer.run(lambda _: held.wait(10)))
        await asyncio.sleep(0.02)
        works = [
            writer.run(lambda db: db.execute("INSERT INTO rows VALUES (1)")),
            writer.run(lambda db: db.execute("INSERT INTO rows VALUES (?)", (2**70,))),
            writer.run(lambda db: db.execute("INSERT INTO rows VALUES (3)")),
        ]
        group = asyncio.gather(*works, return_exceptions=True)
        await asyncio.sleep(0)
        held.set()
        await first
        one, two, three = await group

        assert isinstance(two, OverflowError)
        assert not isinstance(one, BaseException)
        assert not isinstance(three, BaseException)
        rows = await reader.run(lambda db: db.execute("SELECT n FROM rows ORDER BY n").fetchall())
        assert rows == [(1,), (3,)]


async def test_what_sqlite_refuses_is_a_store_that_cannot_serve(tmp_path: Path) -> None:
    async with open_sqlite_file("test", tmp_path / "file", TABLE) as (writer, _):
        with pytest.raises(Unavailable, match="no such table"):
            await writer.run(lambda db: db.execute("INSERT INTO nowhere VALUES (1)"))

        await writer.run(lambda db: db.execute("INSERT INTO rows VALUES (1)"))


async def test_a_change_alone_needs_no_transaction_around_it(tmp_path: Path) -> None:
    said: list[str] = []
    async with open_sqlite_file("test", tmp_path / "file", TABLE) as (writer, reader):
        await writer.run(lambda db: db.set_trace_callback(said.append))
        await writer.change("INSERT INTO rows VALUES (1)", ())
        with pytest.raises(Unavailable, match="no such table"):
            await writer.change("INSERT INTO nowhere VALUES (1)", ())
        await writer.change("INSERT INTO rows VALUES (2)", ())

        assert [line for line in said if "INTO" not in line] == ["COMMIT"]  # of who listens
        assert await reader.rows("SELECT n FROM rows") == [(1,), (2,)]


async def test_changes_that_wait_share_one_transaction(tmp_path: Path) -> None:
    held, said = threading.Event(), list[str]()
    async with open_sqlite_file("test", tmp_path / "file", TABLE) as (writer, reader):
        await writer.run(lambda db: db.set_trace_callback(said.append))
        first = asyncio.create_task(writer.run(lambda _: held.wait(10)))
        await asyncio.sleep(0.02)
        changes = [writer.change("INSERT INTO rows VALUES (?)", (n,)) for n in range(3)]
        group = asyncio.gather(*changes)
        await asyncio.sleep(0)
        held.set()
        await first
        await group

        assert said.count("BEGIN IMMEDIATE") == 2
        assert len(await reader.rows("SELECT n FROM rows")) == 3


async def test_belongs_to_this_user_alone(tmp_path: Path) -> None:
    async with open_sqlite_file("test", tmp_path / "file", TABLE) as (writer, _):
        await writer.run(lambda db: db.execute("INSERT INTO rows VALUES (1)"))

        for name in ("file", "file-wal"):
            assert (tmp_path / name).stat().st_mode & 0o077 == 0


async def test_nothing_is_left_of_what_was_deleted(tmp_path: Path) -> None:
    async with open_sqlite_file("test", tmp_path / "file", TABLE) as (writer, _):
        await writer.run(lambda db: db.execute("INSERT INTO rows VALUES ('408-555-0176')"))
        await writer.run(lambda db: db.execute("DELETE FROM rows"))

    assert b"555-0176" not in (tmp_path / "file").read_bytes()


async def test_is_flushed_to_disk_at_every_commit(tmp_path: Path) -> None:
    async with open_sqlite_file("test", tmp_path / "file", TABLE) as threads:
        for thread in threads:
            for pragma, wanted in (("journal_mode", "wal"), ("synchronous", 2)):
                ask = f"PRAGMA {pragma}"
                assert await thread.run(lambda db, ask=ask: db.execute(ask).fetchone()) == (wanted,)


async def test_what_is_written_outlives_another_process_that_looks_in(tmp_path: Path) -> None:
    """Two services of one process, and a command on the side: its end must not end their log."""
    path = tmp_path / "file"
    look = (
        "import contextlib, sqlite3, sys\n"
        "with contextlib.closing(sqlite3.connect(sys.argv[1])) as db:\n"
        "    db.execute('SELECT * FROM rows').fetchall()"
    )
    async with (
        open_sqlite_file("test", path, TABLE) as (writer, _),
        open_sqlite_file("test", path, TABLE),
    ):
        for number in (1, 2):
            await writer.run(lambda db, n=number: db.execute("INSERT INTO rows VALUES (?)", (n,)))
            await asyncio.to_thread(
                subprocess.run, [sys.executable, "-c", look, str(path)], check=True, timeout=60
            )

        with contextlib.closing(sqlite3.connect(path)) as db:
            assert db.execute("SELECT n FROM rows ORDER BY n").fetchall() == [(1,), (2,)]


async def test_a_log_that_somebody_reads_is_not_said_to_be_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.02)
    async with open_sqlite_file("test", tmp_path / "file", TABLE) as (writer, reader):
        await writer.run(lambda db: db.execute("INSERT INTO rows VALUES (1)"))
        await reader.run(lambda db: db.execute("BEGIN"))
        await reader.run(lambda db: db.execute("SELECT n FROM rows").fetchall())
        await writer.run(lambda db: db.execute("DELETE FROM rows"))

        with pytest.raises(Unavailable, match="ask again"):
            sqlite.empty_log(tmp_path / "file")

        await reader.run(lambda db: db.execute("COMMIT"))
        sqlite.empty_log(tmp_path / "file")
        assert log_bytes(tmp_path / "file") == 0


def log_bytes(file: Path) -> int:
    return file.with_name(f"{file.name}-wal").stat().st_size
