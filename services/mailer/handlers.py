"""Sends a lead's mail exactly once: the eleven steps of `docs/decisions/sending.md`, numbered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from libs.conversations.port import Conversations
from libs.errors import Rejected, Retryable
from libs.leads.snapshot import LeadSnapshot
from libs.leases.thread import ThreadLeases
from libs.ledger import events
from libs.ledger.apply import Applied, apply, apply_to
from libs.ledger.port import LeadRecords
from libs.ledger.record import LeadKey, LeadRecord, State
from libs.ledger.steps import a_person_wants
from libs.ledger.timing import LOOK_AGAIN_SECONDS
from libs.messages.mail import DeliveryEvent, SendLeadMail
from libs.runtime.clock import Clock
from libs.runtime.ids import NewId
from libs.runtime.together import ahead, beside
from libs.shops.profile import ShopProfile
from libs.streams.port import Delivery
from services.mailer.answers import Answers
from services.mailer.copies import Copies, Copy, NoMail
from services.mailer.job import Job, job_for
from services.mailer.journal import Receipts
from services.mailer.ports import (
    LAUNCH_SECONDS,
    SKEW_SECONDS,
    Accepted,
    Mail,
    MailTransport,
    NotPrepared,
    Ready,
    Receipt,
    Refused,
    Unknown,
)
from services.mailer.reports import Reports
from services.mailer.resolver import Resolver, may_be_armed

SKEW_RETRY_SECONDS: Final = 60.0

T = TypeVar("T")


@dataclass(frozen=True)
class MailHandlers:
    records: LeadRecords
    copies: Copies
    conversations: Conversations
    transport: MailTransport
    receipts: Receipts
    resolver: Resolver
    leases: ThreadLeases
    answers: Answers
    reports: Reports
    shops: Mapping[str, ShopProfile]
    clock: Clock
    new_id: NewId
    rules: events.Rules

    async def send(self, delivery: Delivery[SendLeadMail]) -> None:
        """Twice is harmless: only the delivery whose own ARM was written may send, and once."""
        wish = delivery.message
        shop = self.shops.get(wish.shop)
        nonce = wish.lease or delivery.entry_id  # the lead worker's own lease, or a free one
        async with (
            ahead(self.leases.extend(wish, nonce)) as leased,
            ahead(self.copies.snapshot(wish.snapshot)) as snapshot,
        ):
            record = await self._standing(LeadKey(wish.shop, wish.thread_id))  # 1
            if shop is None:
                record = await self._without_shop(record)
            elif record is not None and may_be_armed(record, self.clock.now()):
                if not await leased:  # 2
                    after = self.leases.seconds
                    raise Retryable("another worker holds this thread", after_seconds=after)
                job = job_for(wish, record, self.new_id(), self.clock.now())
                known = snapshot if job.snapshot == wish.snapshot else None
                record = await self._attempt(job, record, shop, delivery.attempt, known)
        if record is None or record.state is not State.SENT:  # a sent thread needs nobody
            await self.leases.release(wish, nonce)
        await self.answers.give(delivery, record)  # 10: returning is the ack

    async def delivered(self, delivery: Delivery[DeliveryEvent]) -> None:
        """Twice is harmless: the second finds the state that the first wrote."""
        event = delivery.message
        applied = await apply(
            self.records,
            LeadKey(event.shop, event.thread_id),
            events.ProviderEvent(
                attempt=event.attempt,
                event=event.event,
                message_id=event.message_id,
                at=event.at,
            ),
            self.clock,
        )
        await self.reports.event(event, applied)

    async def _without_shop(self, record: LeadRecord | None) -> LeadRecord | None:
        """What is settled may still owe an alert, and what nobody answered for must end too."""
        if record is None:
            raise Rejected("unknown shop")
        event = events.ShopUnknown(due_at=self.clock.now() + LOOK_AGAIN_SECONDS)
        return await self._reported(await apply(self.records, record.key, event, self.clock))

    async def _standing(self, key: LeadKey) -> LeadRecord | None:
        """The record, after whatever can be found out about an attempt in flight."""
        record = await self.records.read(key)
        if record is None:
            return None
        if record.state is State.SENDING:
            return await self._reported(await self.resolver.settle(record))
        if record.state is State.ERROR and record.ambiguous:
            record = await self._reported(await self.resolver.look_back(record)) or record
        await self.reports.owed(record)
        return record

    async def _attempt(
        self,
        job: Job,
        record: LeadRecord,
        shop: ShopProfile,
        number: int,
        snapshot: Awaitable[LeadSnapshot] | None,
    ) -> LeadRecord | None:
        """The record afterwards; None: the thread has gone on, consider it again."""
        try:
            await self._check_clock()  # 4
            async with (
                beside(self.copies.make(job.wanted, number, snapshot)) as copy,  # 3, 11
                beside(self._mail(job, copy, shop)) as making,
                self.transport.prepare(making) as ready,  # 5
            ):
                return await self._armed(job, await copy, record, ready)
        except NoMail as none:
            return await self._gave_up(job, record, none.why)
        except NotPrepared as door:
            return await self._refused(job, self.transport.name, door.refused, at_door=True)

    async def _mail(self, job: Job, copy: Awaitable[Copy], shop: ShopProfile) -> Mail:
        return job.mail(await copy, shop)

    async def _armed(
        self, job: Job, copy: Copy, record: LeadRecord, ready: Ready
    ) -> LeadRecord | None:
        """A copy is kept of what is about to leave only: an outage may last for days."""
        ends_at, _ = await asyncio.gather(self._ends_at(job, record), self.copies.keep(copy))
        arm = job.arm(copy, ends_at, ready.passed_over)
        applied = await self._arm(job, arm, record, ready)  # 6
        if not applied.wrote:
            return None if applied.why == "newer_items" else applied.record
        if self.clock.boot() - ready.prepared_at > LAUNCH_SECONDS:  # 7
            self.reports.unknown(job, ready.transport, Unknown("slept_before_sending"))
            return applied.record
        return await self._sent(job, copy, ready, applied.record)

    async def _arm(self, job: Job, arm: events.Arm, record: LeadRecord, ready: Ready) -> Applied:
        if self.clock.boot() - ready.prepared_at > LAUNCH_SECONDS:
            raise Retryable("preparing the mail took too long")
        windows = ready.windows
        rules = replace(
            self.rules,
            fence_seconds=windows.fence_seconds,
            evidence_seconds=windows.evidence_seconds,
        )
        applied = await apply_to(record, self.records, job.key, arm, self.clock, rules)
        await self.reports.armed(job, applied)
        return applied

    async def _ends_at(self, job: Job, record: LeadRecord) -> str:
        """A conversation that is gone has not changed; a forgotten one took its lead along. Whoever
        sends a lead again asks nobody whether it has.
        """
        if job.again or job.snapshot == a_person_wants(record):
            return job.last_item_id
        last = await self.conversations.last_item_id(job.key.shop, job.key.thread_id)
        if last is None and not await self.copies.has_snapshot(job.wanted):
            raise NoMail("snapshot_missing")
        return job.last_item_id if last is None else last

    async def _sent(
        self, job: Job, copy: Copy, ready: Ready, record: LeadRecord | None
    ) -> LeadRecord | None:
        match await uncancelled(self._launch(job, ready)):  # 8
            case Receipt() as receipt:  # 9
                return await self._reported(await self.receipts.record(receipt))
            case Refused() as refused:
                written = await self._refused(job, ready.transport, refused)
                await self.copies.drop(copy)
                return written
            case Unknown() as unknown:
                self.reports.unknown(job, ready.transport, unknown)
                return record

    async def _launch(self, job: Job, ready: Ready) -> Receipt | Refused | Unknown:
        outcome = await ready.send()
        if not isinstance(outcome, Accepted):
            return outcome
        receipt = job.receipt(outcome, self.clock.now())
        self.reports.accepted(job, ready)
        await self.receipts.keep(receipt, job.lid)
        return receipt

    async def _refused(
        self, job: Job, transport: str, refused: Refused, *, at_door: bool = False
    ) -> LeadRecord | None:
        event = events.Refused(
            attempt=job.attempt,
            reason=refused.code,
            provider_wide=refused.provider_wide,
            temporary=refused.temporary,
            of_content=refused.of_content,
            of_content_if_again=refused.of_content_if_again,
            delay_seconds=refused.delay_seconds,
            at_door=at_door,
            snapshot=job.snapshot,
            last_item_id=job.last_item_id,
            kind=job.kind,
        )
        applied = await self.receipts.written(job.key, event, self.rules)
        await self.reports.refused(job, transport, refused, applied.record)
        return await self._reported(applied)

    async def _gave_up(
        self, job: Job, record: LeadRecord, why: events.HeldFor
    ) -> LeadRecord | None:
        if job.again:
            return await self._reported(await self.resolver.hold(record))
        return await self._reported(
            await apply(self.records, job.key, events.GaveUp(reason=why), self.clock)
        )

    async def _reported(self, applied: Applied) -> LeadRecord | None:
        await self.reports.applied(applied)
        return applied.record

    async def _check_clock(self) -> None:
        skew = await self.records.clock_skew()
        if skew is not None and abs(skew) > SKEW_SECONDS:
            await self.reports.skewed()
            raise Retryable("this machine's clock is wrong", after_seconds=SKEW_RETRY_SECONDS)


async def uncancelled(work: Coroutine[Any, Any, T]) -> T:
    """A send that has begun ends, and its receipt is kept; whoever cancelled us waits for that."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        raise
