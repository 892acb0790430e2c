"""Whatever is overdue is published again; runs in every lead and mailer process, no leader."""

from __future__ import annotations

from libs.ledger.port import LeadRecords
from libs.ledger.record import LeadRecord, State
from libs.messages.lead import ConsiderLead, thread_name
from libs.messages.mail import SendLeadMail
from libs.runtime.clock import Clock
from libs.streams.port import Publisher

SWEEP_LIMIT = 500
"""A backlog is worked off over several sweeps, the longest overdue first."""


async def sweep_once(
    records: LeadRecords, publisher: Publisher, clock: Clock, limit: int = SWEEP_LIMIT
) -> int:
    """Publish every overdue record's next wish; returns how many.

    Scheduled for now under the thread's own key: many sweepers do the work of one, and a punctual
    timer that is still waiting is replaced instead of doubled.
    """
    now = clock.now()
    overdue = await records.due(now, limit)
    for record in overdue:
        wish = _wish(record)
        await publisher.schedule(wish, key=_timer(wish), at=now)
    return len(overdue)


def _wish(record: LeadRecord) -> ConsiderLead | SendLeadMail:
    """PENDING and ERROR go through the gates again; the mailer resolves or tells about the rest."""
    if record.state in {State.PENDING, State.ERROR}:
        return ConsiderLead(
            shop=record.key.shop,
            thread_id=record.key.thread_id,
            reason="quiet",
            visitor=record.visitor,
        )
    return SendLeadMail(
        shop=record.key.shop,
        thread_id=record.key.thread_id,
        snapshot=record.snapshot,
        last_item_id=record.last_item_id,
        kind=record.kind,
        reason="quiet",
        visitor=record.visitor,
    )


def _timer(wish: ConsiderLead | SendLeadMail) -> str:
    timer = thread_name(wish.shop, wish.thread_id)
    return timer if isinstance(wish, ConsiderLead) else f"{timer}:send"
