"""The mailer's dealings with the other services: the lease it takes over, the answers it gives."""

from __future__ import annotations

from dataclasses import dataclass

from libs.errors import Retryable, Unavailable
from libs.leases.port import Leases
from libs.ledger.record import LeadRecord, State
from libs.ledger.steps import WHY
from libs.messages.base import Message
from libs.messages.dedupe import thread_lease
from libs.messages.lead import ConsiderLead
from libs.messages.mail import LeadMailHeld, LeadMailSent, SendLeadMail
from libs.runtime.clock import Clock
from libs.runtime.ids import NewId
from libs.runtime.log import Log
from libs.streams.port import Delivery, Publisher


@dataclass(frozen=True)
class Desk:
    leases: Leases
    publisher: Publisher
    lease_seconds: float
    clock: Clock
    new_id: NewId
    log: Log

    async def take_lease(self, delivery: Delivery[SendLeadMail]) -> str:
        """The lead worker's own, by its nonce, or a free one. Redis down: we are right without."""
        wish = delivery.message
        nonce = wish.lease or delivery.entry_id or self.new_id()
        name = thread_lease(wish.shop, wish.thread_id)
        try:
            mine = await self.leases.extend(name, nonce, self.lease_seconds)
        except Unavailable:
            self.log.warning("redis_lost", thread_id=wish.thread_id)
            return nonce
        if not mine:
            raise Retryable("another worker holds this thread", after_seconds=self.lease_seconds)
        return nonce

    async def free_lease(self, wish: SendLeadMail, nonce: str, record: LeadRecord | None) -> None:
        """So that the next trigger need not wait; a sent thread needs nobody any more."""
        if record is not None and record.state is State.SENT:
            return
        try:
            await self.leases.release(thread_lease(wish.shop, wish.thread_id), nonce)
        except Unavailable:
            self.log.warning("redis_lost", thread_id=wish.thread_id)

    async def answer(self, delivery: Delivery[SendLeadMail], record: LeadRecord | None) -> None:
        """From the state that was read or written; None: the thread is considered again."""
        if record is None:
            await self._consider(delivery)
            return
        try:
            await self.publisher.reply(delivery.reply_to, self._said(delivery.message, record))
        except Unavailable:  # whoever waits hears "queued" instead; the state is durable
            self.log.warning("redis_lost", thread_id=record.key.thread_id)

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
