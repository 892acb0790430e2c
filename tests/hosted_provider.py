"""OpenAI's file host on loopback, behind a network that counts what would leave the machine."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from libs.blobs.fakes import MemoryBlobs
from libs.conversations.port import Attachment
from libs.runtime.clock import SystemClock
from libs.runtime.ids import random_id
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.web.edge import Edge
from libs.web.requests import Requests
from libs.web.server import EdgeServer
from services.attachments.adapters.child import ChildDarkroom
from services.attachments.handlers import Attachments
from services.attachments.http import AttachmentSite
from services.lead.adapters.hosted_files import FetchedFiles, provider_session
from services.lead.ports import Owner
from tests import pictures
from tests.certificates import self_signed, server_context
from tests.security.url_tricks import GOOD
from tests.servers import free_port

KEYS = ("k" * 40,)
ANA = Owner("craigs", "v_ana", "cthr_1")
PUBLIC = "8.8.8.8"
GOOD_URL = f"https://{GOOD}/file-1?se=2026&sig=a%2Fb"
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass
class Network:
    """Counts what would leave the machine, at the resolver and at the socket."""

    answers: list[list[str]] = field(default_factory=lambda: [[PUBLIC]])
    """For one look-up after the other; the last one stays."""
    provider_port: int = 0
    looked_up: list[str] = field(default_factory=list)
    connected: list[tuple[str, int]] = field(default_factory=list)

    async def look_up(self, host: str, port: int) -> Sequence[tuple[Any, ...]]:
        self.looked_up.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [_info(address, port) for address in answer]

    def patch(self, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> None:
        connect = loop.sock_connect

        async def counted(sock: socket.socket, address: Any) -> None:
            if address[0] == "127.0.0.1" and address[1] != 443:
                return await connect(sock, address)
            self.connected.append(address[:2])
            if address[:2] != (PUBLIC, 443) or not self.provider_port:
                raise ConnectionRefusedError
            return await connect(sock, ("127.0.0.1", self.provider_port))

        monkeypatch.setattr(loop, "sock_connect", counted)


def _info(address: str, port: int) -> tuple[Any, ...]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return (family, socket.SOCK_STREAM, 6, "", (address, port))


@dataclass
class FileHost:
    files: FetchedFiles
    blobs: MemoryBlobs
    network: Network
    provider: list[Handler]
    """How the provider answers; a list, to be set."""

    async def take(self, url: str, name: str = "seat.HEIC", file_id: str = "cfile_1") -> Any:
        sent = Attachment(id=file_id, name=name, mime_type="image/heic", preview_url=url)
        return (await self.files.take_in(ANA, [sent]))[file_id]


async def _photo(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=pictures.with_places("image/jpeg"), content_type="image/jpeg")


@asynccontextmanager
async def hosted_files(
    folder: Path,
    blobs: MemoryBlobs,
    monkeypatch: pytest.MonkeyPatch,
    answer: Handler = _photo,
) -> AsyncIterator[FileHost]:
    """Both ends are real: the provider's TLS, and our own service that takes in what it gives."""
    certificate = self_signed(folder, GOOD)
    trust = ssl.create_default_context(cafile=certificate)
    network, provider = Network(), [answer]
    network.patch(asyncio.get_running_loop(), monkeypatch)
    async with AsyncExitStack() as stack:
        url = await _attachments(stack, blobs, folder)
        network.provider_port = await _provider(stack, provider, certificate)
        files = FetchedFiles(
            provider=await stack.enter_async_context(provider_session(network.look_up, trust)),
            attachments=await stack.enter_async_context(ClientSession()),
            attachments_url=url,
            blobs=blobs,
            keys=KEYS,
            clock=SystemClock(),
        )
        yield FileHost(files, blobs, network, provider)


async def _attachments(stack: AsyncExitStack, blobs: MemoryBlobs, folder: Path) -> str:
    class Unlimited:
        async def spend(self, shop: str, visitor: str, size_bytes: int) -> bool:
            return True

        async def give_back(self, shop: str, visitor: str, size_bytes: int) -> None: ...

    attachments = Attachments(blobs, ChildDarkroom(), Unlimited(), folder)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    site = AttachmentSite(attachments, KEYS, url, SystemClock(), random_id, Metrics())
    log = Log("attachments", level="error")
    edge = Edge(site.routes(), log, Requests("provider", log, Metrics(), SystemClock()))
    await _serve(stack, EdgeServer(edge), port, None)
    return url


async def _provider(stack: AsyncExitStack, answers: list[Handler], certificate: Path) -> int:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await answers[0](request)

    port = free_port()
    await _serve(stack, web.Server(answer), port, server_context(certificate))
    return port


async def _serve(
    stack: AsyncExitStack, server: web.Server[Any], port: int, context: ssl.SSLContext | None
) -> None:
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
