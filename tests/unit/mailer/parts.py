"""A mailer made of fakes: one thread, one shop, one clock that moves by assignment."""

from __future__ import annotations

import io
import itertools
from dataclasses import dataclass, field

from libs.blobs.fakes import MemoryBlobs
from libs.conversations.fakes import MemoryConversations
from libs.conversations.port import Conversation, Item
from libs.leads.snapshot import LeadSnapshot, Summary, snapshot_key
from libs.leases.fakes import MemoryLeases, MemorySentMarks
from libs.leases.thread import ThreadLeases
from libs.ledger.apply import apply
from libs.ledger.events import Considered, Rules
from libs.ledger.fakes import MemoryRecords
from libs.ledger.record import LeadKey, LeadRecord
from libs.ledger.sweep import Sweep
from libs.messages.mail import SendLeadMail
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.shops.profile import ShopProfile, load_shops
from libs.streams.fakes import RememberingPublisher
from libs.streams.port import Delivery
from services.mailer.alerts import Alerts
from services.mailer.answers import Answers
from services.mailer.copies import Copies
from services.mailer.fakes import FakeTransport, MemoryJournal
from services.mailer.handlers import MailHandlers
from services.mailer.journal import Receipts
from services.mailer.ports import Compose, Composed, MailTransport, Variant
from services.mailer.reports import Reports
from services.mailer.resolver import Resolver
from tests.clock import HandClock

SHOP = "craigs"
SHOPS = load_shops("deploy/shops")
THREAD = "cthr_one"
KEY = LeadKey(SHOP, THREAD)
LEASE = "nonce-of-lead"
ALERTS_TO = "ops@example.com"


async def plain_compose(snapshot: LeadSnapshot, variant: Variant) -> Composed:
    copy = "(possible copy) " if variant.possible_copy else ""
    mail = (
        f"Subject: {copy}{snapshot.title}\r\nX-Handoff-Attempt: {variant.attempt}\r\n\r\n"
        f"{variant.rung.name}\r\n"
    )
    return Composed(mail.encode())


def snapshot(last_item_id: str = "item_2") -> LeadSnapshot:
    return LeadSnapshot(
        shop=SHOP, thread_id=THREAD, visitor="v_1", title="1969 Camaro", kind="full",
        reason="idle", request_id="req-1", last_item_id=last_item_id, fixed_at=1.0,
        summary=Summary(), lines=(),
    )  # fmt: skip


@dataclass
class Mailroom:
    """Everything the handlers see; replace a part, then call `handlers()` for a new process."""

    clock: HandClock = field(default_factory=HandClock)
    records: MemoryRecords = field(default_factory=MemoryRecords)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    conversations: MemoryConversations = field(default_factory=MemoryConversations)
    publisher: RememberingPublisher = field(default_factory=RememberingPublisher)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    marks: MemorySentMarks = field(default_factory=MemorySentMarks)
    metrics: Metrics = field(default_factory=Metrics)
    out: io.StringIO = field(default_factory=io.StringIO)
    policy: str = "never_zero"
    compose: Compose = plain_compose
    alerts_to: str = ALERTS_TO
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.leases = MemoryLeases(self.clock)
        self.transport: MailTransport = FakeTransport(self.clock)
        self.second = FakeTransport(self.clock, name="second")
        numbers = itertools.count(1)
        self.new_id = lambda: f"id-{next(numbers)}"
        self.shops: dict[str, ShopProfile] = dict(SHOPS.by_slug)
        self.log = Log("mailer", out=self.out, clock=self.clock)
        self.say("item_2")

    @property
    def provider(self) -> FakeTransport:
        assert isinstance(self.transport, FakeTransport)
        return self.transport

    def say(self, last_item_id: str) -> None:
        item = Item(id=last_item_id, speaker="customer", text="call me", at=self.clock.now())
        conversation = Conversation(thread_id=THREAD, visitor="v_1", title="", items=(item,))
        self.conversations.put(SHOP, conversation)

    async def pending(self) -> None:
        """What the lead service has done before it asks for the mail."""
        body = snapshot().encode()
        await self.blobs.put(self.snapshot, body, content_type="application/json")
        due_at = self.clock.now() + 600
        event = Considered(reason="idle", due_at=due_at, visitor="v_1")
        assert (await apply(self.records, KEY, event, self.clock)).wrote

    @property
    def snapshot(self) -> str:
        return snapshot_key(SHOP, THREAD, snapshot().encode())

    def wish(self, *, attempt: int = 1, lease: str = LEASE) -> Delivery[SendLeadMail]:
        message = SendLeadMail(
            shop=SHOP, thread_id=THREAD, snapshot=self.snapshot, last_item_id="item_2",
            kind="full", reason="idle", visitor="v_1", lease=lease, request_id="req-1",
        )  # fmt: skip
        return Delivery(
            message=message, entry_id=f"entry-{attempt}", attempt=attempt, reply_to="gateway-1"
        )

    @property
    def record(self) -> LeadRecord:
        return self.records.leads[KEY]

    def handlers(self) -> MailHandlers:
        rules = Rules(policy="never_two" if self.policy == "never_two" else "never_zero")
        copies = Copies(self.blobs, self.compose, self.log)
        receipts = Receipts(
            self.records, self.marks, self.journal, self.clock, self.log, sleep=self.sleep
        )
        alerts = Alerts(
            transports=(self.second, self.transport), leases=self.leases, records=self.records,
            to=self.alerts_to, senders={SHOP: "leads@example.com"}, clock=self.clock,
            new_id=self.new_id, log=self.log, metrics=self.metrics,
        )  # fmt: skip
        return MailHandlers(
            records=self.records,
            copies=copies,
            conversations=self.conversations,
            transport=self.transport,
            receipts=receipts,
            resolver=Resolver(
                receipts=receipts, transport=self.transport, copies=copies, shops=self.shops,
                clock=self.clock, rules=rules,
            ),
            leases=ThreadLeases(self.leases, 120, self.log),
            answers=Answers(self.publisher, self.clock, self.log),
            reports=Reports(alerts, self.log, self.metrics, self.blobs),
            shops=self.shops,
            clock=self.clock,
            new_id=self.new_id,
            rules=rules,
        )  # fmt: skip

    def sweep(self) -> Sweep:
        """Of a process that has just begun."""
        return Sweep(self.records, self.publisher, self.clock, self.log, self.metrics)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.at += seconds

    @property
    def logged(self) -> str:
        return self.out.getvalue()
