"""The shop's assistant on OpenAI's Responses API, word by word.

Asked with an HTTP client and types of our own: OpenAI's library takes three times the CPU.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec

from libs.errors import Unavailable
from libs.model.connection import ModelConnection
from libs.runtime.log import Log
from libs.runtime.metrics import MODEL_CALLS, Metrics
from services.chat.adapters.pieces import Piece, read_pieces
from services.chat.ports import AnswerFailed, Moment, Purse
from services.chat.prompt import instructions, lines

if TYPE_CHECKING:
    from aiohttp import ClientResponse

CONNECT_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 25.0
"""The longest wait for the next event; well below what the gateway waits for a chunk."""
ANSWER_SECONDS: Final = 90.0
PACE_SECONDS: Final = 0.1
"""A model says a word every 20 ms. To a reader ten pieces a second look the same, at a fifth of the
work, and that is what lets one process speak with hundreds at once.
"""
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


@dataclass(frozen=True)
class ResponsesAgent:
    """Agent. Charged to the purse before each call; every trouble of the API is one of five."""

    connection: ModelConnection
    model: str
    purse: Purse
    metrics: Metrics
    log: Log

    async def answer(self, moment: Moment) -> AsyncIterator[Piece]:
        for attempt in range(1, TRIES + 1):
            heard = False
            try:
                async with aclosing(self._call(moment)) as pieces:
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

    async def _call(self, moment: Moment) -> AsyncGenerator[Piece]:
        await self._pay(moment)
        session = await self.connection.session()
        with _troubles():
            async with session.post("responses", **self._request(moment)) as answer:
                if answer.status != HTTPStatus.OK:
                    raise AnswerFailed("busy")
                pieces = read_pieces(answer.content, moment, partial(_rest, answer))
                async with aclosing(pieces):
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
        from aiohttp import ClientTimeout

        wish = {
            "model": self.model,
            "instructions": instructions(moment),
            "input": lines(moment.items),
            "tools": [_ASK] if moment.may_ask_phone else [],
            "max_output_tokens": OUTPUT_TOKENS,
            "store": False,
            "stream": True,
            "safety_identifier": moment.owner.visitor,
        }
        return {
            "data": msgspec.json.encode(wish),
            "headers": {"Content-Type": "application/json", "Accept-Encoding": "identity"},
            "timeout": ClientTimeout(
                ANSWER_SECONDS, connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS
            ),
            "allow_redirects": False,
        }


async def _rest(answer: ClientResponse) -> None:
    """Nothing is read meanwhile: a word that comes in between wakes nobody."""
    transport = answer.connection and answer.connection.transport
    if transport:
        transport.pause_reading()
    await asyncio.sleep(PACE_SECONDS)
    if transport:
        transport.resume_reading()


@contextmanager
def _troubles() -> Iterator[None]:
    """The one table of what may go wrong with a call."""
    import aiohttp

    try:
        yield
    except TimeoutError as error:  # also aiohttp's own
        raise AnswerFailed("slow") from error
    except (aiohttp.ClientError, OSError) as error:
        raise AnswerFailed("cut") from error
    except ValueError as error:  # also msgspec's
        raise AnswerFailed("busy") from error
