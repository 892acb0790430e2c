"""What sending one mail costs, step by step: handlers alone, real disks, a real SMTP talk."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from libs.blobs.small import open_two_sizes
from libs.conversations.port import Conversation, Item
from libs.ledger.apply import apply
from libs.ledger.events import Considered
from libs.ledger.record import LeadKey
from libs.ledger.sqlite import open_sqlite
from libs.messages.mail import SendLeadMail
from libs.runtime.clock import SystemClock
from libs.streams.port import Delivery
from services.mailer.adapters.journal import open_journal
from services.mailer.adapters.outbox import OutboxTransport
from services.mailer.adapters.smtp import SmtpServer, SmtpTransport
from services.mailer.fakes import FakeTransport
from services.mailer.ports import Composed, Mail, Outcome
from tests.bench import Row
from tests.unit.mailer.parts import SHOP, Mailroom, snapshot

LEADS = 400
AT_ONCE = 16
BODY = b"Subject: New chat lead\r\n\r\n" + (b"x" * 76 + b"\r\n") * 500


def main() -> list[Row]:
    return asyncio.run(_measured())


async def _measured() -> list[Row]:
    alone = await _alone()
    begins, whole, three = await _on_disks()
    outbox, smtp = await _to_outbox(), await _to_smtp()
    return [
        Row("send: the handlers alone, all ports fakes", "ms CPU", alone),
        Row("send: wish read to provider call begins, real disks p50", "ms", begins[0]),
        Row("send: wish read to provider call begins, real disks p99", "ms", begins[1]),
        Row("send: wish read to answered, real disks p50", "ms", whole),
        Row("send: record writes per lead", "writes", three, 3, "less"),
        Row(f"send: to the outbox, {AT_ONCE} at once", "leads/s", outbox[0], 120),
        Row("send: to the outbox", "ms CPU", outbox[1]),
        Row(f"send: by SMTP on loopback, {AT_ONCE} at once", "leads/s", smtp[0], 120),
        Row("send: by SMTP on loopback, the counting server included", "ms CPU", smtp[1]),
    ]


async def _alone() -> float:
    room = await _room(Mailroom())
    handlers, wishes = room.handlers(), await _wishes(room)
    room.provider.accepted = _Nowhere()
    began = time.process_time()
    for wish in wishes:
        await handlers.send(wish)
    return (time.process_time() - began) / LEADS * 1000


async def _on_disks() -> tuple[tuple[float, float], float, float]:
    async with _disks() as room:
        begun: list[float] = []

        async def note(moment: str, _: Mail) -> Outcome | None:
            if moment == "send":
                begun.append(time.perf_counter())
            return None

        room.transport = FakeTransport(room.clock, fault=note)
        handlers, wishes = room.handlers(), await _wishes(room)
        starts, ends = [], []
        for wish in wishes:
            starts.append(time.perf_counter())
            await handlers.send(wish)
            ends.append(time.perf_counter())
        waits = [(at - start) * 1000 for at, start in zip(begun, starts, strict=True)]
        whole = [(end - start) * 1000 for end, start in zip(ends, starts, strict=True)]
        cuts = statistics.quantiles(waits, n=100)
        record = await room.records.read(LeadKey(SHOP, "cthr_0"))
        assert record
        return (cuts[49], cuts[98]), statistics.median(whole), record.version


async def _to_outbox() -> tuple[float, float]:
    async with _disks() as room:
        room.transport = OutboxTransport(Path(room.folder) / "outbox", SystemClock())
        return await _rate(room)


async def _to_smtp() -> tuple[float, float]:
    counted = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal counted
        writer.write(b"220 ready\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            writer.write({b"DATA": b"354 go\r\n", b"QUIT": b"221 bye\r\n"}.get(verb, b"250 ok\r\n"))
            if verb == b"DATA":
                await reader.readuntil(b"\r\n.\r\n")
                counted += 1
                writer.write(b"250 ok\r\n")
            if verb == b"QUIT":
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**20)
    async with server, _disks() as room:
        port = server.sockets[0].getsockname()[1]
        room.transport = SmtpTransport(
            SmtpServer(host="127.0.0.1", port=port, tls="none"), SystemClock(), "bench.test"
        )
        rate = await _rate(room)
    assert counted == LEADS, f"{counted} mails for {LEADS} leads"
    return rate


async def _rate(room: Any) -> tuple[float, float]:
    """Leads a second, and milliseconds of processor time each."""
    handlers, wishes = room.handlers(), await _wishes(room)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(wish: Delivery[SendLeadMail]) -> None:
        async with gate:
            await handlers.send(wish)

    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one(wish) for wish in wishes))
    used = (time.process_time() - used) / LEADS * 1000
    return LEADS / (time.perf_counter() - began), used


class _Nowhere(list[Mail]):
    """The fake looks through what it took; a provider does not."""

    def append(self, _: Mail) -> None:
        return


async def _wishes(room: Mailroom) -> list[Delivery[SendLeadMail]]:
    """As many leads as we measure, each considered and fixed."""
    body = snapshot().encode()
    await room.blobs.put(room.snapshot, body, content_type="application/json")
    wishes = []
    for number in range(LEADS):
        key = LeadKey(SHOP, f"cthr_{number}")
        considered = Considered(reason="idle", due_at=9e9, visitor="v_1")
        await apply(room.records, key, considered, room.clock)
        item = Item(id="item_2", speaker="customer", text="call me", at=1.0)
        room.conversations.put(
            SHOP,
            Conversation(thread_id=key.thread_id, visitor="v_1", title="", items=(item,)),
        )
        first = room.wish()
        wishes.append(replace(first, message=replace(first.message, thread_id=key.thread_id)))
    return wishes


async def _room(room: Mailroom) -> Mailroom:
    async def compose(*_: object) -> Composed:
        return Composed(BODY)

    room.compose = compose
    return room


@asynccontextmanager
async def _disks() -> AsyncIterator[Any]:
    """SQLite, blobs and a journal under the system's temporary folder."""
    with tempfile.TemporaryDirectory(prefix="hb") as folder:
        async with AsyncExitStack() as stack:
            room: Any = await _room(Mailroom())
            room.folder = folder
            room.clock = SystemClock()
            room.records = await stack.enter_async_context(open_sqlite(Path(folder) / "records"))
            room.blobs = await stack.enter_async_context(open_two_sizes(Path(folder) / "blobs"))
            room.journal = await stack.enter_async_context(open_journal(Path(folder) / "journal"))
            yield room
