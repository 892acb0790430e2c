"""The shop's assistant on OpenAI's Responses API, word by word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from libs.errors import Unavailable
from libs.runtime.log import Log
from libs.runtime.metrics import MODEL_CALLS, Metrics
from services.chat.adapters.model import ModelConnection
from services.chat.pacing import paced
from services.chat.phrases import phrases_in
from services.chat.ports import AnswerFailed, Moment, PhoneField, Purse, Trouble
from services.chat.prompt import instructions, lines

CONNECT_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 25.0
"""The longest wait for the next event; well below what the gateway waits for a chunk."""
ANSWER_SECONDS: Final = 90.0
OUTPUT_TOKENS: Final = 700
TRIES: Final = 2
"""One more, and only while the visitor has seen nothing yet."""

_ASK: Final = {
    "type": "function",
    "name": "ask_for_phone",
    "description": "Show the customer a field for their phone number or email address.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {
            "question": {"type": "string", "description": "The question, in their language."}
        },
        "required": ["question"],
        "additionalProperties": False,
    },
}


class _Asked(msgspec.Struct):
    question: str


class _Item(msgspec.Struct, frozen=True):
    type: str = ""
    arguments: str = ""


class _Incomplete(msgspec.Struct, frozen=True):
    reason: str = ""


class _Response(msgspec.Struct, frozen=True):
    incomplete_details: _Incomplete | None = None


class _Event(msgspec.Struct, frozen=True):
    """What we read of one. The library's own models of an answer's events take 10 ms, these 1."""

    type: str = ""
    delta: str = ""
    item: _Item = _Item()
    response: _Response = _Response()


_event: Final = msgspec.json.Decoder(_Event).decode


@dataclass(frozen=True)
class ResponsesAgent:
    """Agent. Charged to the purse before each call; every trouble of the API is one of five."""

    connection: ModelConnection
    model: str
    purse: Purse
    metrics: Metrics
    log: Log

    async def answer(self, moment: Moment) -> AsyncIterator[str | PhoneField]:
        for attempt in range(1, TRIES + 1):
            heard = False
            try:
                async with aclosing(paced(self._call(moment))) as pieces:
                    async for piece in pieces:
                        heard = heard or not isinstance(piece, str) or bool(piece.strip())
                        yield piece
                if not heard:
                    raise AnswerFailed("cut")  # noqa: TRY301 - an empty answer is one cut short
            except AnswerFailed as failed:
                self.metrics.count(MODEL_CALLS, "chat", failed.trouble)
                self.log.warning(
                    "Chat answer failed",
                    thread_id=moment.thread_id, reason=failed.trouble, attempt=attempt,
                )  # fmt: skip
                if heard or attempt == TRIES or failed.trouble in ("spent", "refused"):
                    raise
            else:
                self.metrics.count(MODEL_CALLS, "chat", "ok")
                return

    async def _call(self, moment: Moment) -> AsyncGenerator[str | PhoneField]:
        await self._pay(moment)
        client = await self.connection.client()
        with _troubles():
            async with (
                asyncio.timeout(ANSWER_SECONDS),
                client.responses.with_streaming_response.create(**self._request(moment)) as answer,
                aclosing(_read(_events(answer.iter_lines()), moment)) as pieces,
            ):
                async for piece in pieces:
                    yield piece

    async def _pay(self, moment: Moment) -> None:
        try:
            paid = await self.purse.spend(moment.owner, moment.thread_id)
        except Unavailable as error:
            raise AnswerFailed("busy") from error
        if not paid:
            raise AnswerFailed("spent")

    def _request(self, moment: Moment) -> dict[str, Any]:
        import httpx2 as httpx

        return {
            "model": self.model,
            "instructions": instructions(moment),
            "input": [msgspec.to_builtins(line) for line in lines(moment.items)],
            "tools": [_ASK] if moment.may_ask_phone else [],
            "max_output_tokens": OUTPUT_TOKENS,
            "store": False,
            "stream": True,
            "safety_identifier": moment.owner.visitor,
            "timeout": httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
        }


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[_Event]:
    async for line in lines:
        if line.startswith("data: {"):
            yield _event(line.removeprefix("data: "))


async def _read(events: AsyncIterator[_Event], moment: Moment) -> AsyncGenerator[str | PhoneField]:
    """Ends only with the API's own word that the answer is whole."""
    async for event in events:
        match event.type:
            case "response.output_text.delta":
                yield event.delta
            case "response.refusal.delta" | "response.refusal.done":
                raise AnswerFailed("refused")
            case "response.output_item.done" if event.item.type == "function_call":
                yield PhoneField(_question(event.item.arguments, moment))
            case "response.completed":
                return
            case "response.incomplete":
                raise AnswerFailed(_why_incomplete(event.response))
            case "response.failed" | "error":
                raise AnswerFailed("busy")
            case _:  # progress that says nothing
                pass
    raise AnswerFailed("cut")


def _why_incomplete(response: _Response) -> Trouble:
    details = response.incomplete_details
    return "refused" if details and details.reason == "content_filter" else "cut"


def _question(arguments: str, moment: Moment) -> str:
    try:
        asked = msgspec.json.decode(arguments, type=_Asked).question.strip()
    except msgspec.MsgspecError:
        asked = ""
    return asked[:300] or phrases_in(moment.language).phone


@contextmanager
def _troubles() -> Iterator[None]:
    """The one table of OpenAI's errors."""
    import httpx2 as httpx
    import openai

    try:
        yield
    except (openai.APITimeoutError, httpx.TimeoutException, TimeoutError) as error:
        raise AnswerFailed("slow") from error
    except (openai.APIConnectionError, httpx.TransportError) as error:
        raise AnswerFailed("cut") from error
    except (openai.OpenAIError, msgspec.MsgspecError, ValueError) as error:
        raise AnswerFailed("busy") from error
