"""A browser's requests, answered by the real gateway handlers without a socket in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import copy_context
from typing import Any

import msgspec
from msgspec.structs import replace
from multidict import CIMultiDict, CIMultiDictProxy

from libs.errors import Unavailable
from libs.leases.fakes import MemorySentMarks
from libs.limits.fakes import MemoryLimits
from libs.limits.port import Limit, Verdict
from libs.messages.lead import ConsiderLead
from libs.runtime.clock import Clock
from libs.web.answers import Answer, Refused, json_answer
from libs.web.call import Call
from services.gateway.admission import Admission
from services.gateway.handlers import Leads, Sessions
from services.gateway.settings import GatewaySettings
from services.gateway.visitors import Visitors
from tests.simulation.customers import KEYS, Script
from tests.simulation.faults import Faults
from tests.simulation.loop import PROCESS
from tests.simulation.processes import Parts
from tests.simulation.stores import MADE_UP

HEADERS = CIMultiDictProxy(CIMultiDict({"Content-Type": "application/json"}))
QUEUED = 202
UNAVAILABLE = 503
NO_ANSWER = 599
BROWSER_SECONDS = 60.0
"""Longer than any answer of ours takes; then the browser gives up."""


class _Body:
    """A request's payload that has arrived whole."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def is_eof(self) -> bool:
        return True

    def exception(self) -> None:
        return None

    def read_nowait(self) -> bytes:
        return self._body


class MarkedLimits(MemoryLimits):
    """Limits of a process, in a Redis that reads the sent marks along and may lie about them."""

    def __init__(self, clock: Clock, marks: MemorySentMarks, faults: Faults) -> None:
        super().__init__(clock)
        self._marks = marks
        self._faults = faults

    async def admit(self, shop: str, limits: Sequence[Limit], *, read: str = "") -> Verdict:
        act = super().admit
        verdict = await self._faults.call("redis", "admit", lambda: act(shop, limits))
        mark = self._marks.marks.get(read)
        if read and self._faults.lies("admit"):
            mark = None if mark else MADE_UP
        return replace(verdict, noted=msgspec.json.encode(mark) if mark else None)


class Front:
    """One gateway process, and the chat service's part in it: it says when a turn has ended."""

    def __init__(self, parts: Parts) -> None:
        settings = GatewaySettings()
        admission = Admission(
            MarkedLimits(parts.clock, parts.stores.marks, parts.faults), 0, parts.metrics, parts.log
        )
        self.process = parts.process
        self._loop = parts.faults.loop
        self._streams = parts.streams
        self._sessions = Sessions(parts.streams, admission, settings)
        self._leads = Leads(
            parts.streams, parts.streams, admission, Visitors(KEYS, parts.clock), settings
        )
        self._context = copy_context()
        self._context.run(PROCESS.set, parts.process)

    async def open_session(self, script: Script) -> int:
        """The status of the answer."""
        call = _call(script, {"user": script.secret})
        return await self._asked(lambda: self._sessions.mint(call))

    async def trigger(self, script: Script, reason: str) -> int:
        form = {"user": script.secret, "threadId": script.key.thread_id, "reason": reason}
        call = _call(script, form)
        return await self._asked(lambda: self._leads.consider(call))

    async def turn_ended(self, script: Script) -> int:
        wish = ConsiderLead(
            shop=script.key.shop,
            thread_id=script.key.thread_id,
            reason="auto",
            visitor=script.visitor,
        )
        return await self._asked(lambda: self._published(wish))

    async def _published(self, wish: ConsiderLead) -> Answer:
        await self._streams.publish(wish)
        return json_answer({}, status=QUEUED)

    async def _asked(self, ask: Callable[[], Awaitable[Answer]]) -> int:
        """The process may die or fall asleep over it: then no answer comes."""
        if not self.process.alive:
            return NO_ANSWER
        answered: asyncio.Future[int] = self._loop.create_future()

        async def serve() -> None:
            status = await _status(ask())
            if not answered.done():
                answered.set_result(status)

        self._loop.create_task(serve(), context=self._context.copy())
        try:
            async with asyncio.timeout(BROWSER_SECONDS):
                return await answered
        except TimeoutError:
            return NO_ANSWER


def _call(script: Script, form: dict[str, str]) -> Call:
    payload: Any = _Body(msgspec.json.encode(form))
    call = Call("POST", "/", HEADERS, payload, script.address)
    call.shop = script.key.shop
    return call


async def _status(answering: Awaitable[Answer]) -> int:
    try:
        answer = await answering
    except Refused as refused:
        return refused.status
    except Unavailable:
        return UNAVAILABLE
    return answer.status
