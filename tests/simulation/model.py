"""OpenAI in the simulated world, beyond the real adapter: slow, refusing, cut off, hanging."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import ClientPayloadError, ClientTimeout

from services.lead.adapters.openai import ATTEMPT_SECONDS, OpenAISummaryModel
from services.lead.ports import Draft, Evidence
from tests.openai_shapes import Answer, Incomplete, Json, Text, response
from tests.simulation.checker import Checker
from tests.simulation.evidence import THREAD
from tests.simulation.faults import MODEL_RATE, Faults

THINKS_SECONDS: Final = (0.5, 3.0)
NOT_CUT: Final = ""
CUTS: Final = ("text", "answer", "body", "connection")
"""Where JSON ends too early: said to be whole; said not to be; the answer itself; with its line."""


@dataclass(frozen=True)
class _Answered:
    """What the adapter needs of aiohttp's response."""

    status: int
    body: bytes = b""
    torn: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    async def read(self) -> bytes:
        if self.torn:
            raise ClientPayloadError
        return self.body


@dataclass(frozen=True)
class SimOpenAI:
    """ModelConnection, its session, and the model at the other end."""

    faults: Faults
    checker: Checker

    async def session(self) -> SimOpenAI:
        return self

    @asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        data: bytes,
        timeout: ClientTimeout,  # noqa: ASYNC109 - aiohttp's
        **_: object,
    ) -> AsyncIterator[_Answered]:
        assert (method, path) == ("POST", "responses")
        yield await self._respond(msgspec.json.decode(data), timeout.total or 0.0)

    async def _respond(self, asked: Json, patience_seconds: float) -> _Answered:
        faults = self.faults
        await faults.point("model.ask")
        await asyncio.sleep(faults.rng.uniform(*THINKS_SECONDS))
        if faults.strikes("model.throttled", rate=MODEL_RATE):
            return _Answered(HTTPStatus.TOO_MANY_REQUESTS)
        self.checker.on_model_call(THREAD.get(), asked["input"], faults.loop.time())
        if faults.strikes("model.hangs", rate=MODEL_RATE):
            faults.excuse()
            await asyncio.sleep(patience_seconds)
            raise TimeoutError
        cut = NOT_CUT
        if faults.strikes("model.cut_off", rate=MODEL_RATE):
            cut = faults.rng.choice(CUTS)
        await faults.point("model.answered")
        return self._answered(asked, cut)

    def _answered(self, asked: Json, cut: str) -> _Answered:
        said = msgspec.json.encode(draft(ready="Honda" in asked["input"])).decode()
        answer: Answer = Text(said)
        if cut in {"text", "answer"}:
            said = said[: self.faults.rng.randrange(len(said))]
            answer = Text(said) if cut == "text" else Incomplete(said)
        body = msgspec.json.encode(response(asked, answer))
        if cut == "body":
            body = body[: self.faults.rng.randrange(len(body))]
        if cut == "connection":
            self.faults.excuse()
        return _Answered(HTTPStatus.OK, body, torn=cut == "connection")


def summary_model(
    faults: Faults, checker: Checker, *, attempt_seconds: float = ATTEMPT_SECONDS
) -> OpenAISummaryModel:
    """The real one, at a connection that is not."""
    connection: Any = SimOpenAI(faults, checker)
    return OpenAISummaryModel(connection, "simulated", attempt_seconds)


def draft(*, ready: bool) -> Draft:
    none: tuple[int, ...] = ()
    return Draft(
        customer_name=None,
        customer_phone=None,
        customer_email=None,
        customer_location=None,
        customer_language=None,
        vehicle="2015 Honda Civic" if ready else None,
        project="seat repair" if ready else None,
        timeline=None,
        handoff_ready=ready,
        handoff_reason="ready_for_follow_up" if ready else "missing_project_details",
        summary="A torn seat." if ready else "A question.",
        next_steps=(),
        follow_up_questions=(),
        call_script_prompts=("Hello.", "About the seat.", "When?"),
        missing_info=(),
        outreach_message=None,
        evidence=Evidence(
            customer_name=none, customer_phone=none, customer_email=none, customer_location=none,
            customer_language=none, vehicle=(1, 2, 3, 4, 5, 6, 7), project=(1, 2, 3), timeline=none,
        ),
    )  # fmt: skip
