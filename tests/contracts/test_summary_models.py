"""What every summary model promises: OpenAI (on loopback) and the fake for tests.

The simulator's, which is the real adapter at a simulated OpenAI, inherits it too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import pytest
from msgspec.structs import replace

from libs.errors import Unavailable
from libs.model.connection import ModelConnection
from services.lead.adapters.openai import OpenAISummaryModel
from services.lead.fakes import EMPTY, ScriptedModel, always
from services.lead.ports import Draft, DraftRefusedError, Prompt, SummaryModel
from tests.openai_server import CutOff, Garbage, Hang, OpenAIServer, Status, openai_server
from tests.openai_shapes import Incomplete, Text

PROMPT = Prompt(instructions="Fill in the form.", transcript="<transcript>", conversation="abc")
SAID = replace(EMPTY, summary="Ana wants a new seat.")
JSON = msgspec.json.encode(SAID).decode()
OFTEN = 3
"""More often than anybody asks again."""


class Provider(Protocol):
    """Whoever answers a model's adapter, and what goes wrong there from now on."""

    @property
    def model(self) -> SummaryModel:
        """It gives up on a silent provider after a second or so."""
        ...

    @property
    def said(self) -> Draft:
        """What it answers when all is well."""
        ...

    def asked(self) -> int:
        """How often."""
        ...

    def cut_text(self) -> None:
        """The draft ends in the middle, and is said to be whole."""
        ...

    def cut_answer(self) -> None:
        """The draft ends in the middle, and is said to be incomplete."""
        ...

    def cut_body(self) -> None:
        """What the draft comes in ends in the middle."""
        ...

    def cut_connection(self) -> None:
        """And so does the connection."""
        ...

    def throttle(self) -> None: ...

    def hang(self) -> None: ...


class SummaryModelContract:
    """Inherited by one class per adapter."""

    async def test_gives_what_was_said(self, provider: Provider) -> None:
        assert await provider.model.draft(PROMPT, always) == provider.said
        assert provider.asked() == 1

    @pytest.mark.parametrize("cut", ["cut_text", "cut_answer"])
    async def test_what_was_cut_off_is_refused_and_not_paid_for_again(
        self, provider: Provider, cut: str
    ) -> None:
        getattr(provider, cut)()

        with pytest.raises(DraftRefusedError) as caught:
            await provider.model.draft(PROMPT, always)

        assert caught.value.reason.startswith(("off_schema", "incomplete_"))
        assert provider.asked() == 1

    @pytest.mark.parametrize("how", ["cut_body", "cut_connection", "throttle", "hang"])
    async def test_an_outage_is_named_in_time_and_asked_through_once_more_at_most(
        self, provider: Provider, how: str
    ) -> None:
        getattr(provider, how)()

        async with asyncio.timeout(60):
            with pytest.raises(Unavailable) as caught:
                await provider.model.draft(PROMPT, always)

        assert caught.value.part == "model"
        assert 1 <= provider.asked() <= 2

    async def test_a_call_that_may_not_be_paid_for_is_not_made(self, provider: Provider) -> None:
        async def never() -> bool:
            return False

        provider.throttle()

        with pytest.raises(Unavailable):
            await provider.model.draft(PROMPT, never)

        assert provider.asked() == 1


@dataclass
class Script:
    model: ScriptedModel = field(default_factory=lambda: ScriptedModel(SAID))
    said: Draft = SAID

    def asked(self) -> int:
        return len(self.model.prompts)

    def cut_text(self) -> None:
        self.model.always = DraftRefusedError("off_schema")

    def cut_answer(self) -> None:
        self.model.always = DraftRefusedError("incomplete_max_output_tokens")

    def hang(self) -> None:
        self.model.always = Unavailable("model", "timeout")

    cut_body = cut_connection = throttle = hang


class TestScripted(SummaryModelContract):
    @pytest.fixture
    async def provider(self) -> Provider:
        return Script()


@dataclass
class Loopback:
    server: OpenAIServer
    model: OpenAISummaryModel
    said: Draft = SAID

    def __post_init__(self) -> None:
        self.server.model = lambda _: Text(JSON)

    def asked(self) -> int:
        return len(self.server.seen("responses"))

    def cut_text(self) -> None:
        self.server.model = lambda _: Text(JSON[:-9])

    def cut_answer(self) -> None:
        self.server.model = lambda _: Incomplete(JSON[:-9])

    def cut_body(self) -> None:
        self.server.fail("responses", Garbage('{"id": "resp_1", "status": "comp'), times=OFTEN)

    def cut_connection(self) -> None:
        self.server.fail("responses", CutOff(), times=OFTEN)

    def throttle(self) -> None:
        self.server.fail("responses", Status(429, retry_after=0.01), times=OFTEN)

    def hang(self) -> None:
        self.server.fail("responses", Hang(110), times=OFTEN)


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with openai_server() as running:
        yield running


@pytest.mark.slow
class TestOpenAI(SummaryModelContract):
    @pytest.fixture
    async def provider(self, server: OpenAIServer) -> AsyncIterator[Provider]:
        server.requests.clear()
        server.failures.clear()
        connection = ModelConnection("sk-test", server.url)
        yield Loopback(server, OpenAISummaryModel(connection, "gpt-5.2", attempt_seconds=2))
        await connection.aclose()
