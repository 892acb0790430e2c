"""What Python can do at most: the same way of an answer, with nothing of ours on it.

visitor ── aiohttp ── a stream of requests ── aiohttp's client ── model
◀── SSE ── a stream per answer ◀── ten pieces a second ──
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from itertools import count
from typing import Any, Final

import hiredis
import uvloop
from aiohttp import ClientSession, StreamReader, TCPConnector, web

PACE_SECONDS: Final = 0.1
_ASKED: Final = "floor"


class Wire(asyncio.Protocol):
    """One connection to Redis; replies come in order."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._waiting: deque[asyncio.Future[Any]] = deque()

    @classmethod
    async def open(cls, port: int) -> Wire:
        _, wire = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return wire

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def ask(self, *command: Any) -> asyncio.Future[Any]:
        reply = asyncio.get_running_loop().create_future()
        self._waiting.append(reply)
        self._transport.write(hiredis.pack_command(command))
        return reply

    async def read(self, stream: str, after: bytes) -> list[tuple[bytes, list[bytes]]]:
        reply = await self.ask("XREAD", "BLOCK", 0, "STREAMS", stream, after)
        entries: list[tuple[bytes, list[bytes]]] = reply[0][1]
        return entries

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            self._waiting.popleft().set_result(reply)


async def gateway(port: int, redis: int) -> None:
    shared, idle, numbers = await Wire.open(redis), list[Wire](), count()

    async def relay(request: web.Request) -> web.StreamResponse:
        stream, after = f"answer{next(numbers)}", b"0"
        wire = idle.pop() if idle else await Wire.open(redis)
        shared.ask("XADD", _ASKED, "*", stream, await request.read())
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await answer.prepare(request)
        last = False
        while not last:
            for place, (_, piece) in await wire.read(stream, after):
                after, last = place, not piece
                await answer.write(piece)
        shared.ask("DEL", stream)
        idle.append(wire)
        return answer

    application = web.Application()
    application.router.add_post("/api/chatkit", relay)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await _serve()


async def chat(model: int, redis: int) -> None:
    shared, reading = await Wire.open(redis), await Wire.open(redis)
    async with (
        ClientSession(f"http://127.0.0.1:{model}/v1/", connector=TCPConnector(limit=0)) as http,
        asyncio.TaskGroup() as answers,
    ):

        async def answer(stream: bytes, body: bytes) -> None:
            async with http.post("responses", data=body) as told:
                async for piece in _pieces(told.content):
                    shared.ask("XADD", stream, "*", "e", piece)
            shared.ask("XADD", stream, "*", "e", b"")

        answers.create_task(_serve())
        after = b"0"
        while True:
            for place, (stream, body) in await reading.read(_ASKED, after):
                after = place
                answers.create_task(answer(stream, body))


async def _pieces(body: StreamReader) -> Any:
    """The beginning and the first word at once."""
    async for piece in body.iter_any():
        yield piece
        if b"output_text.delta" in piece:
            await asyncio.sleep(PACE_SECONDS)


async def _serve() -> None:
    sys.stderr.write('"service_ready"\n')
    sys.stderr.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    role = {"gateway": gateway, "chat": chat}[sys.argv[1]]
    uvloop.run(role(int(sys.argv[2]), int(sys.argv[3])))
