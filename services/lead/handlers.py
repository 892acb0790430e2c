"""Decides whether a conversation is a lead, and hands it to the mailer when it is one.

ConsiderLead ─▶ lease ─▶ record ─▶ transcript ─▶ contacts ─▶ summary ─▶ snapshot ─▶ SendLeadMail
└───── a gate says no: remember when to look again, and answer
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from libs.conversations.port import Conversation, Conversations
from libs.errors import Rejected
from libs.leads.attribution import Told, TrailKey, Trails
from libs.leads.snapshot import Signal
from libs.leases.thread import ThreadLeases
from libs.ledger.apply import Applied, apply, apply_to
from libs.ledger.events import ShopUnknown
from libs.ledger.port import LeadRecords
from libs.ledger.record import LeadKey, LeadRecord, State
from libs.ledger.timing import LOOK_AGAIN_SECONDS
from libs.messages.lead import REASONS, ConsiderLead, RecordSignal, thread_name
from libs.messages.mail import SendLeadMail
from libs.runtime.clock import Clock
from libs.runtime.log import Log
from libs.runtime.metrics import DECISIONS, HELD, Metrics
from libs.runtime.together import together
from libs.shops.profile import ShopProfile, Shops
from libs.streams.port import Delivery, Publisher
from services.lead import gates
from services.lead.answers import decision
from services.lead.contact.extract import contacts
from services.lead.gates import Case, Send, Times, Verdict, Wait
from services.lead.snapshots import Snapshots
from services.lead.summary.summaries import Summaries
from services.lead.transcript import Subject, lines_of

LONG_READ_SECONDS: Final = 10.0
"""After this the rest of the lease is too short for the model; before, it would cost a command."""


@dataclass(frozen=True)
class LeadHandlers:
    shops: Shops
    records: LeadRecords
    conversations: Conversations
    leases: ThreadLeases
    publisher: Publisher
    summaries: Summaries
    snapshots: Snapshots
    trails: Trails
    clock: Clock
    metrics: Metrics
    log: Log
    times: Times

    async def consider(self, delivery: Delivery[ConsiderLead]) -> None:
        """Decide this thread now, or remember when to look again.

        May run twice: the same entry takes its own lease again, records and timers are set to what
        they already are, a summary comes from its cache, and of two `SendLeadMail` for one thread
        only one can arm the record.
        """
        wish, nonce = _named(delivery), delivery.entry_id
        profile = self.shops.by_slug.get(wish.shop)
        if profile is None:
            await self._without_shop(wish)
            return
        leased = await self.leases.take(wish, nonce)
        passed_on = False
        try:
            case, verdict = await self._decide(wish, profile, nonce, leased=leased)
            if isinstance(verdict, Send):
                await self._pass_on(delivery, case, verdict)
                passed_on = True
            else:
                await self._set_timer(wish, verdict, leased=leased)
                answer = decision(wish, case, verdict)
                await self.publisher.reply(delivery.reply_to, answer)
        finally:
            if leased and not passed_on:
                await self.leases.release(wish, nonce)
        self._note(wish, verdict)

    async def _without_shop(self, wish: ConsiderLead) -> None:
        """Nobody hears an answer: whoever asked was let in by a gateway that knows the shop."""
        event = ShopUnknown(due_at=self.clock.now() + LOOK_AGAIN_SECONDS)
        applied = await apply(self.records, _key(wish), event, self.clock)
        if applied.record is None:
            raise Rejected("unknown shop")
        self._alarm(applied)

    async def signal(self, delivery: Delivery[RecordSignal]) -> None:
        """May run twice: the same signal is kept under the same key."""
        wish = delivery.message
        if not wish.visitor:
            return
        at = wish.at or self.clock.now()
        signal = Signal(
            event=wish.event,
            at=at,
            page_url=wish.page_url,
            click_url=wish.click_url,
            provider=wish.provider,
            name=wish.name,
        )
        for visitor in (wish.visitor, *wish.also):
            await self.trails.add(TrailKey(wish.shop, visitor), signal)
        await self._touch(wish, at)

    async def _decide(
        self, wish: ConsiderLead, profile: ShopProfile, nonce: str, *, leased: bool
    ) -> tuple[Case, Verdict]:
        record = await self.records.read(_key(wish))
        case = Case(record=record, now=self.clock.now(), times=self.times)
        if record is None or record.state is not State.SENT:
            await self._keep_touch(wish)
        if stop := gates.standing(record, leased=leased, now=case.now):
            if record is None:
                owner = await self.conversations.owner(wish.shop, wish.thread_id)
                case = replace(case, visitor=owner or "")
            return case, stop
        if fixed := await self._fixed(wish, record):
            return case, await self._remember(wish, case, fixed)
        began = self.clock.boot()
        conversation = await self.conversations.read(wish.shop, wish.thread_id)
        case = replace(case, now=self.clock.now())
        if self.clock.boot() - began > LONG_READ_SECONDS and not await self.leases.extend(
            wish, nonce
        ):
            return case, gates.Stop(reason="in_progress")
        if conversation is not None:
            case = replace(case, subject=_subject(conversation, profile))
        return case, await self._judge(wish, case)

    async def _fixed(self, wish: ConsiderLead, record: LeadRecord | None) -> Send | None:
        """Of a refused mail its newest word alone is asked for: an outage may last for days."""
        if resend := gates.wanted(record):
            return resend
        if (refused := gates.refused(record)) is None:
            return None
        ends_at = await self.conversations.last_item_id(wish.shop, wish.thread_id)
        return refused if refused.last_item_id == ends_at else None

    async def _judge(self, wish: ConsiderLead, case: Case) -> Verdict:
        """The model is asked only when everything that costs nothing has said yes."""
        if case.subject is None:
            fixed = await self.snapshots.newest(wish) if case.awaits_mail else None
            return await self._remember(wish, case, gates.gone(case, fixed))
        if verdict := gates.heard(case, case.subject):
            return await self._remember(wish, case, verdict)
        summary = await self.summaries.of(case.subject)
        ready = gates.readiness(case, summary)
        if not isinstance(ready, Send):
            return await self._remember(wish, case, ready)
        async with together() as group:  # two flushes of the disk at once
            remembering = group.create_task(self._remember(wish, case, ready))
            key = await self.snapshots.fix(_first(wish, case), case.subject, summary, ready.kind)
        remembered = remembering.result()
        return replace(ready, snapshot=key) if remembered is ready else remembered

    async def _remember(self, wish: ConsiderLead, case: Case, verdict: Verdict) -> Verdict:
        """Durable before anybody is told; a state that overtook us answers instead."""
        record = case.record
        for event in gates.to_remember(case, verdict, wish):
            applied = await apply_to(record, self.records, _key(wish), event, self.clock)
            self._alarm(applied)
            record, now = applied.record, self.clock.now()
            if overtaken := gates.standing(record, leased=True, now=now):
                return overtaken
        return verdict

    async def _pass_on(self, delivery: Delivery[ConsiderLead], case: Case, send: Send) -> None:
        """The mailer takes our lease over, and answers whoever asked."""
        wish = _first(_named(delivery), case)
        mail = SendLeadMail(
            request_id=wish.request_id,
            shop=wish.shop,
            thread_id=wish.thread_id,
            snapshot=send.snapshot,
            last_item_id=send.last_item_id or case.last_item_id,
            kind=send.kind,
            reason=wish.reason,
            visitor=case.owner,
            lease=delivery.entry_id,
        )
        await self.publisher.publish(mail, reply_to=delivery.reply_to, deadline=delivery.deadline)

    async def _set_timer(self, wish: ConsiderLead, verdict: Verdict, *, leased: bool) -> None:
        """Punctual, beside the durable one. Who was kept out by a lease comes back after it: its
        holder may have died before it wrote anything down.
        """
        if isinstance(verdict, Wait) and verdict.punctual:
            at = verdict.until
        elif verdict.reason == "in_progress" and not leased:
            at = self.clock.now() + self.times.lease_seconds
        else:
            return
        again = replace(wish, reason="quiet", attribution=None, locale="", page_url="")
        await self.publisher.schedule(again, key=thread_name(wish.shop, wish.thread_id), at=at)

    async def _keep_touch(self, wish: ConsiderLead) -> None:
        """Before any gate: whoever holds the lease may be about to fix the mail it belongs in.

        A visitor only ever says where they came from themselves, whosever the thread is.
        """
        if not wish.visitor or not (wish.attribution or wish.locale or wish.page_url):
            return
        await self._touch(wish, self.clock.now())

    async def _touch(self, wish: ConsiderLead | RecordSignal, at: float) -> None:
        told = Told(attribution=wish.attribution, locale=wish.locale, page_url=wish.page_url)
        await self.trails.touch_each(wish.shop, (wish.visitor, *wish.also), told, at=at)

    def _alarm(self, applied: Applied) -> None:
        """The mailer mails a person, once an hour for all; this line is about this one."""
        record = applied.record
        if not applied.alert or record is None:
            return
        who = {"shop": record.key.shop, "thread_id": record.key.thread_id}
        if applied.wrote:
            self.metrics.count(HELD, record.reason)
            self.log.error("lead_held", **who, attempt=record.attempt, reason=record.reason)
        else:
            self.log.error("not_in_the_table", **who, detail=applied.why)

    def _note(self, wish: ConsiderLead, verdict: Verdict) -> None:
        self.metrics.count(DECISIONS, verdict.reason)
        if self.log.chatty:
            self.log.info(
                "lead_decided",
                request_id=wish.request_id,
                shop=wish.shop,
                thread_id=wish.thread_id,
                reason=wish.reason,
                outcome=verdict.reason,
            )


def _named(delivery: Delivery[ConsiderLead]) -> ConsiderLead:
    """With a reason that we know, and an id to follow it by where no browser gave one."""
    wish = delivery.message
    return replace(
        wish,
        reason=wish.reason if wish.reason in REASONS else "other",
        request_id=wish.request_id or f"lead-{delivery.entry_id}",
    )


def _first(wish: ConsiderLead, case: Case) -> ConsiderLead:
    """Under the request that asked first: the mail is of that one, whoever asks later."""
    known = case.record.request_id if case.record else ""
    return replace(wish, request_id=known) if known else wish


def _key(wish: ConsiderLead) -> LeadKey:
    return LeadKey(wish.shop, wish.thread_id)


def _subject(conversation: Conversation, profile: ShopProfile) -> Subject:
    lines = lines_of(conversation, profile)
    return Subject(
        conversation=conversation,
        lines=lines,
        contacts=contacts(lines, profile),
        profile=profile,
    )
