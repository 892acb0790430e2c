"""The summary model over OpenAI's Responses API."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from libs.errors import Unavailable
from libs.model.connection import ModelConnection
from libs.model.openai_connection import asked_wait
from services.lead.ports import Draft, DraftRefusedError, MayRetry, Prompt
from services.lead.summary.prompt import SCHEMA_NAME, schema

ATTEMPT_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 20.0
"""However long the API would have us wait."""
WHOLE_SECONDS: Final = 100.0
"""Both attempts together, less than the lease lasts: no other worker starts a second call."""
CHECK_SECONDS: Final = 10.0
OUTPUT_TOKENS: Final = 1_500
_PASSING: Final = frozenset({408, 409, 429})
"""Beside every 5xx."""

T = TypeVar("T")


class _Part(msgspec.Struct, frozen=True):
    type: str
    text: str = ""


class _Item(msgspec.Struct, frozen=True):
    type: str
    content: tuple[_Part, ...] | None = None


class _Incomplete(msgspec.Struct, frozen=True):
    reason: str | None = None


class _Response(msgspec.Struct, frozen=True):
    """Of the documented answer what we need; anything else in it may change."""

    status: str
    output: tuple[_Item, ...] = ()
    incomplete_details: _Incomplete | None = None


class _Model(msgspec.Struct, frozen=True):
    shutdown_date: str | int | None = None


class _MayPassError(Unavailable):
    """Why, and after how many seconds to try again."""

    def __init__(self, reason: str, seconds: float = PAUSE_SECONDS) -> None:
        super().__init__("model", reason)
        self.seconds = seconds


@dataclass(frozen=True)
class OpenAISummaryModel:
    connection: ModelConnection
    model: str
    attempt_seconds: float = ATTEMPT_SECONDS

    async def draft(self, prompt: Prompt, may_retry: MayRetry) -> Draft:
        return _draft_in(await self._respond(prompt, may_retry))

    async def shutdown_date(self) -> str:
        """The day on which OpenAI switches this model off; empty when none is announced."""
        path = f"models/{quote(self.model, safe='')}"
        model = _decoded(await self._ask("GET", path, CHECK_SECONDS, _costs_nothing), _Model)
        return str(model.shutdown_date or "")

    async def _respond(self, prompt: Prompt, may_retry: MayRetry) -> _Response:
        wish = {
            "model": self.model,
            "instructions": prompt.instructions,
            "input": prompt.transcript,
            "text": {
                "format": {
                    "type": "json_schema",
                    "name": SCHEMA_NAME,
                    "schema": schema(),
                    "strict": True,
                }
            },
            "max_output_tokens": OUTPUT_TOKENS,
            "safety_identifier": prompt.conversation,
            "store": False,
        }
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                body, seconds = msgspec.json.encode(wish), self.attempt_seconds
                answer = await self._ask("POST", "responses", seconds, may_retry, body)
        except TimeoutError as error:
            raise Unavailable("model", "timeout") from error
        return _decoded(answer, _Response)

    async def _ask(
        self, method: str, path: str, seconds: float, may_retry: MayRetry, body: bytes = b""
    ) -> bytes:
        """Tried once more after what may pass. Raises Unavailable."""
        try:
            return await self._ask_once(method, path, seconds, body)
        except _MayPassError as passing:
            await asyncio.sleep(passing.seconds)
            if not await may_retry():
                raise
        return await self._ask_once(method, path, seconds, body)

    async def _ask_once(self, method: str, path: str, seconds: float, body: bytes) -> bytes:
        session = await self.connection.session()
        from aiohttp import ClientError, ClientTimeout

        try:
            async with session.request(
                method,
                path,
                data=body or None,
                headers={"Content-Type": "application/json"} if body else None,
                timeout=ClientTimeout(seconds),
                allow_redirects=False,
            ) as answer:
                if answer.status != HTTPStatus.OK:
                    raise _failure(answer.status, answer.headers.get("Retry-After", ""))
                return await answer.read()
        except TimeoutError as error:
            raise _MayPassError("timeout") from error
        except ClientError as error:
            raise _MayPassError(type(error).__name__) from error


async def _costs_nothing() -> bool:
    return True


def _failure(status: int, retry_after: str) -> Exception:
    reason = f"status_{status}"
    if status not in _PASSING and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable("model", reason)
    return _MayPassError(reason, asked_wait(retry_after, LONGEST_PAUSE_SECONDS) or PAUSE_SECONDS)


def _decoded(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise Unavailable("model", type(error).__name__) from error


def _draft_in(response: _Response) -> Draft:
    """What came was paid for, of use or not."""
    if response.status != "completed":
        details = response.incomplete_details
        why = (details and details.reason) or response.status
        raise DraftRefusedError(f"incomplete_{why}")
    messages = [item.content or () for item in response.output if item.type == "message"]
    parts = [part for content in messages for part in content]
    if any(part.type == "refusal" for part in parts):
        raise DraftRefusedError("refused")
    text = "".join(part.text for part in parts if part.type == "output_text")
    try:
        return msgspec.json.decode(text, type=Draft)
    except msgspec.DecodeError as error:
        raise DraftRefusedError("off_schema") from error
