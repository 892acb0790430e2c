"""What a mailer does unasked: it sees to what is overdue, and at a start reads its journal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from libs.errors import Unavailable
from libs.ledger.port import LeadRecords
from libs.ledger.states import alert_owed
from libs.ledger.sweep import SWEEP_LIMIT, Sweep
from libs.runtime.clock import Clock
from libs.runtime.log import Log
from services.mailer.alerts import Alerts
from services.mailer.journal import Receipts

FIRST_TIDY_SECONDS: Final = 300.0
TIDY_SECONDS: Final = 3600.0
LATE_SECONDS: Final = 3600.0
LOOKS_WITHIN: Final = 6
"""How often within those somebody looks for what is late."""


async def sweeping(sweep: Sweep, alerts: Alerts, log: Log, every_seconds: float) -> None:
    """Whatever is overdue comes back, also when Redis forgot it; runs in every process."""
    while True:
        try:
            if (await sweep.once()).unreadable:
                await alerts.tell("record_unreadable")
        except Unavailable as error:
            log.warning("sweep_failed", part=error.part)
        await asyncio.sleep(every_seconds)


async def noticing(
    records: LeadRecords,
    alerts: Alerts,
    clock: Clock,
    log: Log,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """What a part that refuses for good keeps waiting, a person is told; also of the records.

    Not at once: a start after a night finds everything late, and moves it within minutes.
    """
    in_vain = 0
    while True:
        await sleep(LATE_SECONDS / LOOKS_WITHIN)
        try:
            late, in_vain = await _anything_late(records, clock.now() - LATE_SECONDS), 0
        except Unavailable as error:
            log.warning("sweep_failed", part=error.part)
            in_vain += 1
            late = in_vain >= LOOKS_WITHIN
        if late:
            await alerts.tell("leads_overdue")


async def _anything_late(records: LeadRecords, since: float) -> bool:
    """An alert that is owed waits for its hour. A visitor not yet looked at may have no record."""
    overdue = await records.due(since, SWEEP_LIMIT)
    if any(not alert_owed(record) for record in overdue.records):
        return True
    return bool(await records.due_watches(since, 1))


async def tidying(tidy: Callable[[], Awaitable[int]], log: Log) -> None:
    """Not at once: what a crash left in doubt is settled by what lies in the outbox."""
    pause = FIRST_TIDY_SECONDS
    while True:
        await asyncio.sleep(pause)
        pause = TIDY_SECONDS
        if removed := await tidy():
            log.info("tidied", count=removed)


async def replaying(receipts: Receipts, log: Log, pause_seconds: float) -> None:
    """Once: what an earlier process of this machine knew and could not write."""
    while True:
        try:
            if settled := await receipts.replay():
                log.info("journal_replayed", count=settled)
        except Unavailable as error:
            log.warning("journal_replay_failed", part=error.part)
            await asyncio.sleep(pause_seconds)
        else:
            return
