"""The loopback OpenAI, held to what the official SDK expects of the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel, ConfigDict

from tests.openai_server import CutOff, Garbage, Hang, OpenAIServer, Status, openai_server
from tests.openai_shapes import (
    Call,
    Failed,
    Incomplete,
    Refusal,
    Text,
    assistant_message,
    attachment,
    client_tool_call,
    task,
    task_group,
    unknown_item,
    user_message,
    widget,
)

if TYPE_CHECKING:
    from openai import AsyncOpenAI

pytestmark = pytest.mark.slow


class Fruit(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    colour: str | None


@pytest.fixture
def openai() -> Iterator[OpenAIServer]:
    with openai_server() as server:
        yield server


@pytest.fixture
def sdk() -> ModuleType:
    """Two seconds of imports, which only the worker that runs these tests needs."""
    return import_module("openai")


@pytest.fixture
async def client(openai: OpenAIServer, sdk: ModuleType) -> AsyncIterator[AsyncOpenAI]:
    async with sdk.AsyncOpenAI(
        base_url=openai.url, api_key="sk-test", max_retries=0, timeout=60
    ) as client:
        yield client


async def test_mints_a_session_from_the_documented_fields(
    openai: OpenAIServer, client: AsyncOpenAI
) -> None:
    session = await client.beta.chatkit.sessions.create(
        user="v_1",
        workflow={"id": "wf_1", "state_variables": {"locale": "en", "open": True}},
        expires_after={"anchor": "created_at", "seconds": 600},
        rate_limits={"max_requests_per_1_minute": 7},
        chatkit_configuration={"file_upload": {"enabled": True, "max_file_size": 12}},
    )

    assert session.client_secret.startswith("ek_")
    assert session.workflow.state_variables == {"locale": "en", "open": True}
    assert session.rate_limits.max_requests_per_1_minute == 7
    assert openai.seen("sessions")[0].body["user"] == "v_1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"expires_after": {"anchor": "created_at", "seconds": 601}},
        {"workflow": {"id": "wf_1", "state_variables": {"x" * 65: "v"}}},
        {"workflow": {"id": "wf_1", "state_variables": {"x": ["v"]}}},
        {"extra_body": {"model": "gpt"}},
    ],
)
async def test_refuses_a_session_that_breaks_the_rules(
    client: AsyncOpenAI, wrong: dict[str, object], sdk: ModuleType
) -> None:
    with pytest.raises(sdk.BadRequestError):
        await client.beta.chatkit.sessions.create(**{"user": "v", "workflow": {"id": "w"}, **wrong})


async def test_pages_through_items_of_every_type(openai: OpenAIServer, client: AsyncOpenAI) -> None:
    items = [
        user_message("Hi", quoted="before", attachments=(attachment("a.jpg"),)),
        assistant_message("Hello"),
        widget({"type": "Card"}),
        client_tool_call("open", {"a": 1}, output={"b": 2}),
        task("Looking"),
        task_group("One", "Two"),
        unknown_item(colour="red"),
        *[user_message(f"line {n}") for n in range(60)],
    ]
    openai.add_thread("cthr_1", user="v_1", items=items)

    pages = client.beta.chatkit.threads.list_items("cthr_1", order="asc", limit=25)
    got = [item.type async for item in pages]

    assert got[:7] == [item["type"] for item in items[:7]]
    assert len(got) == 67
    assert len(openai.seen("items")) == 3


async def test_lists_newest_first_and_twenty_at_a_time(
    openai: OpenAIServer, client: AsyncOpenAI
) -> None:
    openai.add_thread("cthr_1", user="v_1", items=[user_message(str(n)) for n in range(30)])

    page = await client.beta.chatkit.threads.list_items("cthr_1")

    assert len(page.data) == 20
    assert page.data[0].id == openai.items["cthr_1"][-1]["id"]
    assert page.has_more


async def test_threads_belong_to_their_user(
    openai: OpenAIServer, client: AsyncOpenAI, sdk: ModuleType
) -> None:
    openai.add_thread("cthr_1", user="v_1", items=[], title="Seats")
    openai.add_thread("cthr_2", user="v_2", items=[])

    threads = [thread.id async for thread in client.beta.chatkit.threads.list(user="v_1")]

    assert threads == ["cthr_1"]
    assert (await client.beta.chatkit.threads.retrieve("cthr_1")).title == "Seats"
    await client.beta.chatkit.threads.delete("cthr_1")
    with pytest.raises(sdk.NotFoundError):
        await client.beta.chatkit.threads.retrieve("cthr_1")


async def test_endless_lists_never_end(openai: OpenAIServer, client: AsyncOpenAI) -> None:
    openai.add_thread("cthr_1", user="v_1", items=[user_message(str(n)) for n in range(3)])
    openai.endless = True
    count = 0

    async for _ in client.beta.chatkit.threads.list_items("cthr_1", order="asc", limit=2):
        count += 1
        if count == 50:
            break

    assert count == 50


async def test_parses_structured_output(openai: OpenAIServer, client: AsyncOpenAI) -> None:
    openai.answers.append(Text('{"name": "plum", "colour": "blue"}'))

    parsed = await client.responses.parse(model="m", input="?", text_format=Fruit)
    default = await client.responses.parse(model="m", input="?", text_format=Fruit)

    assert parsed.output_parsed == Fruit(name="plum", colour="blue")
    assert default.output_parsed == Fruit(name="", colour=None)


async def test_refuses_a_loose_schema_in_strict_mode(client: AsyncOpenAI, sdk: ModuleType) -> None:
    loose = {"type": "object", "properties": {"a": {"type": "string"}}, "required": []}

    with pytest.raises(sdk.BadRequestError, match="additionalProperties"):
        await client.responses.create(
            model="m",
            input="?",
            text={"format": {"type": "json_schema", "name": "x", "schema": loose, "strict": True}},
        )


async def test_refusal_incomplete_and_failure(openai: OpenAIServer, client: AsyncOpenAI) -> None:
    openai.answers.extend([Refusal("no"), Incomplete("half"), Failed()])

    refused, cut, broken = [await client.responses.create(model="m", input="?") for _ in range(3)]

    assert refused.output[0].content[0].type == "refusal"
    assert cut.status == "incomplete"
    assert cut.incomplete_details
    assert cut.incomplete_details.reason == "max_output_tokens"
    assert broken.status == "failed"
    assert broken.error
    assert broken.error.code == "server_error"


async def test_streams_text_and_calls(openai: OpenAIServer, client: AsyncOpenAI) -> None:
    openai.answers.extend([Text("one two three"), Call("look", {"q": 1})])

    text = [e async for e in await client.responses.create(model="m", input="?", stream=True)]
    call = [e async for e in await client.responses.create(model="m", input="?", stream=True)]

    deltas = [event.delta for event in text if event.type == "response.output_text.delta"]
    assert "".join(deltas) == "one two three"
    assert text[-1].type == "response.completed"
    assert [event.sequence_number for event in text] == list(range(len(text)))
    assert call[-1].response.output[0].arguments == '{"q": 1}'


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (403, "PermissionDeniedError"),
        (404, "NotFoundError"),
        (429, "RateLimitError"),
        (500, "InternalServerError"),
        (503, "InternalServerError"),
    ],
)
async def test_fails_with_the_documented_status(
    openai: OpenAIServer, client: AsyncOpenAI, sdk: ModuleType, status: int, raised: str
) -> None:
    openai.fail("responses", Status(status, retry_after=7))

    with pytest.raises(getattr(sdk, raised)) as caught:
        await client.responses.create(model="m", input="?")

    assert caught.value.response.headers["retry-after"] == "7"
    await client.responses.create(model="m", input="?")


async def test_hangs_cuts_off_and_talks_nonsense(
    openai: OpenAIServer, client: AsyncOpenAI, sdk: ModuleType
) -> None:
    openai.fail("responses", Hang(110))
    with pytest.raises(sdk.APITimeoutError):
        await client.responses.create(model="m", input="?", timeout=0.2)
    openai.fail("responses", CutOff())
    with pytest.raises(sdk.APIConnectionError):
        await client.responses.create(model="m", input="?")
    openai.fail("responses", CutOff())
    with pytest.raises(sdk.APIConnectionError):
        async for _ in await client.responses.create(model="m", input="?", stream=True):
            pass
    openai.fail("models", Garbage())
    with pytest.raises(Exception, match=r"Expecting value|JSON|object|expected"):
        await client.models.retrieve("gpt-5.2-2025-12-11")


async def test_wrong_key_is_refused(openai: OpenAIServer, sdk: ModuleType) -> None:
    async with sdk.AsyncOpenAI(base_url=openai.url, api_key="wrong", max_retries=0) as client:
        with pytest.raises(sdk.AuthenticationError):
            await client.models.list()


async def test_models_carry_their_shutdown_date(openai: OpenAIServer, client: AsyncOpenAI) -> None:
    openai.models["gpt-old"] = "2026-12-01"

    models = {model.id: model.shutdown_date async for model in client.models.list()}

    assert models == {"gpt-5.2-2025-12-11": None, "gpt-old": "2026-12-01"}
