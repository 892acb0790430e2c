"""The chat as processes of their own on a real Redis: shared, resumed, killed and gone on with."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from libs.conversations.store import Owner
from libs.conversations.store_sqlite import open_sqlite
from libs.messages.base import Message
from libs.messages.chat import ChatRequest
from libs.messages.lead import ConsiderLead
from libs.messages.streams import LEAD_CONSIDER
from libs.runtime.ids import random_id
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.streams.envelope import decoder
from libs.streams.lanes import lanes_of
from libs.streams.open import open_streams
from libs.streams.redis import stream_key
from libs.streams.streams import Streams
from tests.openai_server import Hang, OpenAIServer, openai_server
from tests.openai_shapes import Text
from tests.unit.chat.world import Answer, add, create, read_answer, retry

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
READY_SECONDS = 90.0


@dataclass
class ChatProcess:
    process: subprocess.Popen[bytes]
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["event"] == name]

    def kill(self, how: int = signal.SIGKILL) -> None:
        os.kill(self.process.pid, how)
        self.process.wait(timeout=60)


@dataclass
class Place:
    """What the processes share."""

    folder: Path
    redis_url: str
    openai: OpenAIServer
    started: list[ChatProcess] = field(default_factory=list)

    def start(self) -> ChatProcess:
        log = self.folder / f"chat-{len(self.started)}.log"
        environ = {
            **os.environ, "REDIS_URL": self.redis_url, "HANDOFF_DATA": str(self.folder),
            "SITE_KEYS": "k" * 40, "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": self.openai.url,
            "HANDOFF_LOG_LEVEL": "info", "SHOPS": str(ROOT / "deploy" / "shops"),
        }  # fmt: skip
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "services.chat"], cwd=ROOT, env=environ, stderr=out
            )
        chat = ChatProcess(process, log)
        self.started.append(chat)
        return chat

    def end(self) -> None:
        for chat in self.started:
            if chat.process.poll() is None:
                chat.kill()


async def ready(*processes: ChatProcess) -> None:
    async with asyncio.timeout(READY_SECONDS):
        for chat in processes:
            while not chat.events("service_ready"):
                assert chat.process.poll() is None, chat.log.read_text()
                await asyncio.sleep(0.05)


@contextmanager
def a_place(folder: Path, redis_url: str) -> Iterator[Place]:
    with openai_server() as openai:
        place = Place(folder, redis_url, openai)
        try:
            yield place
        finally:
            place.end()


@pytest.fixture
def place(tmp_path: Path, redis_url: str) -> Iterator[Place]:
    with a_place(tmp_path, redis_url) as given:
        yield given


@pytest.fixture
async def gateway(redis_url: str) -> AsyncIterator[Streams]:
    """What the gateway asks with."""
    async with AsyncExitStack() as stack:
        yield await open_streams(
            redis_url, metrics=Metrics(), log=Log("gateway", level="error"), stack=stack
        )


def wish(body: dict[str, Any], **more: Any) -> ChatRequest:
    given = {"shop": "craigs", "visitor": "v_ana", "request_id": random_id(), **more}
    return ChatRequest(body=json.dumps(body), **given)


async def ask(gateway: Streams, body: dict[str, Any], **more: Any) -> Answer:
    chunks: list[Message] = []
    async with asyncio.timeout(60):
        async for _, chunk in gateway.ask_many(wish(body, **more), timeout_seconds=90):
            chunks.append(chunk)
    return read_answer(chunks)


async def considered(gateway: Streams) -> list[ConsiderLead]:
    wishes = []
    for lane in lanes_of(LEAD_CONSIDER):
        for _, fields in await gateway.redis.execute("XRANGE", stream_key(lane), "-", "+"):
            wishes.append(decoder(ConsiderLead).decode(fields[1]).message)
    return wishes


async def test_two_processes_share_the_load(place: Place, gateway: Streams) -> None:
    first, second = place.start(), place.start()
    await ready(first, second)
    place.openai.delay_seconds = 0.05

    visitors = [f"v_{number}" for number in range(40)]
    answers: list[asyncio.Task[Answer]] = []
    async with asyncio.TaskGroup() as asking:
        for visitor in visitors:
            answers.append(asking.create_task(ask(gateway, create("Hello"), visitor=visitor)))
            await asyncio.sleep(0.01)  # visitors do not all speak in the same millisecond

    assert all(answer.result().said for answer in answers)
    async with asyncio.timeout(60):  # a line is written after the answer
        while sum(shares := [len(chat.events("handled")) for chat in (first, second)]) < 40:
            await asyncio.sleep(0.05)
    assert min(shares) >= 3
    assert len({c.thread_id for c in await considered(gateway)}) == 40


async def test_a_dropped_connection_reads_on_where_it_was(place: Place, gateway: Streams) -> None:
    await ready(place.start())
    place.openai.answers.append(Text("one two three four five six seven eight"))
    request = wish(create("Hello"))

    seen: list[Message] = []
    position = ""
    asked = gateway.ask_many(request, timeout_seconds=60)
    async for position, chunk in asked:  # noqa: B007 - the last one is where we read on
        seen.append(chunk)
        if len(seen) == 3:
            break
    await asked.aclose()  # type: ignore[attr-defined]
    async for _, chunk in gateway.ask_many(request, timeout_seconds=60, resume=position):
        seen.append(chunk)

    assert read_answer(seen).said == "one two three four five six seven eight"


async def test_a_disconnect_never_stops_an_answer(place: Place, gateway: Streams) -> None:
    await ready(place.start())
    place.openai.delay_seconds = 0.2
    asked = gateway.ask_many(wish(create("My number is 408 555 0199")), timeout_seconds=60)
    await anext(asked)
    await asked.aclose()  # type: ignore[attr-defined]

    async with asyncio.timeout(60):
        while not await considered(gateway):
            await asyncio.sleep(0.05)
    (lead,) = await considered(gateway)
    async with open_sqlite(place.folder / "chat.sqlite3") as kept:
        rows = (await kept.items(Owner("craigs", "v_ana"), lead.thread_id)).rows
    assert [row.kind for row in rows] == ["user_message", "assistant_message"]


async def test_a_kill_in_mid_answer_ends_in_a_clean_error_and_a_working_retry(
    place: Place, gateway: Streams
) -> None:
    """The time is what it takes the streams to be sure that the process is dead."""
    first = place.start()
    await ready(first)
    place.openai.fail("responses", Hang(170, after_events=6))
    request = wish(create("My seat is torn, call 408 555 0199"))

    chunks: list[Message] = []
    async with asyncio.timeout(110):
        async for _, chunk in gateway.ask_many(request, timeout_seconds=90):
            chunks.append(chunk)
            if "text_delta" in getattr(chunk, "data", "") and len(place.started) == 1:
                await ready(place.start())
                first.kill()
                begun = time.monotonic()
    took = time.monotonic() - begun

    answer = read_answer(chunks)
    assert took < 12
    assert answer.of("error")[0]["allow_retry"]
    assert answer.of("error")[0]["message"].startswith("Sorry, my answer was cut off")
    again = await ask(gateway, retry(answer.thread_id, answer.items[0]["id"]))
    assert again.said
    async with open_sqlite(place.folder / "chat.sqlite3") as kept:
        rows = (await kept.items(Owner("craigs", "v_ana"), answer.thread_id)).rows
    assert [row.kind for row in rows] == ["user_message", "assistant_message"]
    assert {c.thread_id for c in await considered(gateway)} == {answer.thread_id}
    assert await ask(gateway, add(answer.thread_id, "Thanks"))
