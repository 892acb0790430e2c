"""Services are killed, or frozen and woken, while people chat."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from libs.ledger.open import SQLITE_FILE
from libs.ledger.sqlite import open_sqlite
from tests.faults.deployment import TIMES, deployment
from tests.faults.mailbox import mailbox
from tests.faults.verdict import verdict
from tests.faults.visitors import visitors
from tests.servers import redis_server

pytestmark = [pytest.mark.slow, pytest.mark.prove, pytest.mark.timeout(900)]

Record = Callable[[str, object], None]

FROZEN_SECONDS = 35.0
"""Longer than the lease, than the 20 s after which others take a reader's entries over, and than
the 30 s after which a prepared mail must not leave any more."""
assert float(TIMES["LEASE_SECONDS"]) < FROZEN_SECONDS


async def test_killed(kills: int, tmp_path: Path, record_property: Record) -> None:
    rng = random.Random(20261120)
    with redis_server("--appendonly", "yes") as redis, mailbox() as box:
        async with (
            deployment(tmp_path, redis_url=redis.url, smtp_port=box.port) as handoff,
            open_sqlite(tmp_path / "data" / SQLITE_FILE) as records,
        ):
            async with visitors(handoff.url) as street:
                for _ in range(kills):
                    await asyncio.sleep(rng.uniform(0.6, 1.4))
                    handoff.kill_one(rng)
            tally = await verdict(records, box, street.threads)
    record_property("row", tally.row("kill -9 of any service", kills))
    assert tally.kept(copies_at_most=kills), tally
    assert handoff.restarts >= kills
    assert handoff.unasked == []


async def test_frozen(tmp_path: Path, record_property: Record) -> None:
    """A lead and a mailer stop in mid-work; the others take over, then both wake."""
    with redis_server("--appendonly", "yes") as redis, mailbox() as box:
        async with (
            deployment(tmp_path, redis_url=redis.url, smtp_port=box.port) as handoff,
            open_sqlite(tmp_path / "data" / SQLITE_FILE) as records,
        ):
            sleepers = [handoff.named(name)[0] for name in ("lead", "mailer")]
            async with visitors(handoff.url, per_second=4) as street:
                await asyncio.sleep(12)
                for worker in sleepers:
                    worker.signal(signal.SIGSTOP)
                await asyncio.sleep(FROZEN_SECONDS)
                for worker in sleepers:
                    worker.signal(signal.SIGCONT)
                await asyncio.sleep(3)
            tally = await verdict(records, box, street.threads)
    row = tally.row(f"lead and mailer frozen for {FROZEN_SECONDS:.0f} s", len(sleepers))
    record_property("row", row)
    assert tally.kept(), tally
    assert handoff.restarts == 0
