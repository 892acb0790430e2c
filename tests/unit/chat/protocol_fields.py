"""Every request and field of the protocol: what it takes, and what it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final, get_args

from pydantic import BaseModel

from services.chat.adapters.sdk import types as sdk
from services.chat.request import ATTACHMENTS
from tests.unit.chat.world import Json, message

THREAD: Final = "cthr_x"
INPUT: Final = {
    **message("Hi"),
    "content": [{"type": "input_tag", "id": "seat", "text": "Hi", "data": {}}],
    "inference_options": {"tool_choice": {"id": "none"}},
}
SUBMITTED: Final = {"status": "answered", "answers": {"phone": {"values": ["1"], "skipped": False}}}
ACTION: Final = {"thread_id": THREAD, "item_id": "x", "action": {"type": "a", "payload": 1}}
LEAST: Final[dict[str, Json]] = {
    "threads.get_by_id": {"thread_id": THREAD},
    "threads.create": {"input": INPUT},
    "threads.list": {},
    "threads.add_user_message": {"thread_id": THREAD, "input": INPUT},
    "threads.add_client_tool_output": {"thread_id": THREAD, "result": 1},
    "threads.add_structured_input": {"thread_id": THREAD, "item_id": "x", "input": SUBMITTED},
    "threads.custom_action": ACTION,
    "threads.sync_custom_action": ACTION,
    "threads.retry_after_item": {"thread_id": THREAD, "item_id": "x"},
    "threads.update": {"thread_id": THREAD, "title": "Seats"},
    "threads.delete": {"thread_id": THREAD},
    "items.list": {"thread_id": THREAD},
    "items.feedback": {"thread_id": THREAD, "item_ids": ["x"], "kind": "positive"},
    "attachments.create": {"name": "a.png", "size": 1, "mime_type": "image/png"},
    "attachments.delete": {"attachment_id": "att_x"},
    "input.transcribe": {"audio_base64": "AAAA", "mime_type": "audio/webm"},
}
"""Each request of the protocol."""

NUMBERS: Final = (7, 1.5, 10**400)
NO_TEXT: Final = (*NUMBERS, True, [], ["a"], {}, [[]])
HOSTILE: Final = (
    "\x00", "a\x00b", "a\n", "a\r\nb", "\x1b[31m", "\x85", "\u2028", "\u202e", "\u2066", "\u200b",
    "\ufeff", "\uffff", "é", "漢", "\U0001f600", "\uff43thr", "a" + "\u0301" * 40,
)  # fmt: skip
NO_ID: Final = ("x" * 129, "x" * 20_000, "a b", "../a", "a:b", *HOSTILE)

ID: Final = (("x" * 128, "A-z_0.9"), (*NO_TEXT, *NO_ID))
IDS: Final = (
    ([], ["x" * 128], ["x"] * ATTACHMENTS),
    ("a", *NUMBERS, True, None, {}, *([value] for value in (*NO_TEXT, None, *NO_ID))),
)
TEXT: Final = (("", *HOSTILE), NO_TEXT)
"""A person's own words, or what no more than a limit of the body holds."""
NUMBER: Final = ((1, -1, 10**400), ("many", "1e9", "", "\u0661x", 1.5, [], {}))
FLAG: Final = ((True, False), (7, 1.5, "perhaps", "", [], {}, None))
OBJECT: Final = (({}, {"a": {"\x00": ["\u202e"]}}), ("a", "", *NUMBERS, True, None, [], [{}]))
ANYTHING: Final = ((None, *NO_TEXT, *HOSTILE), ())
VALUES: Final = (
    ([], [""], list(HOSTILE)),
    ("a", *NUMBERS, True, None, {}, *([value] for value in (*NO_TEXT, None))),
)


def _words(*words: str) -> tuple[Any, Any]:
    return words, ("", "sideways", words[0] + "\n", words[0] * 999, *NO_TEXT, None, *HOSTILE)


LIMITS: Final[dict[str, tuple[Any, Any]]] = {
    "type": ((), ("", "threads", "threads.steal", *NO_TEXT, None, *HOSTILE)),
    "metadata": OBJECT,
    "params.thread_id": ID,
    "params.item_id": ID,
    "params.item_ids": IDS,
    "params.attachment_id": ID,
    "params.after": ID,
    "params.limit": NUMBER,
    "params.order": _words("asc", "desc"),
    "params.kind": _words("positive", "negative"),
    "params.title": TEXT,
    "params.result": ANYTHING,
    "params.action.type": TEXT,
    "params.action.payload": ANYTHING,
    "params.name": TEXT,
    "params.size": NUMBER,
    "params.mime_type": TEXT,
    "params.audio_base64": TEXT,
    "params.input.attachments": IDS,
    "params.input.quoted_text": TEXT,
    "params.input.content.type": _words("input_tag"),
    "params.input.content.text": TEXT,
    "params.input.content.id": TEXT,
    "params.input.content.data": OBJECT,
    "params.input.content.group": TEXT,
    "params.input.content.interactive": FLAG,
    "params.input.inference_options.model": TEXT,
    "params.input.inference_options.tool_choice.id": TEXT,
    "params.input.status": _words("answered", "skipped"),
    "params.input.answers.values": VALUES,
    "params.input.answers.skipped": FLAG,
}
"""What each field takes, and what it does not."""


NAMED: Final = {"params.input.content.type": "content.0", "params.audio_base64": "params"}
"""By what a wrong one is refused, where it is not its own name."""


def _models(kind: Any) -> list[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [model for part in get_args(kind) for model in _models(part)]


def _places(model: type[BaseModel], inside: str = "") -> Iterator[str]:
    model.model_rebuild()  # until then the protocol's types are names only
    for name, field in model.model_fields.items():
        inner = _models(field.annotation)
        for each in inner:
            yield from _places(each, f"{inside}{name}.")
        if not inner:
            yield inside + name


FIELDS: Final = {
    model.model_fields["type"].default: sorted(set(_places(model)))
    for model in _models(sdk.ChatKitReq)
}
CASES: Final = [(kind, place) for kind, places in FIELDS.items() for place in places]


def asking(kind: str, place: str, value: object) -> str:
    """The least request of its kind, with this value in this place."""
    body: Any = {"type": kind, "params": deepcopy(LEAST[kind]), "metadata": {}}
    *way, last = place.split(".")
    inner = body
    for name in way:
        inner = inner[name]
        inner = inner[0] if isinstance(inner, list) else inner.get("phone", inner)
    inner[last] = value
    return json.dumps(body)
