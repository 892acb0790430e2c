"""A Redis client with two manners: `execute` shares one connection, `block` gets one to itself."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol

from libs.redis.link import Reply, ScriptMissing, Word


class Redis(Protocol):
    """Every method raises Unavailable("redis", ...) when nobody knows if it was done."""

    @property
    def reply_seconds(self) -> float:
        """A command that gets no reply for so long is given up."""
        ...

    async def execute(self, *command: Word) -> Reply:
        """All commands issued in one turn of the loop go out in one write; none is repeated."""
        ...

    async def everywhere(self, *command: Word) -> list[Reply]:
        """The reply of every master."""
        ...

    async def block(self, *command: Word) -> Reply:
        """A command that may wait on the server: nothing else queues behind it."""
        ...

    async def script(self, script: Script, keys: Sequence[str], *args: Word) -> Reply:
        """Keys of one call share a hash tag."""
        ...

    async def aclose(self) -> None: ...


class Script:
    """A Lua script, known to the server by its hash after the first call."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


class Wire(Protocol):
    """A connection that answers in order: `Link`, or the one into a fakeredis."""

    @property
    def reply_seconds(self) -> float: ...

    def send(self, *command: Word, at_once: bool = False) -> asyncio.Future[Reply]: ...

    async def aclose(self) -> None: ...


class RedisClient:
    """Redis: one server, wherever it moves. `connect` makes a wire that is not open yet."""

    def __init__(self, connect: Callable[[], Wire], *, also_close: Sequence[Wire] = ()) -> None:
        self._connect = connect
        self._also_close = also_close
        self._shared = connect()
        self._idle: list[Wire] = []
        self._busy: set[Wire] = set()

    @property
    def reply_seconds(self) -> float:
        return self._shared.reply_seconds

    async def execute(self, *command: Word) -> Reply:
        return await self._shared.send(*command)

    async def everywhere(self, *command: Word) -> list[Reply]:
        return [await self.execute(*command)]

    async def block(self, *command: Word) -> Reply:
        wire = self._idle.pop() if self._idle else self._connect()
        self._busy.add(wire)
        try:
            reply = await wire.send(*command, at_once=True)
        except BaseException:
            # The server still waits on this wire: what it brought would be ours, and unseen.
            self._busy.discard(wire)
            await wire.aclose()
            raise
        self._busy.discard(wire)
        self._idle.append(wire)
        return reply

    async def script(self, script: Script, keys: Sequence[str], *args: Word) -> Reply:
        try:
            return await self.execute("EVALSHA", script.sha, len(keys), *keys, *args)
        except ScriptMissing:
            return await self.execute("EVAL", script.source, len(keys), *keys, *args)

    async def aclose(self) -> None:
        for wire in (self._shared, *self._idle, *self._busy, *self._also_close):
            await wire.aclose()
