"""A browser's requests, answered by the real gateway handlers without a socket in between."""

from __future__ import annotations

from typing import Any

import msgspec
from multidict import CIMultiDict, CIMultiDictProxy

from libs.errors import Unavailable
from libs.limits.fakes import MemoryLimits
from libs.web.answers import Answer, Refused
from libs.web.call import Call
from services.gateway.admission import Admission
from services.gateway.handlers import Leads, Sessions
from services.gateway.settings import GatewaySettings
from services.gateway.visitors import Visitors
from tests.simulation.customers import KEYS, Script
from tests.simulation.processes import Parts

HEADERS = CIMultiDictProxy(CIMultiDict({"Content-Type": "application/json"}))
UNAVAILABLE = 503


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


class Front:
    def __init__(self, parts: Parts) -> None:
        settings = GatewaySettings()
        limits = MemoryLimits(parts.clock)
        admission = Admission(limits, 0, parts.metrics, parts.log)
        self._sessions = Sessions(parts.streams, admission, settings)
        self._leads = Leads(
            parts.streams, parts.streams, admission, Visitors(KEYS, parts.clock), settings
        )

    async def open_session(self, script: Script) -> int:
        """The status of the answer."""
        return await _status(self._sessions.mint(_call(script, {"user": script.secret})))

    async def trigger(self, script: Script, reason: str) -> int:
        form = {"user": script.secret, "threadId": script.key.thread_id, "reason": reason}
        return await _status(self._leads.consider(_call(script, form)))


def _call(script: Script, form: dict[str, str]) -> Call:
    payload: Any = _Body(msgspec.json.encode(form))
    call = Call("POST", "/", HEADERS, payload, script.address)
    call.shop = script.key.shop
    return call


async def _status(answering: Any) -> int:
    try:
        answer: Answer = await answering
    except Refused as refused:
        return refused.status
    except Unavailable:
        return UNAVAILABLE
    return answer.status
