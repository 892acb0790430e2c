"""The summary model over a loopback OpenAI: its documented answers and its documented failures."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from libs.errors import Unavailable
from libs.model.connection import ModelConnection
from libs.runtime.log import Log
from services.lead.adapters import openai as adapter
from services.lead.adapters.openai import OpenAISummaryModel
from services.lead.fakes import EMPTY, always
from services.lead.ports import DraftRefusedError, Prompt
from services.lead.wiring import log_shutdown_date
from tests.openai_server import CutOff, Failure, Garbage, Hang, OpenAIServer, Status, openai_server
from tests.openai_shapes import Answer, Failed, Incomplete, Refusal, Text
from tests.unit.lead.world import READY_WORDS, World

pytestmark = pytest.mark.slow

NAME = "gpt-5.2-2025-12-11"
PROMPT = Prompt(instructions="Fill in the form.", transcript="<transcript>", conversation="abc")
GOOD = json.loads(msgspec.json.encode(replace(EMPTY, summary="Ana wants a new seat.")))


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with openai_server() as running:
        yield running


@pytest.fixture
async def model(server: OpenAIServer) -> AsyncIterator[OpenAISummaryModel]:
    connection = ModelConnection("sk-test", server.url)
    yield OpenAISummaryModel(connection, NAME)
    await connection.aclose()


async def test_request_is_strict_bounded_and_leaves_nothing_behind(
    model: OpenAISummaryModel, server: OpenAIServer
) -> None:
    await model.draft(PROMPT, always)

    (seen,) = server.seen("responses")
    asked = seen.body
    assert (asked["model"], asked["max_output_tokens"], asked["store"]) == (NAME, 1500, False)
    assert asked["text"]["format"]["name"] == "lead_summary"
    assert asked["text"]["format"]["strict"] is True
    assert (asked["instructions"], asked["input"]) == ("Fill in the form.", "<transcript>")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Refusal(), "refused"),
        (Incomplete(), "incomplete_max_output_tokens"),
        (Incomplete(json.dumps(GOOD), "content_filter"), "incomplete_content_filter"),
        (Failed(), "incomplete_failed"),
        (Text("Sure! Here is the form."), "off_schema"),
        (Text("{}"), "off_schema"),
        (Text(json.dumps(GOOD | {"recipient": "evil@example.com"})), "off_schema"),
        (Text(json.dumps(GOOD | {"handoff_reason": "whatever"})), "off_schema"),
        (Text(json.dumps(GOOD | {"call_script_prompts": ["one"]})), "off_schema"),
        (Text(json.dumps(GOOD | {"next_steps": ["x"] * 7})), "off_schema"),
        (Text(json.dumps(GOOD)[:-9]), "off_schema"),
        (Text(""), "off_schema"),
    ],
)
async def test_answer_of_no_use_is_refused_with_its_reason(
    model: OpenAISummaryModel, server: OpenAIServer, answer: Answer, reason: str
) -> None:
    server.answers.append(answer)

    with pytest.raises(DraftRefusedError) as caught:
        await model.draft(PROMPT, always)

    assert caught.value.reason == reason
    assert len(server.seen("responses")) == 1


@pytest.mark.parametrize(
    ("failure", "calls", "reason"),
    [
        (Status(429, retry_after=0.01), 2, "status_429"),
        (Status(500), 2, "status_500"),
        (Status(503), 2, "status_503"),
        (Status(400), 1, "status_400"),
        (Status(401), 1, "status_401"),
        (Status(404), 1, "status_404"),
        (CutOff(), 2, "ClientPayloadError"),
    ],
)
async def test_outage_is_tried_once_more_and_then_named(
    model: OpenAISummaryModel, server: OpenAIServer, failure: Failure, calls: int, reason: str
) -> None:
    server.fail("responses", failure, times=3)

    with pytest.raises(Unavailable, match=reason) as caught:
        await model.draft(PROMPT, always)

    assert caught.value.part == "model"
    assert len(server.seen("responses")) == calls
    assert "sk-" not in str(caught.value)


@pytest.mark.parametrize(("cap", "calls"), [(1, 1), (2, 2)])
async def test_each_try_is_charged_to_the_cap(
    model: OpenAISummaryModel, server: OpenAIServer, cap: int, calls: int
) -> None:
    server.fail("responses", Status(500), times=3)
    world = World(model, most_model_calls=cap)
    world.say(READY_WORDS)
    world.wait(301)

    mail = await world.sends()

    assert len(server.seen("responses")) == calls
    assert world.snapshot(mail).summary.source == "rules"


async def test_one_hiccup_costs_nothing(model: OpenAISummaryModel, server: OpenAIServer) -> None:
    server.fail("responses", Status(500))
    server.answers.append(Text(json.dumps(GOOD)))

    assert (await model.draft(PROMPT, always)).summary


async def test_an_hour_is_not_waited_for(
    model: OpenAISummaryModel, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "LONGEST_PAUSE_SECONDS", 0.01)
    server.fail("responses", Status(429, retry_after=3_600))
    server.answers.append(Text(json.dumps(GOOD)))

    async with asyncio.timeout(60):
        assert (await model.draft(PROMPT, always)).summary


async def test_both_attempts_together_end_before_the_lease(
    model: OpenAISummaryModel, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert adapter.WHOLE_SECONDS < 120
    monkeypatch.setattr(adapter, "WHOLE_SECONDS", 0.2)
    server.fail("responses", Hang(110), times=3)

    async with asyncio.timeout(60):
        with pytest.raises(Unavailable, match="timeout"):
            await model.draft(PROMPT, always)


async def test_an_attempt_that_hangs_is_given_up_for_the_second(
    model: OpenAISummaryModel, server: OpenAIServer
) -> None:
    assert model.attempt_seconds == 60
    model = dataclasses.replace(model, attempt_seconds=2)
    server.fail("responses", Hang(110))
    server.answers.append(Text(json.dumps(GOOD)))

    async with asyncio.timeout(60):
        assert (await model.draft(PROMPT, always)).summary
    assert len(server.seen("responses")) == 2


@pytest.mark.parametrize("failure", [Garbage(), Garbage("[]"), Garbage('{"id": "x"}')])
async def test_garbage_is_no_crash(
    model: OpenAISummaryModel, server: OpenAIServer, failure: Failure
) -> None:
    server.fail("responses", failure, times=3)

    with pytest.raises((Unavailable, DraftRefusedError)):
        await model.draft(PROMPT, always)


def logged(lines: io.StringIO) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(lines.getvalue().splitlines()[-1])
    return entry


@pytest.mark.parametrize(
    ("day", "level", "shown"),
    [(None, "info", "none announced"), ("2027-03-01", "warning", "2027-03-01")],
)
async def test_shutdown_date_is_logged_at_start(
    model: OpenAISummaryModel, server: OpenAIServer, day: str | None, level: str, shown: str
) -> None:
    server.models[NAME] = day
    lines = io.StringIO()

    await log_shutdown_date(model, Log("lead", out=lines))

    assert (logged(lines)["level"], logged(lines)["shutdown_date"]) == (level, shown)


async def test_unknown_model_is_said_and_does_not_stop_the_start(
    model: OpenAISummaryModel, server: OpenAIServer
) -> None:
    server.models.clear()
    lines = io.StringIO()

    await log_shutdown_date(model, Log("lead", out=lines))

    assert logged(lines)["event"] == "summary_model_unchecked"
