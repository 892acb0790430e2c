"""Redis is wiped or restarted, and the record store is away for a minute, while people chat."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import redis.asyncio

from libs.ledger.open import SQLITE_FILE
from libs.ledger.sqlite import open_sqlite
from tests.faults.deployment import deployment
from tests.faults.mailbox import mailbox
from tests.faults.verdict import verdict
from tests.faults.visitors import Street, visitors
from tests.servers import RedisServer, redis_server

pytestmark = [pytest.mark.slow, pytest.mark.prove, pytest.mark.timeout(900)]

Record = Callable[[str, object], None]
Fault = Callable[[RedisServer], Awaitable[None]]

TIMES = 10
EVERY_SECONDS = 3.0
AWAY_SECONDS = 60.0
UNDER_WAY_SECONDS = 10.0
"""Who had armed is done, also where the machine is busy."""
KEEPING = ("--appendonly", "yes")


async def _flush(server: RedisServer) -> None:
    async with redis.asyncio.Redis.from_url(server.url) as client:
        await client.flushall()


async def _restart(server: RedisServer) -> None:
    """As a machine that dies: with `appendfsync everysec` its last second may be gone."""
    await asyncio.to_thread(server.stop, signal.SIGKILL)
    await asyncio.to_thread(server.start)


@pytest.mark.parametrize(
    ("what", "arguments", "fault"),
    [
        ("FLUSHALL", KEEPING, _flush),
        ("Redis restarted, kept on disk", KEEPING, _restart),
        ("Redis restarted, empty", (), _restart),
    ],
)
async def test_redis_forgets(
    what: str, arguments: tuple[str, ...], fault: Fault, tmp_path: Path,
    record_property: Record,
) -> None:  # fmt: skip
    with redis_server(*arguments) as server, mailbox() as box:
        async with (
            deployment(tmp_path, redis_url=server.url, smtp_port=box.port) as handoff,
            open_sqlite(tmp_path / "data" / SQLITE_FILE) as records,
        ):
            async with visitors(handoff.url) as street:
                for _ in range(TIMES):
                    await asyncio.sleep(EVERY_SECONDS)
                    await fault(server)
            tally = await verdict(records, box, street.threads)
    record_property("row", tally.row(what, TIMES))
    assert tally.kept(), tally


async def test_records_locked_for_a_minute(tmp_path: Path, record_property: Record) -> None:
    """Another connection holds the write lock: nothing can be armed, marked or closed."""
    file = tmp_path / "data" / SQLITE_FILE
    with redis_server(*KEEPING) as server, mailbox() as box:
        async with (
            deployment(tmp_path, redis_url=server.url, smtp_port=box.port) as handoff,
            open_sqlite(file) as records,
        ):
            async with visitors(handoff.url) as street:
                left = await _locked(file, box.leads, street)
            tally = await verdict(records, box, street.threads)
    record_property("row", tally.row("records locked for a minute", 1))
    assert tally.kept(), tally
    assert left == 0


async def _locked(file: Path, accepted: list[tuple[str, bool]], street: Street) -> int:
    """How many mails left while nothing could be armed."""
    await asyncio.sleep(10)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(UNDER_WAY_SECONDS)
        before = len(accepted)
        await asyncio.sleep(AWAY_SECONDS)
        left = len(accepted) - before
        lock.execute("ROLLBACK")
    await asyncio.sleep(5)
    assert street.threads
    return left
