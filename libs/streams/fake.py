"""A wire into a fakeredis in this process: tests, and machines without any redis-server."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from fakeredis import FakeServer
from fakeredis.aioredis import FakeAsyncRedisConnection
from redis.exceptions import RedisError, ResponseError

from libs.errors import Unavailable
from libs.streams.link import Reply, Word, translate


def new_server() -> FakeServer:
    return FakeServer(version=(7,))


class FakeWire:
    """Answers in order, as a connection does."""

    def __init__(self, server: FakeServer) -> None:
        self._connection: Any = FakeAsyncRedisConnection(server=server, protocol=2)
        self._turn = asyncio.Lock()

    def send(self, *command: Word, at_once: bool = False) -> asyncio.Task[Reply]:
        return asyncio.create_task(self._ask(command))

    async def _ask(self, command: tuple[Word, ...]) -> Reply:
        async with self._turn:
            try:
                await self._connection.send_command(*command)
                return await self._connection.read_response(disable_decoding=True)
            except ResponseError as error:
                raise translate(_text(error)) from error
            except (RedisError, OSError) as error:
                raise Unavailable("redis", type(error).__name__) from error

    async def aclose(self) -> None:
        await self._connection.disconnect()


def _text(error: ResponseError) -> str:
    """redis-py cuts the code off and makes it a class; fakeredis has one text of its own."""
    if "requires the key to exist" in str(error):
        return "NOGROUP"
    return f"{_CODES.get(type(error).__name__, '')}{error}"


_CODES: Final = {"NoScriptError": "NOSCRIPT ", "ReadOnlyError": "READONLY "}
