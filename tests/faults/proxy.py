"""A TCP proxy that loses what a test wants lost. It knows no protocol, only bytes to look for.

async with proxy("127.0.0.1", redis.port) as wire:
wire.fault(b"XADD", "lose_reply")      # it was done, and nobody hears of it
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["lose_request", "lose_reply", "hang"]
"""Cut before it arrives; cut after it was done; say nothing more, but stay connected."""


@dataclass
class Fault:
    match: re.Pattern[bytes]
    kind: Kind
    left: int
    hits: int = 0


@dataclass
class Proxy:
    host: str
    server_port: int
    port: int = 0
    faults: list[Fault] = field(default_factory=list)
    writes: list[bytes] = field(default_factory=list)
    """What clients sent, as it arrived."""
    sent: list[bytearray] = field(default_factory=list)
    """The same, by connection."""
    refusing: bool = False
    _pairs: set[_Pair] = field(default_factory=set)
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    def fault(self, match: bytes | re.Pattern[bytes], kind: Kind, times: int = 1) -> Fault:
        """The next `times` writes that contain `match`; an empty one is the connection itself."""
        pattern = re.compile(re.escape(match)) if isinstance(match, bytes) else match
        made = Fault(pattern, kind, times)
        self.faults.append(made)
        return made

    def cut(self) -> None:
        """End all connections now."""
        for pair in list(self._pairs):
            pair.close()

    async def end(self) -> None:
        """Whoever is about to be served, too."""
        await asyncio.sleep(0)
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._serving.add(task)
        try:
            await self._join(reader, writer)
        finally:
            writer.transport.abort()
            self._serving.discard(task)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            return
        try:
            there = await asyncio.open_connection(self.host, self.server_port)
        except OSError:
            return
        pair = _Pair(self, (reader, writer), there)
        self._pairs.add(pair)
        try:
            await pair.run()
        finally:
            self._pairs.discard(pair)


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Pair:
    def __init__(self, proxy: Proxy, client: Ends, server: Ends) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._losing: Kind | None = None
        self._sent = bytearray()
        proxy.sent.append(self._sent)

    async def run(self) -> None:
        if greeting := self._hit(b""):
            self._losing = greeting.kind
        pumps = [asyncio.create_task(self._requests()), asyncio.create_task(self._replies())]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self.close()

    def close(self) -> None:
        for _, writer in (self._client, self._server):
            writer.transport.abort()

    async def _requests(self) -> None:
        with contextlib.suppress(OSError):
            while request := await self._client[0].read(1 << 18):
                self._proxy.writes.append(request)
                self._sent += request
                fault = self._hit(request)
                if fault and fault.kind == "lose_request":
                    return
                self._losing = fault.kind if fault else self._losing
                self._server[1].write(request)

    async def _replies(self) -> None:
        with contextlib.suppress(OSError):
            while reply := await self._server[0].read(1 << 18):
                if self._losing == "lose_reply":
                    return
                if self._losing is None:
                    self._client[1].write(reply)

    def _hit(self, request: bytes) -> Fault | None:
        for fault in self._proxy.faults:
            if fault.left and fault.match.search(request):
                fault.left -= 1
                fault.hits += 1
                return fault
        return None


@contextlib.asynccontextmanager
async def proxy(host: str, server_port: int) -> AsyncIterator[Proxy]:
    made = Proxy(host, server_port)
    server = await asyncio.start_server(made._serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.end()
