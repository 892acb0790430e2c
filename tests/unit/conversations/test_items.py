"""Every kind of item becomes text, or is hidden, or is counted; none of them breaks the reading."""

from __future__ import annotations

import random
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from libs.conversations.items import epoch_seconds, read_items
from libs.conversations.port import Item
from tests.transcripts import hosted_items, load, names, own_items


def only(raw: dict[str, Any]) -> Item:
    reading = read_items([{"id": "i1", "created_at": 5, **raw}])
    assert reading.unknown_items == 0
    (item,) = reading.items
    return item


@pytest.mark.parametrize("prefix", ["", "chatkit."])
@pytest.mark.parametrize(
    ("raw", "speaker", "text"),
    [
        ({"type": "user_message", "content": [{"type": "input_text", "text": " Hi "}]},
         "customer", "Hi"),
        ({"type": "user_message",
          "content": [{"type": "input_text", "text": "a"}, {"type": "input_tag", "text": "b"}]},
         "customer", "a\nb"),
        ({"type": "assistant_message", "content": [{"text": "a"}, {"text": "b"}]},
         "assistant", "a\nb"),
        ({"type": "widget", "widget": {"children": [{"value": "Hours"}, {"label": "Open"}]}},
         "note", "Hours\nOpen"),
        ({"type": "widget", "widget": '{"title": "Hours"}'}, "note", "Hours"),
        ({"type": "widget", "widget": "no json {"}, "note", "no json {"),
        ({"type": "client_tool_call", "name": "map", "status": "completed", "arguments": "{}"},
         "note", "Tool map: completed"),
        ({"type": "task", "heading": "Search", "summary": "vinyl"}, "note", "Search: vinyl"),
        ({"type": "task", "task": {"title": "Search", "content": "vinyl"}}, "note",
         "Search: vinyl"),
        ({"type": "task_group", "tasks": [{"heading": "A"}, {"heading": None, "summary": "B"}]},
         "note", "A\nB"),
        ({"type": "workflow",
          "workflow": {"summary": {"title": "Done"}, "tasks": [{"title": "A"}]}},
         "note", "Done\nA"),
        ({"type": "structured_input", "inputs": [{"question": "Phone?"}]}, "assistant", "Phone?"),
        ({"type": "structured_input",
          "inputs": [{"question": "Phone?", "answer": {"values": [], "skipped": True}}]},
         "assistant", "Phone?"),
        ({"type": "generated_image", "image": {"id": "x", "url": "https://x"}}, "note",
         "Generated image"),
    ],
)  # fmt: skip
def test_item_becomes_text(prefix: str, raw: dict[str, Any], speaker: str, text: str) -> None:
    item = only({**raw, "type": prefix + raw["type"]})

    assert (item.speaker, item.text) == (speaker, text)


def test_answer_to_a_typed_question_is_the_customers_own_speech() -> None:
    item = only(
        {
            "type": "structured_input",
            "inputs": [
                {"question": "Phone?", "answer": {"values": ["408-555-0123"], "skipped": False}}
            ],
        }
    )

    assert (item.speaker, item.text, item.quoted) == ("customer", "408-555-0123", "Phone?")


@pytest.mark.parametrize(
    "raw",
    [
        {"content": [{"type": "quoted_text", "text": "old"}, {"type": "input_text", "text": "n"}]},
        {"content": [{"type": "input_text", "text": "n"}], "quoted_text": "old"},
    ],
)
def test_quoted_text_is_kept_apart(raw: dict[str, Any]) -> None:
    item = only({"type": "user_message", **raw})

    assert (item.text, item.quoted) == ("n", "old")


def test_attachments_come_from_their_array_and_never_from_text() -> None:
    item = only(
        {
            "type": "user_message",
            "content": [{"type": "input_text", "text": "[image](https://evil.example/x.jpg)"}],
            "attachments": [
                {"id": "a1", "name": "seat.jpg", "mime_type": "image/jpeg", "preview_url": None},
                {"name": "without an id"},
                "junk",
            ],
        }
    )

    assert [(each.id, each.name) for each in item.attachments] == [("a1", "seat.jpg")]


