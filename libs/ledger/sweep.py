"""Whatever is overdue is published again; runs in every lead and mailer process, no leader."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import msgspec

from libs.ledger.port import LeadRecords, Place
from libs.ledger.record import LeadKey, LeadRecord, State
from libs.ledger.timing import backoff_seconds
from libs.messages.lead import ConsiderLead, thread_name
from libs.messages.mail import SendLeadMail
from libs.runtime.clock import Clock
from libs.runtime.log import Log
from libs.runtime.metrics import RECORDS_UNREADABLE, Metrics
from libs.streams.port import Publisher

SWEEP_LIMIT: Final = 500
"""A backlog is worked off over several sweeps, the longest overdue first."""
REPEAT_SECONDS: Final = 30.0
"""How soon what was published and did not move is published again, at first."""


class Swept(msgspec.Struct, frozen=True):
    published: int
    unreadable: int


class Published(msgspec.Struct, frozen=True):
    """A record as it was put up; forgotten by a restart, which puts it up at once."""

    version: int
    times: int
    rests_until: float


@dataclass
class Sweep:
    """Goes round all that is overdue, a page at a time: whatever nobody can move, be it more than a
    page and the longest overdue, keeps no other from its turn. It comes back ever more rarely, or
    each round would add to the stream what the last one added.
    """

    records: LeadRecords
    publisher: Publisher
    clock: Clock
    log: Log
    metrics: Metrics
    limit: int = SWEEP_LIMIT
    place: Place | None = None
    this_round: dict[LeadKey, Published] = field(default_factory=dict)
    last_round: dict[LeadKey, Published] = field(default_factory=dict)

    async def once(self) -> Swept:
        """Publish the next wish of each record of a page.

        Scheduled for now under the thread's own key: many sweepers do the work of one, and a
        punctual timer that is still waiting is replaced instead of doubled.
        """
        now = self.clock.now()
        page = await self.records.due(now, self.limit, self.place)
        published = sum([await self._publish(record, now) for record in page.records])
        self._tell(page.unreadable)
        self.place = page.ends_at
        if self.place is None:
            self.last_round, self.this_round = self.this_round, {}
        return Swept(published, len(page.unreadable))

    async def _publish(self, record: LeadRecord, now: float) -> bool:
        before = self.this_round.get(record.key) or self.last_round.get(record.key)
        if before and before.version != record.version:
            before = None
        if before and now < before.rests_until:
            self.this_round[record.key] = before
            return False
        wish = _wish(record)
        await self.publisher.schedule(wish, key=_timer(wish), at=now)
        times = before.times + 1 if before else 1
        rest = backoff_seconds(times, f"{record.key}:{times}", REPEAT_SECONDS)
        self.this_round[record.key] = Published(record.version, times, now + rest)
        return True

    def _tell(self, unreadable: list[LeadKey]) -> None:
        for key in unreadable:
            self.log.error("record_unreadable", shop=key.shop, thread_id=key.thread_id)
        if unreadable:
            self.metrics.count(RECORDS_UNREADABLE, by=len(unreadable))


def _wish(record: LeadRecord) -> ConsiderLead | SendLeadMail:
    """PENDING and ERROR go through the gates again; the mailer resolves or tells about the rest."""
    if record.state in {State.PENDING, State.ERROR}:
        return ConsiderLead(
            shop=record.key.shop,
            thread_id=record.key.thread_id,
            reason="quiet",
            visitor=record.visitor,
            request_id=record.request_id,
        )
    return SendLeadMail(
        shop=record.key.shop,
        thread_id=record.key.thread_id,
        snapshot=record.snapshot,
        last_item_id=record.last_item_id,
        kind=record.kind,
        reason="quiet",
        visitor=record.visitor,
        request_id=record.request_id,
    )


def _timer(wish: ConsiderLead | SendLeadMail) -> str:
    timer = thread_name(wish.shop, wish.thread_id)
    return timer if isinstance(wish, ConsiderLead) else f"{timer}:send"
