"""The reply of each call of Redis and SMTP is lost in turn, while people chat."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from libs.ledger.open import SQLITE_FILE
from libs.ledger.sqlite import open_sqlite
from tests.faults import call_sites
from tests.faults.deployment import Deployment, deployment
from tests.faults.mailbox import mailbox
from tests.faults.proxy import Proxy, proxy
from tests.faults.verdict import verdict
from tests.faults.visitors import visitors
from tests.servers import redis_server

pytestmark = [pytest.mark.slow, pytest.mark.prove, pytest.mark.timeout(900)]

Record = Callable[[str, object], None]

EACH = 2
HIT_SECONDS = 90.0
LOCKED_SECONDS = 12.0
"""Longer than SQLite's busy timeout and than the streams' renewal."""


async def lost_in_turn(wire: Proxy, sites: Mapping[str, re.Pattern[bytes]]) -> int:
    """Returns how many replies were lost; each site must have been struck."""
    for name, match in sites.items():
        fault = wire.fault(match, "lose_reply", EACH)
        deadline = asyncio.get_running_loop().time() + HIT_SECONDS
        while fault.left:
            assert asyncio.get_running_loop().time() < deadline, f"nobody called {name}"
            await asyncio.sleep(0.02)
    return EACH * len(sites)


async def test_redis(tmp_path: Path, record_property: Record) -> None:
    file = tmp_path / "data" / SQLITE_FILE
    with redis_server("--appendonly", "yes") as redis, mailbox() as box:
        async with (
            proxy("127.0.0.1", redis.port) as wire,
            deployment(
                tmp_path, redis_url=f"redis://127.0.0.1:{wire.port}/0", smtp_port=box.port
            ) as handoff,
            open_sqlite(file) as records,
        ):
            async with visitors(handoff.url) as street:
                lost = await lost_in_turn(wire, call_sites.REDIS)
                lost += await _while_locked(wire, file)
                lost += await _while_replaced(wire, handoff)
            tally = await verdict(records, box, street.threads)
    record_property("row", tally.row("reply of each Redis call lost", lost))
    assert tally.kept(), tally


async def _while_locked(wire: Proxy, records: Path) -> int:
    striking = asyncio.create_task(lost_in_turn(wire, call_sites.REDIS_WHILE_RECORDS_ARE_LOCKED))
    with contextlib.closing(sqlite3.connect(records, isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(LOCKED_SECONDS)
        lock.execute("ROLLBACK")
    return await striking


async def _while_replaced(wire: Proxy, handoff: Deployment) -> int:
    striking = asyncio.create_task(
        lost_in_turn(wire, call_sites.REDIS_WHEN_A_SERVICE_STARTS_OR_STOPS)
    )
    while not striking.done():
        for name in ("lead", "mailer"):
            handoff.replace(handoff.named(name)[0])
            await asyncio.wait([striking], timeout=5)
    return await striking


async def test_smtp(tmp_path: Path, record_property: Record) -> None:
    """Until the dot a lost reply is a definite no; after it the mail is sent again, flagged."""
    with redis_server("--appendonly", "yes") as redis, mailbox() as box:
        async with (
            proxy("127.0.0.1", box.port) as wire,
            deployment(tmp_path, redis_url=redis.url, smtp_port=wire.port) as handoff,
            open_sqlite(tmp_path / "data" / SQLITE_FILE) as records,
        ):
            async with visitors(handoff.url) as street:
                lost = await lost_in_turn(wire, {"DOT": call_sites.SMTP_DOT})
                ambiguous = lost
                lost += await lost_in_turn(wire, call_sites.SMTP)
            tally = await verdict(records, box, street.threads)
    record_property("row", tally.row("reply of each SMTP stage lost", lost))
    assert tally.kept(copies_at_most=ambiguous), tally
