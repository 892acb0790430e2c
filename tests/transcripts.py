"""Twenty conversations (`tests/data/transcripts`), as OpenAI hosts them and as we keep our own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

Json = dict[str, Any]
FOLDER = Path(__file__).parent / "data" / "transcripts"
BEGAN = 1_790_000_000
STEP_SECONDS = 20


class Transcript(msgspec.Struct, frozen=True):
    """`turns` name who spoke: customer, assistant, task, tasks, widget, tool, input, hidden."""

    title: str
    locale: str
    turns: tuple[Json, ...]
    expect: Json


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name: str) -> Transcript:
    return msgspec.json.decode((FOLDER / f"{name}.json").read_bytes(), type=Transcript)


def hosted_items(transcript: Transcript) -> list[Json]:
    """As `GET /chatkit/threads/{id}/items` documents them."""
    return [
        {
            "id": f"cthi_{number:04}", "object": "chatkit.thread_item",
            "created_at": BEGAN + number * STEP_SECONDS, **_hosted(turn),
        }
        for number, turn in _numbered(transcript)
    ]  # fmt: skip


def own_items(transcript: Transcript, thread_id: str) -> list[Json]:
    """As `openai-chatkit` serializes them."""
    return [
        {
            "id": f"cthi_{number:04}", "thread_id": thread_id,
            "created_at": datetime.fromtimestamp(BEGAN + number * STEP_SECONDS, UTC).isoformat(),
            **_own(turn),
        }
        for number, turn in _numbered(transcript)
    ]  # fmt: skip


def _numbered(transcript: Transcript) -> Iterator[tuple[int, Json]]:
    return enumerate(transcript.turns, 1)


def _hosted(turn: Json) -> Json:
    kind = _kind(turn)
    said = turn[kind]
    match kind:
        case "customer":
            quoted = [{"type": "quoted_text", "text": turn["quoted"]}] if "quoted" in turn else []
            files = [{"preview_url": None, **photo, "type": "image"} for photo in _photos(turn)]
            return _typed(
                "user_message", content=[*quoted, {"type": "input_text", "text": said}],
                attachments=files, inference_options=None,
            )  # fmt: skip
        case "assistant":
            text = {"type": "output_text", "text": said, "annotations": []}
            return _typed("assistant_message", content=[text])
        case "task":
            return _typed("task", heading=said[0], summary=said[1], task_type="custom")
        case "tasks":
            tasks = [{"type": "custom", "heading": each, "summary": None} for each in said]
            return _typed("task_group", tasks=tasks)
        case "widget":
            return _typed("widget", widget=json.dumps(said))
        case "tool":
            return _typed(
                "client_tool_call", name=said, arguments="{}", call_id="call_1", output="{}",
                status="completed",
            )  # fmt: skip
        case _:
            return {**_own(turn), "type": f"chatkit.{_own(turn)['type']}"}


def _own(turn: Json) -> Json:  # noqa: C901, PLR0911 - one case a kind, nothing else
    kind = _kind(turn)
    said = turn[kind]
    match kind:
        case "customer":
            files = [
                {**photo, "type": "image", "preview_url": f"http://localhost/{photo['id']}"}
                for photo in _photos(turn)
            ]
            return {
                "type": "user_message", "content": [{"type": "input_text", "text": said}],
                "attachments": files, "quoted_text": turn.get("quoted"), "inference_options": {},
            }  # fmt: skip
        case "assistant":
            text = {"type": "output_text", "text": said, "annotations": []}
            return {"type": "assistant_message", "content": [text]}
        case "task":
            task = {"type": "custom", "title": said[0], "content": said[1]}
            return {"type": "task", "task": task}
        case "tasks":
            tasks = [{"type": "custom", "title": each} for each in said]
            return {"type": "workflow", "workflow": {"type": "custom", "tasks": tasks}}
        case "widget":
            return {"type": "widget", "widget": said}
        case "tool":
            return {
                "type": "client_tool_call", "name": said, "arguments": {}, "call_id": "call_1",
                "output": {}, "status": "completed",
            }  # fmt: skip
        case "input":
            field = {"type": "freeform", "id": "phone", "question": said}
            answer = {"values": [turn["answer"]], "skipped": False}
            return {
                "type": "structured_input", "status": "answered",
                "inputs": [{**field, "answer": answer}],
            }  # fmt: skip
        case "hidden":
            return {"type": "hidden_context_item", "content": said}
        case _:
            return {"type": said}


def _typed(kind: str, **fields: Any) -> Json:
    return {"type": f"chatkit.{kind}", **fields}


def _kind(turn: Json) -> str:
    return next(iter(turn))


def _photos(turn: Json) -> list[Json]:
    photos: list[Json] = turn.get("photos", [])
    return photos
