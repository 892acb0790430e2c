"""Lead and mailer as they are wired, on a real Redis, SQLite, folders, our own chat, a model."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from libs.conversations.store import ChatStore, ItemRow, Owner, ThreadRow
from libs.conversations.store_open import open_chat_store
from libs.identity.visitors import visitor_id
from libs.ledger.open import open_records
from libs.ledger.port import LeadRecords
from libs.ledger.record import LeadKey, LeadRecord, State, Watch
from libs.messages.base import Attribution, Message
from libs.messages.lead import ConsiderLead, LeadDecision, RecordSignal
from libs.messages.mail import LeadMailSent
from libs.runtime.clock import SystemClock
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.runtime.runtime import Runtime, Service
from libs.runtime.settings import load
from libs.streams import scripts
from libs.streams.open import open_streams
from libs.streams.streams import Streams
from services.lead.settings import LeadSettings
from services.lead.wiring import wire as wire_lead
from services.mailer.settings import MailerSettings
from services.mailer.wiring import wire as wire_mailer
from tests.flow.test_gateway import post
from tests.gateway import KEYS, UNLIMITED, gateway
from tests.openai_server import OpenAIServer, Status, openai_server

pytestmark = pytest.mark.slow

SHOP, VISITOR = "craigs", "v_flow"
OWNER = Owner(SHOP, VISITOR)
WORDS = "My name is Ana Ruiz, the seat of my 2016 Honda Civic is torn, 408-555-0176"
LONG_AGO = time.time() - 60 * 86_400
"""Every chat is quiet since then, and nothing of it is yet too old to be kept."""
BY_THE_CLOCK = (scripts.RENEW.sha, scripts.STATS.sha, scripts.TURN.sha)
"""Chores, some a second whatever the load."""
NOT_COUNTED = (
    "XLEN", "HELLO", "CLIENT", "ECHO", "XDEL {reply.",
    *(f"EVALSHA {sha}" for sha in BY_THE_CLOCK),
)  # fmt: skip
"""Nor is what whoever asked does with the answer."""
WAITS = re.compile(r"XREADGROUP .* BLOCK .* >|XREAD .* BLOCK .* {reply\..*")
"""End by the clock when nothing comes. Two of the first bring a lead: to lead, and to mailer."""
STREAM_KEYS = tuple(
    f"{{{name}:0}}:stream" for name in ("lead.consider", "lead.signal", "mail.send")
)


@dataclass
class Running:
    streams: Streams
    records: LeadRecords
    chats: ChatStore
    data: Path
    logged: io.StringIO

    async def talk(self, thread_id: str, text: str, owner: Owner = OWNER) -> None:
        """A conversation that ended long ago."""
        await self.chats.put_thread(owner, ThreadRow(id=thread_id, created_at=1.0, title="Seats"))
        await self.say(thread_id, "cthi_1", text, LONG_AGO, owner)

    async def say(
        self, thread_id: str, item_id: str, text: str, at: float, owner: Owner = OWNER
    ) -> None:
        body = {
            "id": item_id, "type": "user_message", "created_at": at,
            "content": [{"type": "input_text", "text": text}],
        }  # fmt: skip
        item = ItemRow(id=item_id, kind="user_message", at=at, changed_at=at, body=json.dumps(body))
        await self.chats.put_item(owner, thread_id, item)

    async def say_now(self, thread_id: str, text: str) -> None:
        await self.say(thread_id, "cthi_now", text, time.time())

    async def becomes(self, thread_id: str, state: State) -> LeadRecord:
        async with asyncio.timeout(60):
            while True:
                record = await self.records.read(LeadKey(SHOP, thread_id))
                if record and record.state is state:
                    return record
                await asyncio.sleep(0.05)

    async def settled(self) -> None:
        """Until every stream is empty: handled, acked, deleted."""
        async with asyncio.timeout(60):
            while any([await self.streams.redis.execute("XLEN", key) for key in STREAM_KEYS]):
                await asyncio.sleep(0.02)

    async def ask(self, thread_id: str, reason: str = "idle", **fields: Any) -> Message:
        wish = ConsiderLead(
            shop=SHOP, thread_id=thread_id, reason=reason, visitor=VISITOR, request_id="req-flow",
            **fields,
        )  # fmt: skip
        return await self.streams.ask(wish, timeout_seconds=30)

    async def record(self, thread_id: str) -> LeadRecord:
        found = await self.records.read(LeadKey(SHOP, thread_id))
        assert found
        return found

    def mails(self) -> list[str]:
        return [path.read_text() for path in sorted((self.data / "outbox").glob("*.eml"))]


@contextlib.asynccontextmanager
async def running(data: Path, redis_url: str, **environ: str) -> AsyncIterator[Running]:
    settings = {"HANDOFF_DATA": str(data), "PUBLIC_URL": "https://chat.example", **environ}
    lead, mailer = load(LeadSettings, settings), load(MailerSettings, settings)
    logged = io.StringIO()
    metrics, log, clock = Metrics(), Log("lead", out=logged), SystemClock()
    async with AsyncExitStack() as stack:
        streams = await open_streams(redis_url, metrics=metrics, log=log, stack=stack)
        runtime = Runtime(stack=stack, streams=streams, metrics=metrics, log=log, one_machine=True)
        services = [await wire_lead(lead, runtime), await wire_mailer(mailer, runtime)]
        records = await open_records(lead, stack, clock)
        chats = await open_chat_store(lead, stack)
        async with _working(services, streams):
            yield Running(streams, records, chats, data, logged)


@contextlib.asynccontextmanager
async def _working(services: list[Service], streams: Streams) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for service in services:
            for consumer in service.consumers:
                group.create_task(streams.consume(consumer, stop))
        loops = [group.create_task(_run(loop)) for service in services for loop in service.loops]
        yield
        stop.set()
        for loop in loops:
            loop.cancel()


async def _run(loop: Any) -> None:
    await loop()


@pytest.fixture
def openai() -> Iterator[OpenAIServer]:
    with openai_server() as server:
        yield server


async def test_trigger_becomes_one_mail_of_one_call_and_three_writes(
    tmp_path: Path, redis_url: str, openai: OpenAIServer
) -> None:
    async with running(
        tmp_path, redis_url, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=openai.url
    ) as world:
        await world.talk("cthr_straight", WORDS)

        answer = await world.ask("cthr_straight")

        assert isinstance(answer, LeadMailSent)
        record = await world.record("cthr_straight")
        assert (record.state, record.version, record.attempt) == (State.SENT, 3, 1)
        assert len(openai.seen("responses")) == 1
        (mail,) = world.mails()
        assert "2016 Honda Civic" in mail
        assert "X-Request-ID: req-flow" in mail
        assert "Ana" not in world.logged.getvalue()


async def test_sixty_four_triggers_at_once(
    tmp_path: Path, redis_url: str, openai: OpenAIServer
) -> None:
    openai.delay_seconds = 0.3
    async with running(
        tmp_path, redis_url, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=openai.url
    ) as world:
        await world.talk("cthr_many", WORDS)

        answers = await asyncio.gather(*(world.ask("cthr_many") for _ in range(64)))

        sent = [answer for answer in answers if isinstance(answer, LeadMailSent)]
        others = [answer for answer in answers if isinstance(answer, LeadDecision)]
        assert len(sent) + len(others) == 64
        assert len(sent) >= 1
        assert {answer.reason for answer in others} <= {"in_progress", "already_sent"}
        assert len(openai.seen("responses")) == 1
        assert len(world.mails()) == 1


async def test_sixty_four_tabs_of_the_owner_each_hear_how_it_stands(
    tmp_path: Path, redis_url: str, openai: OpenAIServer
) -> None:
    openai.delay_seconds = 0.3
    async with running(
        tmp_path, redis_url, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=openai.url
    ) as world, gateway(
        tmp_path, redis_url=redis_url, ANSWER_SECONDS="60", **UNLIMITED
    ) as door:  # fmt: skip
        await world.talk("cthr_tabs", WORDS, Owner(SHOP, visitor_id(KEYS[0], "u-1")))
        body = {"threadId": "cthr_tabs", "reason": "idle", "user": "u-1"}
        url = f"{door.url}/api/chatkit/lead"

        stranger = asyncio.create_task(post(url, {**body, "user": "u-2"}))
        answers = await asyncio.gather(*(post(url, body) for _ in range(64)))

        reasons = [answer["reason"] for _, answer, _ in answers]
        assert {status for status, _, _ in answers} == {200}
        assert set(reasons) <= {"idle", "in_progress", "already_sent"}
        assert "in_progress" in reasons
        assert (await stranger)[1]["reason"] == "accepted"
        await world.becomes("cthr_tabs", State.SENT)
        assert len(openai.seen("responses")) == 1
        assert len(world.mails()) == 1


async def test_no_more_than_eight_commands_beside_the_two_reads_that_bring_it(
    tmp_path: Path, redis_url: str, openai: OpenAIServer
) -> None:
    """After admission."""
    async with running(
        tmp_path, redis_url, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=openai.url
    ) as world:
        await world.talk("cthr_warm", WORDS)
        await world.ask("cthr_warm")
        await world.talk("cthr_count", WORDS)
        async with commands(redis_url) as seen:
            await world.ask("cthr_count")
            await world.settled()

        ours = seen[seen.index(next(line for line in seen if "XADD" in line)) + 1 :]
        assert any(line.startswith("XADD {mail.send") for line in ours)
        assert len(ours) <= 8, "\n".join(ours)


async def test_not_idle_is_mailed_by_its_timer_though_nobody_asks_again(
    tmp_path: Path, redis_url: str
) -> None:
    async with running(tmp_path, redis_url, QUIET_SECONDS="1.5") as world:
        await world.talk("cthr_timer", WORDS)
        await world.say_now("cthr_timer", "and the passenger seat")

        answer = await world.ask("cthr_timer", "chat_closed")

        assert isinstance(answer, LeadDecision)
        assert (answer.reason, answer.visitor) == ("not_idle", VISITOR)
        assert answer.scheduled_for
        assert answer.last_activity_at
        assert answer.scheduled_for - answer.last_activity_at == pytest.approx(6.5)
        record = await world.becomes("cthr_timer", State.SENT)
        assert record.tries == 0
        assert len(world.mails()) == 1


async def test_wiped_redis_loses_no_timer(tmp_path: Path, redis_url: str) -> None:
    async with running(tmp_path, redis_url, QUIET_SECONDS="1.5", SWEEP_SECONDS="0.3") as world:
        await world.talk("cthr_wiped", WORDS)
        await world.say_now("cthr_wiped", "and the passenger seat")
        await world.ask("cthr_wiped")
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            await client.flushall()

        await world.becomes("cthr_wiped", State.SENT)

        assert len(world.mails()) == 1


async def test_visitor_who_vanished_still_becomes_a_mail(tmp_path: Path, redis_url: str) -> None:
    async with running(tmp_path, redis_url, SWEEP_SECONDS="0.3") as world:
        await world.talk("cthr_gone", WORDS)
        await world.records.put_watch(Watch(shop=SHOP, visitor=VISITOR, due_at=1.0, locale="es"))

        await world.becomes("cthr_gone", State.SENT)

        assert len(world.mails()) == 1
        assert await world.records.due_watches(9e9, 10) == []


async def test_signals_and_attribution_are_in_the_mail(tmp_path: Path, redis_url: str) -> None:
    async with running(tmp_path, redis_url) as world:
        await world.talk("cthr_ad", WORDS)
        signal = RecordSignal(
            shop=SHOP, event="click_call", visitor=VISITOR, at=LONG_AGO,
            attribution=Attribution(utm_source="spring-mailer", landing_page="/seats"),
        )  # fmt: skip
        await world.streams.publish(signal)

        await world.settled()
        await world.ask("cthr_ad", attribution=Attribution(device_type="mobile"))

        (mail,) = world.mails()
        assert "spring-mailer" in mail


async def test_unknown_thread_is_said_and_leaves_nothing(tmp_path: Path, redis_url: str) -> None:
    async with running(tmp_path, redis_url) as world:
        answer = await world.ask("cthr_nobody")

        assert isinstance(answer, LeadDecision)
        assert not answer.known
        assert await world.records.read(LeadKey(SHOP, "cthr_nobody")) is None


async def test_model_down_is_mailed_all_the_same_and_the_mail_says_so(
    tmp_path: Path, redis_url: str, openai: OpenAIServer
) -> None:
    openai.fail("responses", Status(500), times=2)
    async with running(
        tmp_path, redis_url, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=openai.url
    ) as world:
        await world.talk("cthr_down", WORDS)

        assert isinstance(await world.ask("cthr_down"), LeadMailSent)

        (mail,) = world.mails()
        assert "summary unavailable" in mail.lower()
        assert "Lead summary generation failed" in world.logged.getvalue()


@contextlib.asynccontextmanager
async def commands(redis_url: str) -> AsyncIterator[list[str]]:
    """What clients asked of Redis meanwhile; waiting for entries and what scripts do aside."""
    seen: list[str] = []
    async with (
        redis.asyncio.Redis.from_url(redis_url) as client,
        redis.asyncio.Redis.from_url(redis_url) as marker,
        client.monitor() as monitor,
    ):
        await marker.echo("connected")
        yield seen
        await marker.echo("the end")
        async for entry in monitor.listen():
            command = entry["command"]
            if command == "ECHO the end":
                return
            if entry["client_type"] != "lua" and _is_counted(command):
                seen.append(command)


def _is_counted(command: str) -> bool:
    return not command.startswith(NOT_COUNTED) and not WAITS.fullmatch(command)
