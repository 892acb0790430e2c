"""The lead service on fakes: a conversation, a clock that tests move, and everything in reach."""

from __future__ import annotations

import io
import itertools
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from libs.blobs.fakes import MemoryBlobs
from libs.conversations.fakes import MemoryConversations
from libs.conversations.port import Attachment, Conversation, Conversations, Item, Speaker
from libs.leads.attribution import Trails
from libs.leads.snapshot import LeadSnapshot, decode_snapshot
from libs.leases.fakes import MemoryLeases
from libs.leases.thread import ThreadLeases
from libs.ledger.fakes import MemoryRecords
from libs.ledger.record import LeadKey, LeadRecord, State
from libs.ledger.sweep import Sweep
from libs.limits.fakes import MemoryLimits
from libs.messages.base import Message
from libs.messages.lead import ConsiderLead, LeadDecision, RecordSignal
from libs.messages.mail import SendLeadMail
from libs.model.caps import ModelSettings
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.runtime.settings import Rate
from libs.shops.profile import load_shops
from libs.streams.fakes import RememberingPublisher
from libs.streams.port import Delivery
from services.lead.gates import Times
from services.lead.handlers import LeadHandlers
from services.lead.ports import HostedFiles, SummaryModel
from services.lead.snapshots import Snapshots
from services.lead.summary.summaries import Summaries
from services.lead.watches import Sweeper
from tests.clock import HandClock

NOW = 1_790_000_000.0
SHOP = "craigs"
THREAD = "cthr_0123456789abcdef"
VISITOR = "v_anna"
SHOPS = load_shops("deploy/shops")
PROFILE = SHOPS.by_slug[SHOP]
READY_WORDS = "The driver seat of my 2016 Honda Civic is torn. My number is 408-555-0123."


class Publisher(RememberingPublisher):
    """Also remembers where each answer goes."""

    def __init__(self) -> None:
        super().__init__()
        self.reply_to: list[tuple[str, float]] = []

    async def publish(self, message: Message, *, reply_to: str = "", deadline: float = 0.0) -> None:
        self.reply_to.append((reply_to, deadline))
        await super().publish(message, reply_to=reply_to, deadline=deadline)


@dataclass
class World:
    model: SummaryModel | None = None
    records: MemoryRecords = field(default_factory=MemoryRecords)
    conversations: MemoryConversations = field(default_factory=MemoryConversations)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    times: Times = field(default_factory=Times)
    most_model_calls: int = 600
    source: Conversations | None = None
    """Where conversations are read instead of `conversations`."""
    hosted: HostedFiles | None = None

    def __post_init__(self) -> None:
        self.clock = HandClock(NOW)
        self.leases = MemoryLeases(self.clock)
        self.publisher = Publisher()
        self.metrics = Metrics()
        self.limits = MemoryLimits(self.clock)
        self.trails = Trails(self.blobs)
        self.logged = io.StringIO()
        self.log = Log("lead", level="info", out=self.logged, clock=self.clock)
        self.summaries = Summaries(
            model=self.model,
            limits=self.limits,
            caps=ModelSettings(
                limit_model_calls_per_minute=Rate(self.most_model_calls, 60),
                limit_model_calls_per_day=Rate(0, 1),
            ).model_calls,
            blobs=self.blobs,
            metrics=self.metrics,
            log=self.log,
        )
        self.handlers = LeadHandlers(
            shops=SHOPS,
            records=self.records,
            conversations=self.source or self.conversations,
            leases=ThreadLeases(self.leases, self.times.lease_seconds, self.log),
            publisher=self.publisher,
            summaries=self.summaries,
            snapshots=Snapshots(self.blobs, self.trails, self.clock, self.hosted),
            trails=self.trails,
            clock=self.clock,
            metrics=self.metrics,
            log=self.log,
            times=self.times,
        )
        self.sweeper = Sweeper(
            records=self.records,
            conversations=self.conversations,
            publisher=self.publisher,
            clock=self.clock,
            log=self.log,
            overdue=Sweep(self.records, self.publisher, self.clock, self.log, self.metrics),
            sweep_seconds=30,
        )
        self._numbers = itertools.count(1)

    def say(
        self, text: str, *, speaker: Speaker = "customer", thread_id: str = THREAD,
        attachments: tuple[Attachment, ...] = (), visitor: str = VISITOR,
    ) -> Item:  # fmt: skip
        """One more item, said now."""
        item = Item(
            id=f"cthi_{next(self._numbers):04}", speaker=speaker, text=text,
            at=self.clock.at, attachments=attachments,
        )  # fmt: skip
        known = self.conversations.threads.get((SHOP, thread_id)) or Conversation(
            thread_id=thread_id, visitor=visitor, title="Seats", items=()
        )
        self.conversations.put(SHOP, replace(known, items=(*known.items, item)))
        return item

    def wait(self, seconds: float) -> None:
        self.clock.at += seconds

    def entry(self) -> str:
        return f"{int(self.clock.at * 1000)}-{next(self._numbers)}"

    async def consider(self, reason: str = "idle", **fields: Any) -> Message:
        """The answer that an asker gets, or what the mailer is asked to send."""
        delivery = self.delivery(reason, **fields)
        replies, published = len(self.publisher.replies), len(self.publisher.published)
        await self.handlers.consider(delivery)
        answers = [answer for _, answer in self.publisher.replies[replies:]]
        mails = self.publisher.published[published:]
        assert len(answers) + len(mails) == 1, "exactly one of the two"
        return (answers + mails)[0]

    def delivery(self, reason: str = "idle", **fields: Any) -> Delivery[ConsiderLead]:
        wish: dict[str, Any] = {
            "shop": SHOP, "thread_id": THREAD, "visitor": VISITOR, "request_id": "req-1",
        }  # fmt: skip
        entry = fields.pop("entry_id", None) or self.entry()
        return Delivery(
            message=ConsiderLead(reason=reason, **(wish | fields)),
            entry_id=entry,
            reply_to="reply:1",
            deadline=self.clock.at + 10,
        )

    async def decided(self, reason: str = "idle", **fields: Any) -> LeadDecision:
        answer = await self.consider(reason, **fields)
        assert isinstance(answer, LeadDecision)
        return answer

    async def sends(self, reason: str = "idle", **fields: Any) -> SendLeadMail:
        mail = await self.consider(reason, **fields)
        assert isinstance(mail, SendLeadMail), mail
        return mail

    async def signal(self, **fields: Any) -> None:
        wish = RecordSignal(**({"shop": SHOP, "visitor": VISITOR, "event": "click_call"} | fields))
        await self.handlers.signal(Delivery(message=wish, entry_id=self.entry()))

    def snapshot(self, mail: SendLeadMail) -> LeadSnapshot:
        return decode_snapshot(self.blobs.bodies[mail.snapshot])

    @property
    def record(self) -> LeadRecord | None:
        return self.records.leads.get(LeadKey(SHOP, THREAD))

    def put_record(self, state: State, **fields: Any) -> None:
        record = LeadRecord(
            key=LeadKey(SHOP, THREAD), state=state, visitor=VISITOR, created_at=self.clock.at,
            **fields,
        )  # fmt: skip
        self.records.leads[record.key] = record
