"""A desk whose stores are in memory, and the leads that lie on it."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from libs.blobs.fakes import MemoryBlobs
from libs.blobs.open import open_blobs
from libs.conversations.fakes import MemoryConversations
from libs.conversations.port import Attachment, Conversation, Item
from libs.leads.snapshot import Contact, LeadSnapshot, Line, Summary, snapshot_key
from libs.ledger.fakes import MemoryRecords
from libs.ledger.open import open_records
from libs.ledger.record import LeadKey, LeadRecord, State
from libs.messages.base import Attribution
from libs.messages.streams import STREAMS
from libs.runtime.clock import Clock, SystemClock
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.runtime.settings import CommonSettings, load
from libs.shops.profile import load_shops
from libs.streams.lanes import lanes_of
from libs.streams.memory import MemoryBroker
from libs.streams.process import Process
from libs.streams.streams import Streams
from ops.desk import Desk
from ops.finding import Finding
from tests.clock import HandClock

NOW: Final = 1_800_000_000.0
SHOP: Final = "craigs"
THREAD: Final = "cthr_1"
KEY: Final = LeadKey(SHOP, THREAD)


@dataclass
class Stores:
    """The desk's stores under their own types."""

    records: MemoryRecords
    blobs: MemoryBlobs
    conversations: MemoryConversations
    desk: Desk

    async def lead(self, record: LeadRecord, snapshot: LeadSnapshot | None = None) -> LeadRecord:
        if snapshot is not None:
            key = snapshot_key(SHOP, snapshot.thread_id, snapshot.encode())
            await self.blobs.put(key, snapshot.encode(), content_type="application/json")
            record = replace(record, snapshot=key)
        self.records.leads[record.key] = record
        return record


def stores(
    environ: dict[str, str] | None = None, *, redis: bool = False, data: str = "/nowhere"
) -> Stores:
    """`redis`: one inside this process, for commands that ask more of it than its streams."""
    given = {"HANDOFF_DATA": data, "SITE_KEYS": "k" * 40, **(environ or {})}
    records, blobs, conversations = MemoryRecords(), MemoryBlobs(), MemoryConversations()
    desk = Desk(
        settings=load(CommonSettings, given),
        shops=load_shops("deploy/shops"),
        records=records,
        blobs=blobs,
        conversations=conversations,
        clock=HandClock(NOW),
        streams=on_fake_redis() if redis else None,
        redis_problem="" if redis else "does not answer: timeout",
        environ=given,
    )
    return Stores(records, blobs, conversations, desk)


def started(data: Path) -> None:
    """A folder that services have run on: their stores are there, and empty."""

    async def start() -> None:
        settings = load(CommonSettings, {"HANDOFF_DATA": str(data)})
        async with AsyncExitStack() as stack:
            await open_records(settings, stack)
            await open_blobs(settings, stack)

    asyncio.run(start())


def on_fake_redis() -> Streams:
    from libs.redis.address import connect
    from libs.streams.redis import RedisBroker

    client = connect("fake://", name="ops")
    return Streams(RedisBroker(client), process(), client)


def in_memory(clock: Clock | None = None) -> Streams:
    return Streams(MemoryBroker(clock or SystemClock()), process())


async def read_by_all(streams: Streams) -> None:
    """As if every service had just begun to read."""
    for stream in STREAMS:
        for lane in lanes_of(stream):
            await streams.broker.prepare(lane)
            await streams.broker.own(lane, "r", after="", count=1)


def process() -> Process:
    return Process(
        reader="ops-1", metrics=Metrics(), log=Log("ops", level="error"), clock=HandClock(NOW),
        rng=random.Random(1), new_id=lambda: "id",
    )  # fmt: skip


def record(state: State = State.SENT, thread: str = THREAD, **fields: Any) -> LeadRecord:
    sent = {"attempt": 1, "sent_at": NOW, "sent_by": "reply", "kind": "full"}
    given = {"visitor": "v_1", **(sent if state is State.SENT else {}), **fields}
    return LeadRecord(key=LeadKey(SHOP, thread), state=state, **given)


def snapshot(thread: str = THREAD, **fields: Any) -> LeadSnapshot:
    usual: dict[str, Any] = {
        "kind": "full",
        "summary": Summary(customer_name="Ana", vehicle="2015 Ford F-150", project="torn seat"),
        "contacts": (
            contact("phone", "+14085550176;ext=12", "(408) 555-0176 ext. 12"),
            contact("email", "ana@example.com", "ana@example.com"),
        ),
        "attribution": Attribution(gclid="Cj0-gclid", utm_source="google"),
    }
    return LeadSnapshot(
        shop=SHOP, thread_id=thread, visitor="v_1", title="Seat", reason="chat_closed",
        request_id="req-1", last_item_id="cthi_2", fixed_at=NOW - 5,
        lines=(Line(item_id="cthi_1", speaker="customer", name="Customer", text="hi", at=NOW),),
        **{**usual, **fields},
    )  # fmt: skip


def contact(kind: Any, value: str, shown: str) -> Contact:
    return Contact(kind=kind, value=value, shown=shown, item_id="cthi_1", start=0, end=2)


def conversation(
    thread: str = THREAD, text: str = "my seat is torn", visitor: str = "v_1", *files: str
) -> Conversation:
    photos = tuple(Attachment(id=file, name="a.jpg", mime_type="image/jpeg") for file in files)
    said = Item(id="cthi_1", speaker="customer", text=text, at=NOW - 60, attachments=photos)
    return Conversation(thread_id=thread, visitor=visitor, title="Seat", items=(said,))


def well(finding: Finding) -> bool:
    assert finding.ok or finding.do, f"{finding.what} does not say what to do"
    return finding.ok
