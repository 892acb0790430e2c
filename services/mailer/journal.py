"""Step 9: a receipt goes to journal, Redis and record; any of the three settles a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from libs.errors import Unavailable
from libs.leases.port import SentMark, SentMarks
from libs.ledger.apply import Applied, apply
from libs.ledger.events import DEFAULT_RULES, Accepted, Event, Rules
from libs.ledger.port import LeadRecords
from libs.ledger.record import LeadKey, LeadRecord
from libs.ledger.steps import attempt_of
from libs.runtime.clock import Clock
from libs.runtime.log import Log
from services.mailer.ports import Journal, Receipt

RECORD_SECONDS: Final = 600
"""How long one process keeps trying to write a receipt to the record."""
PAUSES: Final = (0.05, 0.2, 1.0, 2.0, 5.0)
"""Seconds between tries; the last one repeats."""


@dataclass(frozen=True)
class Receipts:
    """`keep` at once, where it is quick; `record` until it is written; `find` after a crash."""

    records: LeadRecords
    marks: SentMarks
    journal: Journal
    clock: Clock
    log: Log
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def keep(self, receipt: Receipt, lid: str) -> None:
        """In the journal and in Redis. Either may be down: the record is still to come."""
        try:
            await self.journal.write(receipt)
        except Unavailable as error:
            self._missed(receipt.key, error)
        try:
            mark = SentMark(visitor=receipt.visitor, sent_at=receipt.at, lid=lid)
            await self.marks.mark(receipt.shop, receipt.thread_id, mark)
        except Unavailable as error:
            self._missed(receipt.key, error)

    async def record(self, receipt: Receipt) -> Applied:
        """What cannot be written now stays in the journal, and the next start replays it."""
        event = Accepted(attempt=receipt.attempt, message_id=receipt.message_id)
        applied = await self.written(receipt.key, event)
        try:
            await self.journal.drop(receipt)
        except Unavailable as error:  # settled once more at the next start, which changes nothing
            self._missed(receipt.key, error)
        return applied

    async def written(self, key: LeadKey, event: Event, rules: Rules = DEFAULT_RULES) -> Applied:
        """What the provider said is known only here: retried for ten minutes, then Unavailable."""
        started, tries = self.clock.boot(), 0
        while True:
            try:
                return await apply(self.records, key, event, self.clock, rules)
            except Unavailable as error:
                self._missed(key, error)
                if self.clock.boot() - started > RECORD_SECONDS:
                    raise
                await self.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
                tries += 1

    async def find(self, record: LeadRecord) -> Receipt | None:
        """Proof that an attempt of this record was taken, from before a crash. Redis is believed
        only where it knows the nonce of an attempt that may have left: until that was taken, the
        record and its sender alone knew it, and a mark that is wrong would lose a lead.
        """
        if found := await self._journalled(record):
            return found
        try:
            mark = await self.marks.read(record.key.shop, record.key.thread_id)
        except Unavailable:
            return None
        attempt = attempt_of(record, mark.lid) if mark else 0
        if mark is None or not attempt:
            return None
        return Receipt(
            shop=record.key.shop,
            thread_id=record.key.thread_id,
            attempt=attempt,
            at=mark.sent_at,
            visitor=record.visitor,
        )

    async def replay(self) -> int:
        """At start: settle what an earlier process of this machine could not; returns how many."""
        receipts = await self.journal.receipts()
        for receipt in receipts:
            await self.record(receipt)
        return len(receipts)

    async def _journalled(self, record: LeadRecord) -> Receipt | None:
        try:
            return await self.journal.find(record.key)
        except Unavailable:
            return None

    def _missed(self, key: LeadKey, error: Unavailable) -> None:
        self.log.warning(
            "Lead dedupe mark sent failed",
            part=error.part,
            shop=key.shop,
            thread_id=key.thread_id,
        )
