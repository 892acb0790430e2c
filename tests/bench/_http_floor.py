"""What aiohttp does at most: its application, a msgspec body, and perhaps one GET of redis-py."""

from __future__ import annotations

import asyncio
import gc
import sys

import msgspec
import redis.asyncio
import uvloop
from aiohttp import web

from tests.bench._http import keep_to_core


class Body(msgspec.Struct):
    threadId: str  # noqa: N815 - as it is on the wire
    reason: str = ""
    user: str = ""
    pageUrl: str = ""  # noqa: N815 - as it is on the wire


async def serve(port: int, redis_url: str) -> None:
    decoder = msgspec.json.Decoder(Body)
    client = redis.asyncio.Redis.from_url(redis_url) if redis_url else None

    async def answer(request: web.Request) -> web.Response:
        body = decoder.decode(await request.read())
        if client:
            await client.get(body.threadId)
        told = msgspec.json.encode({"ok": True, "thread_id": body.threadId})
        return web.Response(body=told, content_type="application/json")

    app = web.Application()
    app.router.add_post("/api/chatkit/lead", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    gc.freeze()
    await asyncio.Event().wait()


if __name__ == "__main__":
    keep_to_core(0)
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
