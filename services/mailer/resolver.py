"""A SENDING record: did its mail leave? Receipts first, then the provider, then the policy.

A lease that expired proves nothing, and time alone decides nothing before the provider's fence and
evidence windows are over (`due_at`). Then the lead is sent again, flagged, or put before a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from libs.ledger import events
from libs.ledger.apply import Applied
from libs.ledger.record import LeadRecord, State
from libs.ledger.steps import is_due
from libs.runtime.clock import Clock
from libs.shops.profile import ShopProfile
from services.mailer.copies import Copies
from services.mailer.job import lead_mail
from services.mailer.journal import Receipts
from services.mailer.ports import Accepted, MailTransport, Outcome, Receipt, Refused, Unknown


@dataclass(frozen=True)
class Resolver:
    receipts: Receipts
    transport: MailTransport
    copies: Copies
    shops: Mapping[str, ShopProfile]
    clock: Clock
    rules: events.Rules

    async def settle(self, record: LeadRecord) -> Applied:
        """What is SENDING and overdue even after this may be armed again."""
        if receipt := await self.receipts.find(record):
            return await self.receipts.record(receipt)
        if not is_due(record, self.clock.now()):
            return Applied(events.Nothing("in_progress"), record)
        match await self._fate(record):
            case Accepted(message_id=message_id):
                return await self.receipts.record(_receipt(record, message_id))
            case Refused(code=code):
                return await self.receipts.written(
                    record.key,
                    events.Refused(attempt=record.attempt, reason=code, provider_wide=True),
                    self.rules,
                )
            case Unknown():
                return await self.receipts.written(record.key, events.WindowsPassed(), self.rules)

    async def look_back(self, record: LeadRecord) -> Applied:
        """ERROR: a copy was refused, and the receipt of the attempt before it may lie here."""
        if receipt := await self.receipts.find(record):
            return await self.receipts.record(receipt)
        return Applied(events.Nothing("unknown"), record)

    async def hold(self, record: LeadRecord) -> Applied:
        """For an ambiguous attempt of which no copy can be built: only a person can decide."""
        return await self.receipts.written(
            record.key, events.WindowsPassed(), events.Rules(policy="never_two")
        )

    async def _fate(self, record: LeadRecord) -> Outcome:
        """Asked with the very mail of the attempt: it may be an idempotency key."""
        shop = self.shops.get(record.key.shop)
        if shop is None:
            return Unknown("unknown_shop")
        body = await self.copies.find(record) or b""
        return await self.transport.fate(lead_mail(record, shop, body))


def may_be_armed(record: LeadRecord, now: float) -> bool:
    """Whether a mail may leave in this state now; `decide` has the last word."""
    if record.state is State.PENDING:
        return True
    return record.state in {State.ERROR, State.SENDING} and is_due(record, now)


def _receipt(record: LeadRecord, message_id: str) -> Receipt:
    return Receipt(
        shop=record.key.shop,
        thread_id=record.key.thread_id,
        attempt=record.attempt,
        at=record.armed_at,
        visitor=record.visitor,
        message_id=message_id,
    )
