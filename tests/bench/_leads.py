"""Lead and mailer as processes of their own, conversations that ended, a provider that counts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from libs.conversations.store import ChatStore, ItemRow, Owner, ThreadRow
from libs.conversations.store_open import open_chat_store
from libs.messages.lead import ConsiderLead
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.runtime.settings import CommonSettings
from libs.streams.open import open_streams
from libs.streams.streams import Streams
from services.lead.summary.prompt import schema
from tests.openai_shapes import Text, least_instance, response

C = TypeVar("C", "CountingSmtp", "CountingModel")

SHOP: Final = "craigs"
WORDS: Final = "My name is Ana Ruiz, the seat of my 2016 Honda Civic is torn, 408-555-0176"
LONG_AGO: Final = time.time() - 60 * 86_400
"""Quiet for long, and not yet too old to be kept."""
SEEDED_AT_ONCE: Final = 200
START_SECONDS: Final = 30.0
_YES: Final = b"250 ok\r\n"
_SAYS: Final = {b"DATA": b"354 go\r\n", b"QUIT": b"221 bye\r\n"}


@dataclass
class CountingSmtp:
    """Says yes at once, and stamps when a mail was offered."""

    port: int = 0
    begun: list[float] = field(default_factory=list)
    """`time.perf_counter()` at each DATA: the first command by which a mail can leave."""
    taken: int = 0

    def serving(self) -> AbstractAsyncContextManager[CountingSmtp]:
        return _serving(self, lambda: _SmtpLine(self))


class _SmtpLine(asyncio.Protocol):
    """One connection: a line, its answer, the next line; of a mail only its end."""

    def __init__(self, counts: CountingSmtp) -> None:
        self._counts = counts
        self._heard = b""
        self._in_mail = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(b"220 ready\r\n")

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while (end := self._heard.find(b"\r\n.\r\n" if self._in_mail else b"\r\n")) >= 0:
            verb = self._heard[:4].upper()
            self._heard = self._heard[end + (5 if self._in_mail else 2) :]
            if self._in_mail:
                self._counts.taken += 1
            elif verb == b"DATA":
                self._counts.begun.append(time.perf_counter())
            self._transport.write(
                b"250 ok\r\n" if self._in_mail else _SAYS.get(verb, b"250 ok\r\n")
            )
            self._in_mail = not self._in_mail and verb == b"DATA"
            if verb == b"QUIT":
                self._transport.close()


@dataclass
class CountingModel:
    """Says the same to everybody, at once: the least that the schema of a summary allows."""

    port: int = 0
    asked: int = 0

    def serving(self) -> AbstractAsyncContextManager[CountingModel]:
        draft = Text(json.dumps(least_instance(schema())))
        said = json.dumps(response({"model": "bench"}, draft)).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        return _serving(self, lambda: _HttpLine(self, head % len(said) + said))


class _HttpLine(asyncio.Protocol):
    def __init__(self, counts: CountingModel, answer: bytes) -> None:
        self._counts = counts
        self._answer = answer
        self._heard = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, whole, body = self._heard.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if whole and length and len(body) == int(length[1]):
            self._heard = b""
            self._counts.asked += 1
            self._transport.write(self._answer)


@contextlib.asynccontextmanager
async def _serving(counts: C, line: Callable[[], asyncio.Protocol]) -> AsyncIterator[C]:
    loop = asyncio.get_running_loop()
    async with await loop.create_server(line, "127.0.0.1", 0) as server:
        counts.port = server.sockets[0].getsockname()[1]
        yield counts


def environment(data: Path, redis_url: str, smtp_port: int) -> dict[str, str]:
    return {
        "HANDOFF_DATA": str(data), "REDIS_URL": redis_url, "PUBLIC_URL": "https://chat.example",
        "SITE_KEYS": "bench-key-" + "k" * 32, "MAIL": "smtp", "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(smtp_port), "SMTP_TLS": "none",
        "LIMIT_MODEL_CALLS_PER_MINUTE": "1000000/60",
    }  # fmt: skip


@dataclass(frozen=True)
class Started:
    """A service that has said that it is ready."""

    pid: int
    seconds: float
    """From its start until then."""


@contextlib.contextmanager
def service(
    module: str, environ: Mapping[str, str], log: Path, *arguments: str
) -> Iterator[Started]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    began = time.perf_counter()
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={**kept, **environ},
            stdout=subprocess.DEVNULL,
            stderr=file,
        )
    try:
        _await_line(log, b'"service_ready"', lambda: process.poll() is None)
        yield Started(process.pid, time.perf_counter() - began)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_line(log: Path, wanted: bytes, alive: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while wanted not in log.read_bytes():
        if not alive() or time.monotonic() > deadline:
            raise RuntimeError(f"no {wanted.decode()} in:\n{log.read_text()[-2000:]}")
        time.sleep(0.005)


@contextlib.asynccontextmanager
async def streams_of(redis_url: str) -> AsyncIterator[Streams]:
    async with AsyncExitStack() as stack:
        yield await open_streams(
            redis_url, metrics=Metrics(), log=Log("bench", level="error"), stack=stack
        )


async def seed(data: Path, name: str, count: int) -> list[ConsiderLead]:
    """Conversations that ended long ago, each of a visitor of its own, and their triggers."""
    gate = asyncio.Semaphore(SEEDED_AT_ONCE)
    async with AsyncExitStack() as stack:
        store = await open_chat_store(CommonSettings(data=str(data)), stack)

        async def one(number: int) -> ConsiderLead:
            async with gate:
                return await _conversation(store, f"cthr_{name}{number:06}", f"v_{name}{number}")

        return list(await asyncio.gather(*(one(number) for number in range(count))))


async def _conversation(store: ChatStore, thread_id: str, visitor: str) -> ConsiderLead:
    owner = Owner(SHOP, visitor)
    await store.put_thread(owner, ThreadRow(id=thread_id, created_at=1.0, title="Seats"))
    body = {
        "id": "cthi_1", "type": "user_message", "created_at": LONG_AGO,
        "content": [{"type": "input_text", "text": WORDS}],
    }  # fmt: skip
    item = ItemRow(
        id="cthi_1", kind="user_message", at=LONG_AGO, changed_at=LONG_AGO, body=json.dumps(body)
    )
    await store.put_item(owner, thread_id, item)
    return ConsiderLead(
        shop=SHOP, thread_id=thread_id, reason="idle", visitor=visitor, request_id="bench"
    )
