"""The real services, wired to the simulated world: what `wiring.py` does with real adapters."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from libs.leads.attribution import Trails
from libs.leads.snapshot import LeadSnapshot
from libs.leases.thread import ThreadLeases
from libs.ledger.events import Rules
from libs.ledger.record import LeadKey
from libs.ledger.sweep import Sweep
from libs.limits.fakes import MemoryLimits
from libs.messages.mail import DeliveryEvent, SendLeadMail
from libs.messages.streams import LEAD_CONSIDER, MAIL_EVENT, MAIL_SEND, SESSION_MINT
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.shops.profile import Shops
from libs.streams.pace import Pace
from libs.streams.port import Consumer, Delivery
from libs.streams.process import Process
from libs.streams.streams import Streams
from services.lead.gates import Times
from services.lead.handlers import LeadHandlers
from services.lead.snapshots import Snapshots
from services.lead.summary.summaries import Summaries
from services.lead.watches import Sweeper
from services.lead.wiring import CONCURRENCY, HANDLER_SECONDS
from services.mailer.adapters.fallback import FallbackTransport
from services.mailer.alerts import Alerts
from services.mailer.answers import Answers
from services.mailer.copies import Copies
from services.mailer.handlers import MailHandlers
from services.mailer.journal import Receipts
from services.mailer.loops import replaying, sweeping
from services.mailer.ports import Composed, MailTransport, Variant
from services.mailer.reports import Reports
from services.mailer.resolver import Resolver
from services.mailer.wiring import AT_ONCE, SEND_SECONDS
from services.session.fakes import ScriptedChatSessions
from services.session.handlers import SessionHandlers
from services.session.settings import SessionSettings
from tests.simulation.customers import KEYS, SHOP
from tests.simulation.evidence import SIGHT, Sight
from tests.simulation.faults import Faults
from tests.simulation.listening import SimLog, at_work, let_go, noted
from tests.simulation.loop import SimProcess
from tests.simulation.model import summary_model
from tests.simulation.provider import Letter, Provider, SimTransport
from tests.simulation.stores import (
    LyingBroker,
    LyingLeases,
    LyingMarks,
    Reached,
    ReachedRecords,
    SimJournal,
    Stores,
)

EPOCH = 1_800_000_000.0
ALERT_TO = "ops@example.com"
PACE = Pace(
    wait_seconds=3600, turn_seconds=180, renew_seconds=150, claim_seconds=300, idle_seconds=320,
)  # fmt: skip
"""Slower than production where nothing is won by looking more often; never faster."""
SWEEP_SECONDS = 180.0
WATCH_SECONDS = SessionSettings().watch_seconds


class ProcessClock:
    """What time a process believes it is."""

    def __init__(self, process: SimProcess, time: Callable[[], float]) -> None:
        self._process = process
        self._time = time

    def now(self) -> float:
        return EPOCH + self._time() + self._process.clock_offset

    def boot(self) -> float:
        return self._time()


@dataclass
class Parts:
    """One process's own eyes, hands and dice."""

    process: SimProcess
    stores: Stores
    provider: Provider
    faults: Faults
    shops: Shops
    rules: Rules
    new_id: Callable[[], str]
    rng: random.Random

    @cached_property
    def clock(self) -> ProcessClock:
        return ProcessClock(self.process, self.faults.loop.time)

    @cached_property
    def log(self) -> Log:
        return SimLog(self.process.name, self.provider.checker)

    @cached_property
    def metrics(self) -> Metrics:
        return Metrics()

    @cached_property
    def records(self) -> Any:
        return ReachedRecords(self.stores.records, self.faults, self.process)

    @cached_property
    def leases(self) -> Any:
        return LyingLeases("redis", self.stores.leases, self.faults)

    @cached_property
    def marks(self) -> Any:
        return LyingMarks("redis", self.stores.marks, self.faults)

    @cached_property
    def conversations(self) -> Any:
        return Reached("conversations", self.stores.conversations, self.faults)

    @cached_property
    def streams(self) -> Streams:
        process = Process(
            reader=f"{self.process.name}-{self.new_id()}",
            metrics=self.metrics,
            log=self.log,
            clock=self.clock,
            rng=self.rng,
            new_id=self.new_id,
            pace=PACE,
        )
        broker: Any = LyingBroker(self.stores, self.faults, self.provider.checker)
        return Streams(broker, process)

    def sweep(self) -> Sweep:
        return Sweep(self.records, self.streams, self.clock, self.log, self.metrics)


def lead_tasks(parts: Parts) -> list[Coroutine[Any, Any, None]]:
    blobs, trails = parts.stores.blobs, Trails(parts.stores.blobs)
    handlers = LeadHandlers(
        shops=parts.shops,
        records=parts.records,
        conversations=parts.conversations,
        leases=ThreadLeases(parts.leases, Times().lease_seconds, parts.log),
        publisher=parts.streams,
        summaries=Summaries(
            model=summary_model(parts.faults, parts.provider.checker),
            limits=MemoryLimits(parts.clock),
            caps=(),
            blobs=blobs,
            metrics=parts.metrics,
            log=parts.log,
        ),
        snapshots=Snapshots(blobs, trails, parts.clock),
        trails=trails,
        clock=parts.clock,
        metrics=parts.metrics,
        log=parts.log,
        times=Times(),
    )
    sweeper = Sweeper(
        parts.records, parts.conversations, parts.streams, parts.clock, parts.log, parts.sweep(),
        SWEEP_SECONDS,
    )  # fmt: skip
    checker = parts.provider.checker
    consider = let_go(at_work(parts.process, handlers.consider), parts.stores, checker)
    consumer = Consumer(
        LEAD_CONSIDER, consider, concurrency=CONCURRENCY, timeout_seconds=HANDLER_SECONDS
    )
    consumer = noted(consumer, checker)
    return [parts.streams.consume(consumer, asyncio.Event()), sweeper.run()]


