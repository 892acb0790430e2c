"""A wire into a fakeredis in this process: tests, and machines without any redis-server."""

from __future__ import annotations

import asyncio
import math
from typing import Any, Final

from fakeredis import FakeServer
from fakeredis.aioredis import FakeAsyncRedisConnection
from redis.exceptions import RedisError, ResponseError

from libs.errors import Unavailable
from libs.redis.link import Reply, Word, translate


def new_server() -> FakeServer:
    return FakeServer(version=(7,))


class FakeWire:
    """Answers in order, as a connection does."""

    reply_seconds: Final = math.inf

    def __init__(self, server: FakeServer) -> None:
        self._connection: Any = FakeAsyncRedisConnection(server=server, protocol=2)
        self._turn = asyncio.Lock()
        self._asking: set[asyncio.Task[None]] = set()

    def send(self, *command: Word, at_once: bool = False) -> asyncio.Future[Reply]:
        # Whoever waits may be cancelled; fakeredis must not be, for it takes that as an answer.
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._ask(command, reply))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        return reply

    async def _ask(self, command: tuple[Word, ...], reply: asyncio.Future[Reply]) -> None:
        async with self._turn:
            try:
                await self._connection.send_command(*command)
                answer = await self._connection.read_response(disable_decoding=True)
            except (RedisError, OSError, asyncio.CancelledError) as error:
                if not reply.done():
                    reply.set_exception(_translated(error))
            else:
                if not reply.done():
                    reply.set_result(answer)

    async def aclose(self) -> None:
        asking = list(self._asking)
        for task in asking:
            task.cancel()
        if asking:
            await asyncio.wait(asking)
        await self._connection.disconnect()


def _translated(error: BaseException) -> Exception:
    if isinstance(error, ResponseError):
        return translate(_text(error))
    return Unavailable("redis", type(error).__name__)


def _text(error: ResponseError) -> str:
    """redis-py cuts the code off and makes it a class; fakeredis has one text of its own."""
    if "requires the key to exist" in str(error):
        return "NOGROUP"
    return f"{_CODES.get(type(error).__name__, '')}{error}"


_CODES: Final = {"NoScriptError": "NOSCRIPT ", "ReadOnlyError": "READONLY "}
