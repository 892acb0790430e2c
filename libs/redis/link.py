"""One connection to a Redis: what is sent in one turn of the event loop goes out in one write.

redis-py opens the connection (TLS, AUTH, SELECT, unix sockets); from then on the bytes are ours,
which is an order of magnitude cheaper. Nothing is ever sent twice: redis-py would repeat a command
whose reply was lost, and XADD or INCR twice is not what anybody meant.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from libs.errors import HandoffError, Unavailable

Word = str | bytes | int | float
Reply = Any
"""What RESP2 can say: bytes, int, None or a list of these."""

Opener = Callable[[], Awaitable[AbstractConnection]]
"""Makes the next connection, not yet connected: a failover may have moved the address."""

REPLY_SECONDS: Final = 5.0
CONNECT_SECONDS: Final = 2.0


class ScriptMissing(HandoffError):  # noqa: N818 - it names what happened
    """NOSCRIPT: nothing was done, send the source."""


class Redirected(Unavailable):
    """A cluster node does not hold this slot; nothing was done."""

    def __init__(self, address: str, *, asking: bool) -> None:
        super().__init__("redis", "redirected")
        self.address = address
        self.asking = asking


class RedisRefused(HandoffError):  # noqa: N818 - it names what happened
    """Redis says the command is wrong: a bug of ours, not an outage."""


_OUTAGE: Final = re.compile(
    r"\b(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|UNBLOCKED|MISCONF|BUSY|OOM"
    r"|NOAUTH|WRONGPASS|NOPERM)\b"
)
"""Codes that say "not now" or "not me". A script's error carries them in its text on 6.2."""

_ELSEWHERE: Final = frozenset({"READONLY", "MASTERDOWN", "UNBLOCKED"})
"""The connection leads to a server that is no master any more: connect anew."""


def translate(text: str) -> HandoffError:
    """The one table from what Redis says to what it means for us."""
    code = text.partition(" ")[0]
    if code == "NOSCRIPT":
        return ScriptMissing(text)
    if code == "NOGROUP" or "-NOGROUP" in text:
        return Unavailable("redis", "NOGROUP")
    if code in {"MOVED", "ASK"}:
        return Redirected(text.split(" ")[2], asking=code == "ASK")
    if outage := _OUTAGE.search(text[:200]):
        return Unavailable("redis", outage[1])
    return RedisRefused(f"redis: {text}")


class Link:
    """Keeps one connection, opened when it is first needed and again after it broke."""

    def __init__(self, opener: Opener, *, reply_seconds: float = REPLY_SECONDS) -> None:
        self._opener = opener
        self.reply_seconds = reply_seconds
        self._unsent: list[tuple[bytes, asyncio.Future[Reply]]] = []
        self._wire: _Wire | None = None
        self._opening: asyncio.Task[None] | None = None

    def send(self, *command: Word, at_once: bool = False) -> asyncio.Future[Reply]:
        """The reply to come. Fails with Unavailable when nobody knows if it was done."""
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Reply] = loop.create_future()
        if not self._unsent and not at_once:
            loop.call_soon(self._flush)
        packed = hiredis.pack_command(command)  # type: ignore[arg-type]  # stub: one word
        self._unsent.append((packed, reply))
        if at_once:
            self._flush()
        return reply

    async def aclose(self) -> None:
        if self._opening:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if self._wire:
            self._wire.close()
        self._fail_unsent("closed")

    def _flush(self) -> None:
        if not self._unsent:
            return
        if self._wire and self._wire.usable:
            self._wire.write(self._unsent)
            self._unsent = []
        elif self._opening is None:
            self._opening = asyncio.create_task(self._open())

    async def _open(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                connection = await self._opener()
                await connection.connect()  # type: ignore[no-untyped-call]
            self._wire = _Wire(connection, self.reply_seconds)
        except (RedisError, OSError, Unavailable) as error:  # TimeoutError is an OSError
            self._fail_unsent(f"cannot connect ({type(error).__name__})")
        finally:
            self._opening = None
        self._flush()

    def _fail_unsent(self, reason: str) -> None:
        for _, reply in self._unsent:
            if not reply.done():
                reply.set_exception(Unavailable("redis", reason))
        self._unsent = []


class _Wire(asyncio.Protocol):
    """One connection from its handshake to its end."""

    def __init__(self, connection: AbstractConnection, reply_seconds: float) -> None:
        assert connection._writer  # noqa: S101, SLF001 - redis-py has no other way to hand it over
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._transport = connection._writer.transport  # noqa: SLF001 - as above
        self._reply_seconds = reply_seconds
        self._parser = hiredis.Reader()
        self._waiting: deque[tuple[asyncio.Future[Reply], float]] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self._transport.set_protocol(self)

    @property
    def usable(self) -> bool:
        return not self._transport.is_closing()

    def close(self) -> None:
        self._transport.abort()

    def write(self, commands: list[tuple[bytes, asyncio.Future[Reply]]]) -> None:
        due = self._loop.time() + self._reply_seconds
        self._waiting.extend((reply, due) for _, reply in commands)
        self._transport.write(b"".join(command for command, _ in commands))
        if self._watch is None:
            self._watch = self._loop.call_at(due, self._look)

    def data_received(self, data: bytes) -> None:
        self._parser.feed(data)
        waiting, gets = self._waiting, self._parser.gets
        while waiting and (answer := gets()) is not False:
            reply, _ = waiting.popleft()
            if isinstance(answer, hiredis.ReplyError):
                self._refuse(reply, str(answer))
            elif not reply.done():
                reply.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch:
            self._watch.cancel()
        self._connection._writer = self._connection._reader = None  # noqa: SLF001 - it is closed
        for reply, _ in self._waiting:
            if not reply.done():
                reply.set_exception(Unavailable("redis", "connection lost"))
        self._waiting.clear()

    def _refuse(self, reply: asyncio.Future[Reply], text: str) -> None:
        error = translate(text)
        if isinstance(error, Unavailable) and any(code in str(error) for code in _ELSEWHERE):
            self._transport.abort()
        if not reply.done():
            reply.set_exception(error)

    def _look(self) -> None:
        """Replies come in order: only the oldest can be the first that is overdue."""
        self._watch = None
        if not self._waiting:
            return
        due = self._waiting[0][1]
        if due <= self._loop.time():
            self._transport.abort()
        else:
            self._watch = self._loop.call_at(due, self._look)