def mailer_tasks(parts: Parts) -> list[Coroutine[Any, Any, None]]:
    checker, machine = parts.provider.checker, parts.process.machine
    disk = parts.stores.disks.setdefault(machine, {})
    journal = SimJournal(disk, machine, checker, parts.faults)
    receipts = Receipts(parts.records, parts.marks, journal, parts.clock, parts.log)
    handlers = mail_handlers(parts, receipts)

    async def send(delivery: Delivery[SendLeadMail]) -> None:
        SIGHT.set(Sight(parts.faults.loop.time()))
        await handlers.send(delivery)

    async def delivered(delivery: Delivery[DeliveryEvent]) -> None:
        await handlers.delivered(delivery)
        event = delivery.message
        checker.evidence.events[LeadKey(event.shop, event.thread_id)] = parts.faults.loop.time()

    stop, mail = asyncio.Event(), parts.streams
    sends = Consumer(MAIL_SEND, send, concurrency=AT_ONCE, timeout_seconds=SEND_SECONDS)
    return [
        mail.consume(noted(sends, checker), stop),
        mail.consume(noted(Consumer(MAIL_EVENT, delivered), checker), stop),
        sweeping(parts.sweep(), handlers.reports.alerts, parts.log, SWEEP_SECONDS),
        replaying(receipts, parts.log, SWEEP_SECONDS),
    ]


def mail_handlers(parts: Parts, receipts: Receipts) -> MailHandlers:
    ways = ways_out(parts)
    copies = Copies(parts.stores.blobs, compose, parts.log)
    alerts = Alerts(
        transports=tuple(reversed(ways)),
        leases=parts.leases,
        records=parts.records,
        to=ALERT_TO,
        senders={SHOP: "leads@example.com"},
        clock=parts.clock,
        new_id=parts.new_id,
        log=parts.log,
        metrics=parts.metrics,
    )
    transport = ways[0] if len(ways) == 1 else FallbackTransport(*ways, parts.clock, alerts.tell)
    return MailHandlers(
        records=parts.records,
        copies=copies,
        conversations=parts.conversations,
        transport=transport,
        receipts=receipts,
        resolver=Resolver(
            receipts, transport, copies, parts.shops.by_slug, parts.clock, parts.rules
        ),
        leases=ThreadLeases(parts.leases, 120, parts.log),
        answers=Answers(parts.streams, parts.clock, parts.log),
        reports=Reports(alerts, parts.log, parts.metrics, parts.stores.blobs),
        shops=parts.shops.by_slug,
        clock=parts.clock,
        new_id=parts.new_id,
        rules=parts.rules,
    )


def ways_out(parts: Parts) -> list[MailTransport]:
    """One, or the first and its fallback."""
    plan, faults = parts.faults.plan, parts.faults
    first = SimTransport(parts.provider, parts.clock, faults, plan.transport)
    if not plan.fallback:
        return [first]
    return [first, SimTransport(parts.provider, parts.clock, faults, plan.fallback, "fallback")]


async def compose(snapshot: LeadSnapshot, variant: Variant) -> Composed:
    """What matters here of a mail: whose it is, which attempt, and whether it says so."""
    letter = Letter(snapshot.thread_id, variant.attempt, variant.possible_copy, variant.rung)
    return Composed(msgspec.json.encode(letter))


def session_tasks(parts: Parts) -> list[Coroutine[Any, Any, None]]:
    handlers = SessionHandlers(
        shops=parts.shops,
        keys=KEYS,
        sessions=ScriptedChatSessions(parts.clock),
        limits=MemoryLimits(parts.clock),
        caps=(),
        records=parts.records,
        trails=Trails(parts.stores.blobs),
        publisher=parts.streams,
        clock=parts.clock,
        new_id=parts.new_id,
        metrics=parts.metrics,
        log=parts.log,
        watch_seconds=WATCH_SECONDS,
    )
    # Production's twenty seconds would have an idle lane look three times as often, for nothing.
    consumer = Consumer(
        SESSION_MINT, handlers.mint, timeout_seconds=HANDLER_SECONDS, drop_expired=True
    )
    return [parts.streams.consume(consumer, asyncio.Event())]


TASKS: dict[str, Callable[[Parts], list[Coroutine[Any, Any, None]]]] = {
    "session": session_tasks,
    "lead": lead_tasks,
    "mailer": mailer_tasks,
}


async def run_process(kind: str, parts: Parts) -> None:
    """Until it dies."""
    async with asyncio.TaskGroup() as group:
        for task in TASKS[kind](parts):
            group.create_task(task)
