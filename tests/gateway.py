"""The real gateway on a free port of this process, with stand-ins for the services behind it."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from libs.identity.sessions import Session, mint_session_token
from libs.identity.visitors import visitor_ids
from libs.messages.base import Message
from libs.messages.streams import STREAM_OF
from libs.runtime.clock import SystemClock
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.runtime.runtime import Runtime
from libs.runtime.settings import load
from libs.streams.open import open_streams
from libs.streams.port import Consumer, Delivery
from libs.streams.streams import Streams
from libs.web.edge import Edge
from libs.web.server import EdgeServer
from services.gateway.settings import GatewaySettings
from services.gateway.wiring import wire
from tests.servers import free_port

KEYS = ("new-key-" + "n" * 32, "old-key-" + "o" * 32)
ORIGIN = "https://craigs.autos"
SHOP = "craigs"
JSON = {"Origin": ORIGIN, "Content-Type": "application/json"}
UNLIMITED = {
    f"LIMIT_{name}": "off"
    for name in (
        "SESSIONS_PER_ADDRESS", "TRIGGERS_PER_ADDRESS", "TRIGGERS_PER_VISITOR",
        "TRIGGERS_PER_THREAD", "SIGNALS_PER_ADDRESS", "UPLOADS_PER_VISITOR", "CHAT_PER_VISITOR",
        "LINKS_PER_ADDRESS",
    )
}  # fmt: skip

Answering = Callable[[Message, str, Streams], Awaitable[None]]
"""What a stand-in does with a wish: it may reply to the address as often as it likes."""


@dataclass
class Gateway:
    port: int
    streams: Streams
    runtime: Runtime
    edge: Edge
    log_text: io.StringIO
    seen: list[Message] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def lines(self, event: str = "") -> list[dict[str, Any]]:
        """What was logged so far; the request log is written a moment after each answer."""
        said = (line for line in self.log_text.getvalue().splitlines() if event in line)
        lines = [json.loads(line) for line in said]
        return [line for line in lines if not event or line["event"] == event]


def bearer(
    user: str = "u-1", *, seconds: float = 600, shop: str = SHOP, locale: str = "",
    page_url: str = "",
) -> dict[str, str]:  # fmt: skip
    session = Session(
        shop=shop,
        visitors=visitor_ids(KEYS, user),
        expires=int(SystemClock().now() + seconds),
        locale=locale,
        page_url=page_url,
    )
    return {"Authorization": f"Bearer {mint_session_token(KEYS, session)}"}


def reply(answer: Message) -> Answering:
    """A stand-in that always says the same."""

    async def answering(_: Message, reply_to: str, streams: Streams) -> None:
        await streams.reply(reply_to, answer)

    return answering


async def until_limited(
    ask: Callable[[], Awaitable[tuple[int, Any]]], count: int, *, status: int
) -> Any:
    """`count` answers with this status, and as many more as time gave back; what the 429 says."""
    began, taken = time.monotonic(), 0
    while (said := await ask())[0] == status:
        taken += 1
        assert taken <= count + 1 + (time.monotonic() - began) * count / 60
    assert said[0] == 429
    assert taken >= count
    return said[1]


@asynccontextmanager
async def gateway(
    data: Path,
    *,
    redis_url: str = "fake://",
    one_machine: bool = False,
    behind: dict[type[Message], Answering] | None = None,
    photos: bool = False,
    **environ: str,
) -> AsyncIterator[Gateway]:
    """`behind`: who answers which wish; a wish without anybody stays in its stream.

    `photos`: the real attachments service runs beside it.
    """
    text = io.StringIO()
    log, metrics = Log("gateway", out=text), Metrics()
    port = free_port()
    given = {
        "HANDOFF_DATA": str(data),
        "HANDOFF_PORT": str(port),
        "SITE_KEYS": ",".join(KEYS),
        **environ,
    }
    async with AsyncExitStack() as stack:
        streams = await open_streams(redis_url, metrics=metrics, log=log, stack=stack)
        runtime = Runtime(stack, streams, metrics, log, one_machine=one_machine)
        if photos:
            given |= await _attachments(given, runtime)
        service = await wire(load(GatewaySettings, given), runtime)
        app = service.sites[0].app
        assert isinstance(app, EdgeServer)
        running = Gateway(port, streams, runtime, app.edge, text)
        await _stand_in(running, behind or {}, stack)
        await _listen(app, port, stack)
        yield running


async def _listen(app: web.Server, port: int, stack: AsyncExitStack) -> None:
    runner = web.ServerRunner(app, shutdown_timeout=5)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", port).start()


async def _attachments(given: dict[str, str], runtime: Runtime) -> dict[str, str]:
    from services.attachments.settings import AttachmentsSettings
    from services.attachments.wiring import wire as wire_attachments

    port = free_port()
    settings = load(AttachmentsSettings, {**given, "ATTACHMENTS_PORT": str(port)})
    service = await wire_attachments(settings, runtime)
    await _listen(service.sites[0].app, port, runtime.stack)
    return {"ATTACHMENTS_URL": f"http://127.0.0.1:{port}"}


async def _stand_in(
    running: Gateway, behind: dict[type[Message], Answering], stack: AsyncExitStack
) -> None:
    stop = asyncio.Event()

    def consumer(kind: type[Message], answering: Answering) -> Consumer:
        async def handle(delivery: Delivery[Any]) -> None:
            running.seen.append(delivery.message)
            await answering(delivery.message, delivery.reply_to, running.streams)

        return Consumer(STREAM_OF[kind], handle, concurrency=64)

    tasks = [
        asyncio.create_task(running.streams.consume(consumer(kind, answering), stop))
        for kind, answering in behind.items()
    ]

    async def end() -> None:
        stop.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    stack.push_async_callback(end)