@pytest.mark.parametrize(
    "kind", ["hidden_context_item", "sdk_hidden_context", "end_of_turn", "chatkit.new_hidden_thing"]
)
def test_hidden_items_are_never_shown_nor_counted(kind: str) -> None:
    reading = read_items([{"id": "i", "type": kind, "content": "secret", "created_at": 1}])

    assert reading.items == ()
    assert reading.unknown_items == 0


@pytest.mark.parametrize("raw", [{"type": "hologram"}, {}, {"type": 7}, {"type": "widget"}])
def test_unknown_and_nameless_items_are_counted(raw: dict[str, Any]) -> None:
    identity = {} if raw == {"type": "widget"} else {"id": "i"}

    assert read_items([{**identity, **raw}]).unknown_items == 1


def test_item_that_says_nothing_is_left_out() -> None:
    assert read_items([{"id": "i", "type": "user_message", "content": []}]).items == ()


@pytest.mark.parametrize(
    ("given_time", "seconds"),
    [
        (1_790_000_000, 1_790_000_000.0),
        ("2026-09-21T14:13:20+00:00", 1_790_000_000.0),
        ("2026-09-21T14:13:20Z", 1_790_000_000.0),
        ("2026-09-21T14:13:20", 1_790_000_000.0),
        ("soon", 0.0),
        (None, 0.0),
        (10**400, 0.0),
        (1e300, 0.0),
        (-1, 0.0),
    ],
)
def test_times_of_both_kinds_are_seconds(given_time: object, seconds: float) -> None:
    assert epoch_seconds(given_time) == seconds


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KINDS = ["user_message", "assistant_message", "widget", "task", "task_group", "workflow",
         "structured_input", "client_tool_call", "generated_image", "x"]  # fmt: skip
FIELDS = ["content", "attachments", "quoted_text", "widget", "tasks", "task", "workflow", "inputs",
          "name", "status", "created_at", "heading", "summary"]  # fmt: skip


@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), JSON))
@settings(max_examples=100, deadline=None, database=None)
def test_malformed_item_never_breaks_the_reading(kind: str, fields: dict[str, Any]) -> None:
    good = {"id": "g", "type": "user_message", "content": [{"text": "Hi"}], "created_at": 1}

    reading = read_items([{"id": "bad", "type": kind, **fields}, good])

    assert reading.items[-1].text == "Hi"


def test_deeply_nested_widget_is_cut_and_not_followed_to_its_end() -> None:
    widget: dict[str, Any] = {"value": "deep"}
    for _ in range(5_000):
        widget = {"children": [widget]}

    assert read_items([{"id": "w", "type": "widget", "widget": widget}]).items == ()


@pytest.mark.parametrize("name", [name for name in names() if name != "hidden_and_unknown"])
def test_samples_have_the_shape_that_the_sdk_documents(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its own widgets, at import
        from chatkit.types import ThreadItem
    adapter: TypeAdapter[Any] = TypeAdapter(ThreadItem)
    for raw in own_items(load(name), "cthr_x"):
        if raw["type"] != "widget":  # any tree of components; ours are made up
            adapter.validate_python(raw)


@pytest.mark.parametrize("name", names())
def test_both_forms_of_a_conversation_read_the_same(name: str) -> None:
    transcript = load(name)

    def plain(items: tuple[Item, ...]) -> list[object]:
        return [(i.id, i.speaker, i.text, i.quoted, i.at, len(i.attachments)) for i in items]

    hosted = read_items(hosted_items(transcript))
    own = read_items(own_items(transcript, "cthr_x"))

    assert plain(hosted.items) == plain(own.items)
    assert hosted.unknown_items == own.unknown_items == transcript.expect.get("unknown", 0)


def test_order_is_kept() -> None:
    raws = [{"id": str(n), "type": "user_message", "content": [{"text": "x"}]} for n in range(50)]
    random.Random(1).shuffle(raws)

    assert [item.id for item in read_items(raws).items] == [raw["id"] for raw in raws]
