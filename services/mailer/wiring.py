"""What the mailer is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from libs.blobs.open import open_blobs
from libs.blobs.port import Blobs
from libs.conversations.open import open_conversations
from libs.conversations.port import Conversations
from libs.identity.keys import site_keys
from libs.leases.redis import RedisLeases, RedisSentMarks
from libs.leases.thread import ThreadLeases
from libs.ledger.events import Rules
from libs.ledger.open import open_records, records_answer
from libs.ledger.port import LeadRecords
from libs.ledger.sweep import Sweep
from libs.messages.streams import MAIL_EVENT, MAIL_SEND
from libs.runtime.runtime import Runtime, Service
from libs.shops.profile import ShopProfile, load_shops
from libs.streams.port import Consumer
from services.mailer.adapters.fallback import FallbackTransport
from services.mailer.adapters.journal import open_journal
from services.mailer.adapters.outbox import OutboxTransport
from services.mailer.alerts import Alerts
from services.mailer.answers import Answers
from services.mailer.copies import Copies
from services.mailer.handlers import MailHandlers
from services.mailer.job import address
from services.mailer.journal import Receipts
from services.mailer.letter.build import MailBuilder
from services.mailer.letter.photos import BlobPhotoShelf
from services.mailer.letter.render import warm_up
from services.mailer.loops import noticing, replaying, sweeping, tidying
from services.mailer.ports import Journal, MailTransport
from services.mailer.reports import Reports
from services.mailer.resolver import Resolver
from services.mailer.settings import MailerSettings, check
from services.mailer.transports import open_transports

JOURNAL_FILE: Final = "journal.sqlite3"
SEND_SECONDS: Final = 1000.0
"""The slowest provider, and ten minutes to write its receipt."""

AT_ONCE: Final = 32
"""Enough for 120 leads a second at a provider that takes a quarter of one; bounds the memory."""

Loop = Callable[[], Awaitable[None]]


async def wire(settings: MailerSettings, runtime: Runtime) -> Service:
    check(settings)
    blobs = await open_blobs(settings, runtime.stack)
    parts = _Parts(
        settings=settings,
        runtime=runtime,
        shops=load_shops(settings.shops).by_slug,
        keys=site_keys(settings, one_machine=runtime.one_machine),
        records=await open_records(settings, runtime.stack, runtime.clock),
        blobs=blobs,
        conversations=await open_conversations(settings, runtime.stack),
        transports=await open_transports(settings, runtime.stack, runtime.clock),
        journal=await runtime.stack.enter_async_context(
            open_journal(settings.data_path / JOURNAL_FILE)
        ),
    )
    receipts = parts.receipts()
    handlers = parts.handlers(receipts)
    alerts = handlers.reports.alerts
    loops = [lambda: asyncio.to_thread(warm_up), *parts.loops(receipts, alerts)]
    if settings.ses_events_queue_url:
        loops.append(await _listening(settings, runtime, alerts))
    return Service(
        "mailer",
        consumers=(
            Consumer(MAIL_SEND, handlers.send, concurrency=AT_ONCE, timeout_seconds=SEND_SECONDS),
            Consumer(MAIL_EVENT, handlers.delivered),
        ),
        loops=tuple(loops),
        health=(("records", lambda: records_answer(parts.records)),),
    )


@dataclass(frozen=True)
class _Parts:
    """What was opened, and what is put together from it."""

    settings: MailerSettings
    runtime: Runtime
    shops: Mapping[str, ShopProfile]
    keys: tuple[str, ...]
    records: LeadRecords
    blobs: Blobs
    conversations: Conversations
    transports: list[MailTransport]
    journal: Journal

    def handlers(self, receipts: Receipts) -> MailHandlers:
        runtime, given = self.runtime, self.settings
        rules = Rules(policy=given.duplicate_policy, cooldown_seconds=given.cooldown_seconds)
        alerts = self.alerts()
        transport = self.transport(alerts)
        copies = Copies(self.blobs, self.builder().compose, runtime.log)
        return MailHandlers(
            records=self.records,
            copies=copies,
            conversations=self.conversations,
            transport=transport,
            receipts=receipts,
            resolver=Resolver(receipts, transport, copies, self.shops, runtime.clock, rules),
            leases=self.thread_leases(),
            answers=Answers(runtime.streams, runtime.clock, runtime.log),
            reports=Reports(alerts, runtime.log, runtime.metrics, self.blobs),
            shops=self.shops,
            clock=runtime.clock,
            new_id=runtime.new_id,
            rules=rules,
        )

    def receipts(self) -> Receipts:
        return Receipts(
            self.records,
            RedisSentMarks(self.runtime.streams.redis),
            self.journal,
            self.runtime.clock,
            self.runtime.log,
        )

    def builder(self) -> MailBuilder:
        return MailBuilder(
            shelf=BlobPhotoShelf(self.blobs),
            public_url=self.settings.base_url,
            keys=self.keys,
            shops=self.shops,
        )

    def transport(self, alerts: Alerts) -> MailTransport:
        if len(self.transports) == 1:
            return self.transports[0]
        first, second = self.transports
        return FallbackTransport(first, second, self.runtime.clock, alerts.tell)

    def alerts(self) -> Alerts:
        return Alerts(
            transports=tuple(reversed(self.transports)),
            leases=RedisLeases(self.runtime.streams.redis),
            records=self.records,
            to=self.settings.alert_email,
            senders={slug: address(shop.sender) for slug, shop in self.shops.items()},
            clock=self.runtime.clock,
            new_id=self.runtime.new_id,
            log=self.runtime.log,
            metrics=self.runtime.metrics,
        )

    def thread_leases(self) -> ThreadLeases:
        leases = RedisLeases(self.runtime.streams.redis)
        return ThreadLeases(leases, self.settings.lease_seconds, self.runtime.log)

    def loops(self, receipts: Receipts, alerts: Alerts) -> list[Loop]:
        runtime, seconds = self.runtime, self.settings.sweep_seconds
        sweep = Sweep(self.records, runtime.streams, runtime.clock, runtime.log, runtime.metrics)
        return [
            partial(sweeping, sweep, alerts, runtime.log, seconds),
            partial(noticing, self.records, alerts, runtime.clock, runtime.log),
            partial(replaying, receipts, runtime.log, seconds),
            *(
                partial(tidying, transport.tidy, runtime.log)
                for transport in self.transports
                if isinstance(transport, OutboxTransport)
            ),
        ]


async def _listening(settings: MailerSettings, runtime: Runtime, alerts: Alerts) -> Loop:
    from services.mailer.adapters.ses_events import SesEvents, open_queue

    client = await open_queue(runtime.stack, settings.aws_region, settings.aws_endpoint_url)
    queue = settings.ses_events_queue_url
    return SesEvents(client, queue, runtime.streams, alerts.tell, runtime.log).listen
