"""The summary model over OpenAI's Responses API."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import msgspec

from libs.errors import Unavailable
from libs.openai_connection import OpenAIConnection
from services.lead.ports import Draft, DraftRefusedError, Prompt
from services.lead.summary.prompt import SCHEMA_NAME, schema

ATTEMPT_SECONDS: Final = 60.0
RETRIES: Final = 1
WHOLE_SECONDS: Final = 100.0
"""Both attempts together, less than the lease lasts: no other worker starts a second call."""
CHECK_SECONDS: Final = 10.0
OUTPUT_TOKENS: Final = 1_500


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


@dataclass(frozen=True)
class OpenAISummaryModel:
    connection: OpenAIConnection
    model: str
    attempt_seconds: float = ATTEMPT_SECONDS

    async def draft(self, prompt: Prompt) -> Draft:
        return _draft_in(await self._respond(prompt))

    async def shutdown_date(self) -> str:
        """The day on which OpenAI switches this model off; empty when none is announced."""
        await self.connection.warm_up()
        import openai

        try:
            model = await self.connection.client.models.retrieve(self.model, timeout=CHECK_SECONDS)
        except openai.OpenAIError as error:
            raise Unavailable("model", type(error).__name__) from error
        return str(getattr(model, "shutdown_date", None) or "")

    async def _respond(self, prompt: Prompt) -> _Response:
        import openai

        client = self.connection.client
        quick = client.with_options(timeout=self.attempt_seconds, max_retries=RETRIES)
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                answer = await quick.responses.with_raw_response.create(
                    model=self.model,
                    instructions=prompt.instructions,
                    input=prompt.transcript,
                    text={
                        "format": {
                            "type": "json_schema",
                            "name": SCHEMA_NAME,
                            "schema": schema(),
                            "strict": True,
                        }
                    },
                    max_output_tokens=OUTPUT_TOKENS,
                    safety_identifier=prompt.conversation,
                    store=False,
                )
            return msgspec.json.decode(answer.content, type=_Response)
        except (openai.APITimeoutError, TimeoutError) as error:
            raise Unavailable("model", "timeout") from error
        except openai.APIStatusError as error:
            raise Unavailable("model", f"status_{error.status_code}") from error
        except (openai.OpenAIError, msgspec.DecodeError) as error:
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
