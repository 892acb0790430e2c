"""Lead and mailer as processes of their own, conversations that ended, a provider that counts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from libs.conversations.store import ChatStore, ItemRow, Owner, ThreadRow
from libs.conversations.store_open import open_chat_store
from libs.messages.lead import ConsiderLead
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.runtime.settings import CommonSettings
from libs.streams.open import open_streams
from libs.streams.streams import Streams

SHOP: Final = "craigs"
WORDS: Final = "My name is Ana Ruiz, the seat of my 2016 Honda Civic is torn, 408-555-0176"
LONG_AGO: Final = time.time() - 60 * 86_400
"""Quiet for long, and not yet too old to be kept."""
SEEDED_AT_ONCE: Final = 200
START_SECONDS: Final = 30.0
_SAYS: Final = {b"DATA": b"354 go\r\n", b"QUIT": b"221 bye\r\n"}


@dataclass
class CountingSmtp:
    """Says yes at once, and stamps when a mail was offered."""

    port: int = 0
    begun: list[float] = field(default_factory=list)
    """`time.perf_counter()` at each DATA: the first command by which a mail can leave."""
    taken: int = 0

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[CountingSmtp]:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, limit=2**22)
        async with server:
            self.port = server.sockets[0].getsockname()[1]
            yield self

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self.begun.append(time.perf_counter())
            writer.write(_SAYS.get(verb, b"250 ok\r\n"))
            if verb == b"DATA":
                await reader.readuntil(b"\r\n.\r\n")
                self.taken += 1
                writer.write(b"250 ok\r\n")
            if verb == b"QUIT":
                break
        writer.close()


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
