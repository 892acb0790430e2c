"""What stands in for the Agents SDK is all that the ChatKit SDK asks of it."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
import typing
from pathlib import Path

import pytest

from libs.conversations.items import HIDDEN, read_items
from libs.conversations.store import ChatStore, ItemRow, Owner
from services.chat.adapters import sdk
from services.chat.request import SPEAKS
from tests.unit.chat.world import Scripted, World, create

LAZY = ("agents", "mcp", "openai", "botocore")


def test_the_server_uses_nothing_of_the_agents_sdk_but_what_stands_in() -> None:
    tree = ast.parse(inspect.getsource(sdk.server))
    imported = {
        (node.module, name.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("agents")
        for name in node.names
    }
    used = {
        ("agents", node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "agents"
    }

    standing_in = {(module, name) for module, names in sdk.STANDINS.items() for name in names}
    assert imported | used == standing_in


@pytest.mark.slow
def test_nothing_heavy_is_imported_with_the_service() -> None:
    code = (
        "import sys, services.chat.wiring, services.chat.adapters.chatkit, services.chat.practice;"
        f"print([name for name in {LAZY!r} if name in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=Path(__file__).parents[3], capture_output=True, check=True, text=True,
    )  # fmt: skip

    assert out.stdout.strip() == "[]"


def test_we_know_which_requests_are_answered_by_a_stream() -> None:
    streaming = typing.get_args(sdk.types.StreamingReq)

    assert {request.model_fields["type"].default for request in streaming} == SPEAKS


ITEM_TYPES = [
    str(kind.model_fields["type"].default)
    for kind in typing.get_args(typing.get_args(sdk.types.ThreadItem)[0])
]


@pytest.mark.parametrize("kind", ITEM_TYPES)
def test_every_item_type_of_the_sdk_is_known_to_the_transcript(kind: str) -> None:
    reading = read_items([{"type": kind, "id": "cthi_1", "created_at": 1.0}])

    assert reading.unknown_items == 0
    assert kind in HIDDEN or "hidden" not in kind


@pytest.mark.filterwarnings("ignore:Direct usage:DeprecationWarning")  # the SDK's own widgets
async def test_items_of_every_type_go_out_and_stay_as_they_are() -> None:
    world = World(Scripted())
    thread = (await world.ask(create("Hi"))).thread_id
    await put_all(world.kept, thread)
    listed = (await world.ask({"type": "items.list", "params": {"thread_id": thread}})).json

    assert listed
    shown = {item["type"] for item in listed["data"]}
    assert shown == set(ITEM_TYPES) - {"hidden_context_item", "sdk_hidden_context"}
    conversation = await world.conversations.read("craigs", thread)
    assert conversation
    assert conversation.unknown_items == 0
    notes = " ".join(item.text for item in conversation.items if item.speaker == "note")
    for words in ("Pick a colour", "show_map", "Looking", "Thinking"):
        assert words in notes


PICK = {"type": "Text", "value": "Pick a colour"}
THINK = {"type": "thought", "content": "Thinking"}


async def put_all(kept: ChatStore, thread: str) -> None:
    more = {
        "client_tool_call": {"call_id": "c", "name": "show_map", "arguments": {}},
        "widget": {"widget": {"type": "Card", "children": [PICK]}},
        "generated_image": {},
        "structured_input": {"inputs": [], "status": "pending"},
        "workflow": {"workflow": {"type": "custom", "tasks": [THINK]}},
        "task": {"task": {"type": "custom", "title": "Looking"}},
        "hidden_context_item": {"content": "SECRET"},
        "sdk_hidden_context": {"content": "SECRET"},
        "end_of_turn": {},
    }  # fmt: skip
    for number, (kind, fields) in enumerate(more.items()):
        name = f"cthi_ffffffffff{number:02}"
        at = "2026-11-20T20:00:00Z"
        body = {"id": name, "thread_id": thread, "created_at": at, "type": kind, **fields}
        row = ItemRow(id=name, kind=kind, at=1.0, changed_at=1.0, body=json.dumps(body))
        await kept.put_item(Owner("craigs", "v_ana"), thread, row)


async def test_no_answer_copies_its_thread_or_items_deeply(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    model_copy = sdk.types.ThreadMetadata.model_copy

    def copy(self: typing.Any, **how: typing.Any) -> typing.Any:
        copied.extend([type(self).__name__] if how.get("deep") else ())
        return model_copy(self, **how)

    monkeypatch.setattr("pydantic.BaseModel.model_copy", copy)
    answer = await World(Scripted()).ask(create("My seat is torn"))

    assert answer.said
    assert not copied
