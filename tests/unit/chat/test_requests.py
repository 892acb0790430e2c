"""Malformed, oversized and unknown requests are refused with one clear sentence."""

from __future__ import annotations

import json

import pytest

from services.chat.request import ATTACHMENTS, BODY_BYTES, TEXT_CHARACTERS
from tests.unit.chat.world import Json, Scripted, World, create, message

MALFORMED = {
    "no json": "hello",
    "empty": "",
    "cut off": '{"type": "threads.cr',
    "a list": "[]",
    "null": "null",
    "a number": "7",
    "no type": "{}",
    "unknown type": {"type": "threads.steal", "params": {}},
    "no params": {"type": "threads.create"},
    "no input": {"type": "threads.create", "params": {}},
    "input of the wrong type": {"type": "threads.create", "params": {"input": "Hi"}},
    "no thread": {"type": "threads.add_user_message", "params": {"input": message("Hi")}},
    "deep": '{"type": "threads.create", "params": ' + '{"input":' * 5000 + "1" + "}" * 5001,
    "transcription": {
        "type": "input.transcribe",
        "params": {"audio_base64": "AAAA", "mime_type": "audio/webm"},
    },
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
async def test_what_is_not_the_protocol_is_refused(body: Json | str) -> None:
    world = World(Scripted())
    refused = (await world.ask(body)).refused

    assert refused
    assert refused.status == 400
    assert refused.error in ("invalid_request", "unsupported")
    assert refused.detail.endswith(".")
    assert await world.threads_of("v_ana") == []
    assert world.publisher.published == []


async def test_the_field_that_is_wrong_is_named_and_its_value_is_not() -> None:
    body = {"type": "threads.list", "params": {"limit": "408 555 0199"}}
    refused = (await World().ask(body)).refused

    assert refused
    assert "limit" in refused.detail
    assert "0199" not in refused.detail


TOO_MUCH = {
    "body": json.dumps(create("Hi")) + " " * BODY_BYTES,
    "text": create("x" * (TEXT_CHARACTERS + 1)),
    "text and quote": {
        "type": "threads.create",
        "params": {"input": message("x" * TEXT_CHARACTERS, quoted="y")},
    },
    "files": create("Hi", *(f"att_{n}" for n in range(ATTACHMENTS + 1))),
}


@pytest.mark.parametrize("body", TOO_MUCH.values(), ids=TOO_MUCH)
async def test_what_is_too_much_is_refused(body: Json | str) -> None:
    refused = (await World().ask(body)).refused

    assert refused
    assert refused.status == 413


@pytest.mark.parametrize("text", ["x" * TEXT_CHARACTERS, "\u202e\u0000\U0001f600", "", " "])
async def test_whatever_a_person_writes_within_the_limits_is_taken(text: str) -> None:
    world = World(Scripted())
    answer = await world.ask(create(text))

    assert answer.said
    assert answer.items[0]["content"][0]["text"] == text


@pytest.mark.parametrize("metadata", [{"locale": 7}, {"page_url": ["x"]}, {"a": {"b": None}}])
async def test_whatever_a_front_end_keeps_in_its_metadata_is_no_reason_to_refuse(
    metadata: Json,
) -> None:
    answer = await World(Scripted()).ask({**create("Hello"), "metadata": metadata})

    assert answer.said


@pytest.mark.parametrize("limit", [-5, 0, 10**9])
async def test_pages_stay_bounded(limit: int) -> None:
    world = World(Scripted())
    for _ in range(3):
        await world.ask(create("Hi"))
    listed = (await world.ask({"type": "threads.list", "params": {"limit": limit}})).json

    assert listed
    assert 1 <= len(listed["data"]) <= 100


async def test_a_file_of_nobody_is_refused_before_a_thread_is_made() -> None:
    world = World(Scripted())
    refused = (await world.ask(create("Look", "att_unknown"))).refused

    assert refused
    assert refused.status == 404
    assert await world.threads_of("v_ana") == []
