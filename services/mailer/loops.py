"""What a mailer does unasked: it looks for what is overdue, and at a start reads its journal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from libs.errors import Unavailable
from libs.ledger.sweep import Sweep
from libs.runtime.log import Log
from services.mailer.alerts import Alerts
from services.mailer.journal import Receipts

TIDY_SECONDS: Final = 3600.0


async def sweeping(sweep: Sweep, alerts: Alerts, log: Log, every_seconds: float) -> None:
    """Whatever is overdue comes back, also when Redis forgot it; runs in every process."""
    while True:
        try:
            if (await sweep.once()).unreadable:
                await alerts.tell("record_unreadable")
        except Unavailable as error:
            log.warning("sweep_failed", part=error.part)
        await asyncio.sleep(every_seconds)


async def tidying(tidy: Callable[[], Awaitable[int]], log: Log) -> None:
    """Not at once: what a crash left in doubt is settled by what lies in the outbox."""
    while True:
        await asyncio.sleep(TIDY_SECONDS)
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
