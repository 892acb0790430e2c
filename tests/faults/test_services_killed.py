"""Services are killed, or frozen and woken, while people chat and click."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from libs.ledger.open import SQLITE_FILE
from libs.ledger.sqlite import open_sqlite
from libs.messages.streams import MAIL_SEND
from libs.streams.lanes import lanes_of
from libs.streams.pace import Pace
from libs.streams.redis import stream_key
from libs.streams.scripts import GROUP
from tests.faults.deployment import TIMES, Deployment, Worker, deployment
from tests.faults.errands import errands
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
SILENT_SECONDS = Pace().wait_seconds + 1.0
"""A mailer that lives asks for more before."""
LOOK_SECONDS = 2 * SILENT_SECONDS
"""A read that was waiting when its mailer froze may still be given something, once."""
UNDER_WAY = 3
"""So many mails, at most, die with a mailer on a busy machine, taken and not yet noted."""
TRIES = 5
PATIENCE_SECONDS = 60.0
(MAILS,) = (stream_key(lane) for lane in lanes_of(MAIL_SEND))


async def test_killed(kills: int, tmp_path: Path, record_property: Record) -> None:
    rng = random.Random(20261120)
    with redis_server("--appendonly", "yes") as server, mailbox() as box:
        async with (
            deployment(tmp_path, redis_url=server.url, smtp_port=box.port) as handoff,
            open_sqlite(tmp_path / "data" / SQLITE_FILE) as records,
        ):
            async with visitors(handoff.url) as street, errands(handoff, server.url):
                mailers = 0
                for _ in range(kills):
                    await asyncio.sleep(rng.uniform(0.6, 1.4))
                    mailers += handoff.kill_one(rng).name == "mailer"
            tally = await verdict(records, box, street.threads)
    record_property("row", tally.row("kill -9 of any service", kills))
    assert tally.kept(copies_at_most=UNDER_WAY * mailers), tally
    assert handoff.restarts >= kills


async def test_frozen(tmp_path: Path, record_property: Record) -> None:
    """A lead and a mailer stop in mid-work; the others take over, then both wake."""
    with redis_server("--appendonly", "yes") as server, mailbox() as box:
        async with (
            deployment(tmp_path, redis_url=server.url, smtp_port=box.port) as handoff,
            open_sqlite(tmp_path / "data" / SQLITE_FILE) as records,
            redis.asyncio.Redis.from_url(server.url) as client,
        ):
            async with visitors(handoff.url, per_second=4) as street:
                await asyncio.sleep(12)
                sleepers = await _freeze_with_a_mail(handoff, client)
                await asyncio.sleep(FROZEN_SECONDS - LOOK_SECONDS)
                _signal(sleepers, signal.SIGCONT)
                await asyncio.sleep(3)
            tally = await verdict(records, box, street.threads)
    row = tally.row(f"lead and mailer frozen for {FROZEN_SECONDS:.0f} s", len(sleepers))
    record_property("row", row)
    assert tally.kept(), tally
    assert handoff.restarts == 0


async def _freeze_with_a_mail(handoff: Deployment, client: redis.asyncio.Redis) -> list[Worker]:
    """Redis knows who holds a mail, but not by process: so it is tried until it fits."""
    sleepers = [handoff.named(name)[0] for name in ("lead", "mailer")]
    for _ in range(TRIES):
        await _both_mailers_hold_a_mail(client)
        _signal(sleepers, signal.SIGSTOP)
        since = time.monotonic()
        await asyncio.sleep(LOOK_SECONDS)
        if await _held_in_silence(since, client):
            return sleepers
        _signal(sleepers, signal.SIGCONT)
    raise AssertionError("the mailer never held a mail when it was frozen")


def _signal(workers: list[Worker], which: signal.Signals) -> None:
    for worker in workers:
        worker.signal(which)


async def _both_mailers_hold_a_mail(client: redis.asyncio.Redis) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len((await client.xpending(MAILS, GROUP))["consumers"]) < 2:
            await asyncio.sleep(0.01)


async def _held_in_silence(since: float, client: redis.asyncio.Redis) -> bool:
    """Whether a reader that asks for nothing more was handed an entry before that time."""
    readers: list[Any] = await client.xinfo_consumers(MAILS, GROUP)
    entries: list[Any] = await client.xpending_range(MAILS, GROUP, "-", "+", 1000)
    longer_ms = 1000 * (time.monotonic() - since)
    silent = {one["name"] for one in readers if one["idle"] > 1000 * SILENT_SECONDS}
    return any(
        entry["consumer"] in silent and entry["time_since_delivered"] > longer_ms
        for entry in entries
    )
