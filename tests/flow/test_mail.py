"""The mailer as it is wired: real streams, SQLite, folders, our own chat, and each way out."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from libs.blobs.open import open_blobs
from libs.conversations.store import ItemRow, Owner, ThreadRow
from libs.conversations.store_open import open_chat_store
from libs.leads.snapshot import Contact, LeadSnapshot, Line, Summary, snapshot_key
from libs.ledger.apply import apply
from libs.ledger.events import Considered
from libs.ledger.open import open_records
from libs.ledger.port import LeadRecords
from libs.ledger.record import LeadKey, LeadRecord, State
from libs.messages.base import Message
from libs.messages.mail import LeadMailHeld, LeadMailSent, SendLeadMail
from libs.runtime.clock import SystemClock
from libs.runtime.ids import random_id
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.runtime.runtime import Runtime, Service
from libs.runtime.settings import load
from libs.streams.open import open_streams
from services.mailer.settings import MailerSettings
from services.mailer.wiring import wire
from tests.contracts.post_offices import ses_office, smtp_office

pytestmark = pytest.mark.slow

SHOP, THREAD = "craigs", "cthr_flow"
KEY = LeadKey(SHOP, THREAD)
OWNER = Owner(SHOP, "v_flow")
WORDS = "Please call me at 408-555-0176 about my torn seat"


@dataclass
class Running:
    """A wired mailer, and what the lead service would have left for it."""

    runtime: Runtime
    service: Service
    settings: MailerSettings
    records: LeadRecords
    wish: SendLeadMail

    async def ask(self) -> Message:
        return await self.runtime.streams.ask(self.wish, timeout_seconds=60)

    async def record(self) -> LeadRecord:
        found = await self.records.read(KEY)
        assert found
        return found

    async def becomes(self, state: State) -> LeadRecord:
        async with asyncio.timeout(60):
            while (record := await self.record()).state is not state:
                await asyncio.sleep(0.05)
        return record


@contextlib.asynccontextmanager
async def running(data: Path, redis_url: str, **environ: str) -> AsyncIterator[Running]:
    settings = load(MailerSettings, {"HANDOFF_DATA": str(data), **environ})
    metrics, log, clock = Metrics(), Log("mailer"), SystemClock()
    async with AsyncExitStack() as stack:
        streams = await open_streams(redis_url, metrics=metrics, log=log, stack=stack)
        runtime = Runtime(stack=stack, streams=streams, metrics=metrics, log=log, one_machine=True)
        service = await wire(settings, runtime)
        records = await open_records(settings, stack, clock)
        wish = await _a_lead(settings, stack, records)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for consumer in service.consumers:
                group.create_task(streams.consume(consumer, stop))
            loops = [group.create_task(_run(loop)) for loop in service.loops]
            yield Running(runtime, service, settings, records, wish)
            stop.set()
            for loop in loops:
                loop.cancel()


async def _run(loop: Any) -> None:
    await loop()


async def _a_lead(
    settings: MailerSettings, stack: AsyncExitStack, records: LeadRecords
) -> SendLeadMail:
    """A thread in our own chat, its snapshot and its record, as lead leaves them."""
    store, blobs = await open_chat_store(settings, stack), await open_blobs(settings, stack)
    await store.put_thread(OWNER, ThreadRow(id=THREAD, created_at=1.0))
    body = {"id": "cmsg_1", "type": "user_message", "created_at": "2026-11-20T18:00:00Z",
            "content": [{"type": "input_text", "text": WORDS}]}  # fmt: skip
    item = ItemRow(id="cmsg_1", kind="user_message", at=1.0, changed_at=1.0, body=json.dumps(body))
    await store.put_item(OWNER, THREAD, item)
    encoded = _snapshot().encode()
    key = snapshot_key(SHOP, THREAD, encoded)
    await blobs.put(key, encoded, content_type="application/json")
    due = Considered(reason="idle", due_at=9e9, visitor=OWNER.visitor)
    await apply(records, KEY, due, SystemClock())
    return SendLeadMail(
        shop=SHOP, thread_id=THREAD, snapshot=key, last_item_id="cmsg_1", kind="full",
        reason="idle", visitor=OWNER.visitor, request_id="req-flow",
    )  # fmt: skip


def _snapshot() -> LeadSnapshot:
    contact = Contact(
        kind="phone", value="+14085550176", shown="(408) 555-0176", item_id="cmsg_1",
        start=18, end=30,
    )  # fmt: skip
    line = Line(item_id="cmsg_1", speaker="customer", name="Customer", text=WORDS, at=1.0)
    return LeadSnapshot(
        shop=SHOP, thread_id=THREAD, visitor=OWNER.visitor, title="Torn seat", kind="full",
        reason="idle", request_id="req-flow", last_item_id="cmsg_1", fixed_at=1_795_000_000.0,
        summary=Summary(customer_phone="+14085550176", summary="A torn seat."),
        contacts=(contact,), lines=(line,),
    )  # fmt: skip


def parsed(body: bytes) -> EmailMessage:
    return email.message_from_bytes(body, policy=email.policy.default)


def _of(data: Path) -> list[Path]:
    return sorted((data / "outbox").glob("*.eml"))


async def test_by_the_outbox(redis_url: str, tmp_path: Path) -> None:
    async with running(tmp_path, redis_url) as mailer:
        answer = await mailer.ask()
        again = await mailer.ask()
        record = await mailer.record()

    assert isinstance(answer, LeadMailSent)
    assert isinstance(again, LeadMailSent)
    [mail] = _of(tmp_path)
    message = parsed(mail.read_bytes())
    assert message["X-Handoff-Thread"] == THREAD
    assert message["X-Handoff-Attempt"] == "1"
    assert message["X-Request-ID"] == "req-flow"
    assert record.state is State.SENT


async def test_by_smtp_byte_for_byte_what_was_kept(redis_url: str, tmp_path: Path) -> None:
    async with smtp_office() as office:
        environ = smtp(office.proxy.port)
        async with running(tmp_path, redis_url, **environ) as mailer:
            answer = await mailer.ask()
            kept = await _kept(mailer)

    assert isinstance(answer, LeadMailSent)
    assert office.arrived() == [kept]


async def test_by_ses_byte_for_byte_what_was_kept(
    redis_url: str, tmp_path: Path, moto_url: str
) -> None:
    async with ses_office(moto_url) as office:
        async with running(tmp_path, redis_url, **ses(office.url)) as mailer:
            answer = await mailer.ask()
            kept = await _kept(mailer)

        assert isinstance(answer, LeadMailSent)
        assert office.arrived() == [kept]


async def test_a_lost_reply_is_settled_by_the_delivery_event(
    redis_url: str, tmp_path: Path, moto_url: str
) -> None:
    async with ses_office(moto_url) as office, _queue(moto_url) as (sqs, queue_url):
        office.lose_reply()
        environ = {**ses(office.url), "SES_EVENTS_QUEUE_URL": queue_url}
        async with running(tmp_path, redis_url, **environ) as mailer:
            answer = await mailer.ask()
            waiting = await mailer.record()
            event = {
                "eventType": "Delivery",
                "mail": {
                    "messageId": "ses-9",
                    "tags": {"shop": [SHOP], "thread": [THREAD], "attempt": ["1"]},
                },
            }
            await sqs.send_message(QueueUrl=queue_url, MessageBody=json.dumps(event))
            settled = await mailer.becomes(State.SENT)

        assert isinstance(answer, LeadMailHeld)
        assert answer.reason == "in_progress"
        assert waiting.state is State.SENDING
        assert (settled.sent_by, settled.message_id) == ("event", "ses-9")
        assert len(office.arrived()) == 1


async def test_a_dead_smtp_server_is_passed_by_the_fallback(
    redis_url: str, tmp_path: Path, moto_url: str
) -> None:
    async with ses_office(moto_url) as office:
        environ = {**ses(office.url), **smtp(9), "MAIL_FALLBACK": "ses"}
        async with running(tmp_path, redis_url, **environ) as mailer:
            answer = await mailer.ask()

        assert isinstance(answer, LeadMailSent)
        assert len(office.arrived()) == 1


async def test_newer_words_send_the_thread_back_to_be_considered(
    redis_url: str, tmp_path: Path
) -> None:
    async with running(tmp_path, redis_url) as mailer:
        stale = replace(mailer.wish, last_item_id="cmsg_0")
        with pytest.raises(TimeoutError):
            await mailer.runtime.streams.ask(stale, timeout_seconds=1)
        await mailer.becomes(State.PENDING)

    assert _of(tmp_path) == []


def smtp(port: int) -> dict[str, str]:
    return {
        "MAIL": "smtp",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(port),
        "SMTP_TLS": "none",
        "PUBLIC_URL": "https://chat.example.com",
    }


def ses(url: str) -> dict[str, str]:
    return {
        "MAIL": "ses",
        "AWS_ENDPOINT_URL": url,
        "PUBLIC_URL": "https://chat.example.com",
    }


async def _kept(mailer: Running) -> bytes:
    """The copy in the blob store, found by the hash in the record."""
    record = await mailer.record()
    blobs = await open_blobs(mailer.settings, mailer.runtime.stack)
    [key] = [
        blob.key
        async for blob in blobs.list(f"mail/{SHOP}/{THREAD}/")
        if record.content_hash in blob.key
    ]
    return await blobs.get(key)


@contextlib.asynccontextmanager
async def _queue(moto_url: str) -> AsyncIterator[tuple[Any, str]]:
    from aiobotocore.session import get_session

    async with get_session().create_client(
        "sqs", region_name="us-east-1", endpoint_url=moto_url
    ) as sqs:
        made = await sqs.create_queue(QueueName=f"flow-{random_id()[:8].strip('-_')}")
        yield sqs, made["QueueUrl"]
