"""What the mailer answers whoever asked for a mail."""

from __future__ import annotations

from dataclasses import dataclass

from libs.errors import Unavailable
from libs.ledger.record import LeadRecord, State
from libs.ledger.steps import WHY
from libs.messages.base import Message
from libs.messages.lead import ConsiderLead
from libs.messages.mail import LeadMailHeld, LeadMailSent, SendLeadMail
from libs.runtime.clock import Clock
from libs.runtime.log import Log
from libs.streams.port import Delivery, Publisher


@dataclass(frozen=True)
class Answers:
    publisher: Publisher
    clock: Clock
    log: Log

    async def give(self, delivery: Delivery[SendLeadMail], record: LeadRecord | None) -> None:
        """From the state that was read or written; None: the thread is considered again."""
        if record is None:
            await self._consider(delivery)
            return
        try:
            await self.publisher.reply(delivery.reply_to, self._said(delivery.message, record))
        except Unavailable:  # whoever waits hears "queued" instead; the state is durable
            self.log.warning("redis_lost", where="answer", thread_id=record.key.thread_id)

    async def _consider(self, delivery: Delivery[SendLeadMail]) -> None:
        wish = delivery.message
        again = ConsiderLead(
            shop=wish.shop,
            thread_id=wish.thread_id,
            reason=wish.reason,
            visitor=wish.visitor,
            request_id=wish.request_id,
        )
        await self.publisher.publish(again, reply_to=delivery.reply_to, deadline=delivery.deadline)

    def _said(self, wish: SendLeadMail, record: LeadRecord) -> Message:
        thread_id, visitor = record.key.thread_id, record.visitor
        if record.state is State.SENT:
            return LeadMailSent(
                thread_id=thread_id,
                visitor=visitor,
                reason=wish.reason,
                sent_at=record.sent_at or self.clock.now(),
                possible_duplicate=record.possible_duplicate,
                request_id=wish.request_id,
            )
        waits = record.state is State.ERROR and record.due_at is not None
        return LeadMailHeld(
            thread_id=thread_id,
            visitor=visitor,
            reason=WHY[record.state],
            retry_after=max(0.0, (record.due_at or 0) - self.clock.now()) if waits else None,
            request_id=wish.request_id,
        )
