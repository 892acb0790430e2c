"""A handler behind the real edge on a free port, and the end of a connection as it sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from libs.web.answers import Answer
from libs.web.call import Call
from libs.web.edge import Edge, Route
from libs.web.server import EdgeServer
from tests.servers import free_port
from tests.unit.web.calls import Recorder

Handler = Callable[[Call], Awaitable[Answer]]


def noting(over: asyncio.Event, handler: Handler) -> Handler:
    """Sets `over` when the connection ends under the handler."""

    async def noted(call: Call) -> Answer:
        try:
            return await handler(call)
        except ConnectionError:
            over.set()
            raise

    return noted


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[int]:
    parts, port = Recorder(), free_port()
    edge = Edge((Route("POST", "/", handler, "wire", whole=False),), parts.log, parts.requests)
    server = EdgeServer(edge)
    runner = web.ServerRunner(server)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield port
        while server.connections:  # who has hung up needs no farewell of two seconds
            await asyncio.sleep(0)
    finally:
        await runner.cleanup()


def head(length: int) -> bytes:
    return f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode()
