"""Objects as OpenAI's API documents them: thread items, responses, errors, SSE events."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
_numbers = itertools.count(1)


def fresh(prefix: str) -> str:
    return f"{prefix}_{next(_numbers):08d}"


def _item(kind: str, at: int, item_id: str, **fields: Any) -> Json:
    return {
        "id": item_id or fresh("cthi"),
        "object": "chatkit.thread_item",
        "type": f"chatkit.{kind}",
        "created_at": at,
        **fields,
    }


def user_message(
    text: str,
    *,
    at: int = 0,
    quoted: str = "",
    attachments: tuple[Json, ...] = (),
    item_id: str = "",
) -> Json:
    content = [{"type": "quoted_text", "text": quoted}] if quoted else []
    content.append({"type": "input_text", "text": text})
    return _item(
        "user_message", at, item_id, content=content, attachments=list(attachments),
        inference_options=None,
    )  # fmt: skip


def assistant_message(*texts: str, at: int = 0, item_id: str = "") -> Json:
    content = [{"type": "output_text", "text": text, "annotations": []} for text in texts]
    return _item("assistant_message", at, item_id, content=content)


def attachment(
    name: str, mime_type: str = "image/jpeg", *, item_id: str = "", preview: str = ""
) -> Json:
    kind = "image" if mime_type.startswith("image/") else "file"
    return {
        "id": item_id or fresh("cfile"), "type": kind, "name": name, "mime_type": mime_type,
        "preview_url": preview or None,
    }  # fmt: skip


def widget(payload: Json, *, at: int = 0) -> Json:
    return _item("widget", at, "", widget=json.dumps(payload))


def client_tool_call(
    name: str, arguments: Json, *, output: Json | None = None, at: int = 0
) -> Json:
    return _item(
        "client_tool_call", at, "", name=name, call_id=fresh("call"),
        arguments=json.dumps(arguments), output=None if output is None else json.dumps(output),
        status="in_progress" if output is None else "completed",
    )  # fmt: skip


def task(heading: str, summary: str = "", *, at: int = 0) -> Json:
    return _item("task", at, "", heading=heading, summary=summary or None, task_type="custom")


def task_group(*headings: str, at: int = 0) -> Json:
    tasks = [{"type": "custom", "heading": heading, "summary": None} for heading in headings]
    return _item("task_group", at, "", tasks=tasks)


def unknown_item(kind: str = "hologram", *, at: int = 0, **fields: Any) -> Json:
    """What a later API version may add; also the way to a `structured_input`."""
    return _item(kind, at, "", **fields)


@dataclass(frozen=True)
class Text:
    """The model says this (with a schema: this JSON text, on it or off it)."""

    text: str


@dataclass(frozen=True)
class Call:
    """The model calls a function."""

    name: str
    arguments: Json


@dataclass(frozen=True)
class Refusal:
    text: str = "I'm sorry, I can't help with that."


@dataclass(frozen=True)
class Incomplete:
    """Cut off: what was written so far, and why it ended."""

    text: str = '{"customer_name": "Ma'
    reason: str = "max_output_tokens"


@dataclass(frozen=True)
class Failed:
    """It broke while it was answering: 200, but `status: failed`."""

    code: str = "server_error"


Answer = Text | Call | Refusal | Incomplete | Failed


def response(body: Json, answer: Answer) -> Json:
    status = {Incomplete: "incomplete", Failed: "failed"}.get(type(answer), "completed")
    broken = {"code": answer.code, "message": "It broke."} if isinstance(answer, Failed) else None
    return {
        "id": fresh("resp"), "object": "response", "created_at": 1_790_000_000,
        "status": status, "background": False, "error": broken,
        "incomplete_details": {"reason": answer.reason} if isinstance(answer, Incomplete) else None,
        "instructions": body.get("instructions"), "metadata": body.get("metadata") or {},
        "max_output_tokens": body.get("max_output_tokens"), "model": body["model"],
        "output": [] if isinstance(answer, Failed) else [_output(answer)],
        "parallel_tool_calls": True, "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None}, "store": body.get("store", True),
        "temperature": 1.0, "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice") or "auto", "tools": body.get("tools") or [],
        "top_p": 1.0, "truncation": "disabled", "user": None, "usage": USAGE,
    }  # fmt: skip


USAGE: Json = {
    "input_tokens": 120, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 40, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 160,
}  # fmt: skip


def _output(answer: Text | Call | Refusal | Incomplete) -> Json:
    if isinstance(answer, Call):
        return {
            "type": "function_call", "id": fresh("fc"), "call_id": fresh("call"),
            "name": answer.name, "arguments": json.dumps(answer.arguments), "status": "completed",
        }  # fmt: skip
    part: Json = (
        {"type": "refusal", "refusal": answer.text}
        if isinstance(answer, Refusal)
        else {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
    )
    status = "incomplete" if isinstance(answer, Incomplete) else "completed"
    return {
        "type": "message", "id": fresh("msg"), "role": "assistant", "status": status,
        "content": [part],
    }  # fmt: skip


def stream_events(whole: Json, *, pieces: int = 4) -> Iterator[Json]:
    """The server-sent events of a streamed response, in the documented order."""
    for number, event in enumerate(_events(whole, pieces)):
        yield {**event, "sequence_number": number}


def _events(whole: Json, pieces: int) -> Iterator[Json]:
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(whole["output"]):
        where = {"item_id": item["id"], "output_index": index}
        if item["type"] == "function_call":
            yield from _call_events(item, where, pieces)
        else:
            yield from _message_events(item, where, pieces)
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{whole['status']}", "response": whole}


def _call_events(item: Json, where: Json, pieces: int) -> Iterator[Json]:
    bare = {**item, "arguments": "", "status": "in_progress"}
    yield {
        "type": "response.output_item.added",
        "output_index": where["output_index"],
        "item": bare,
    }
    for piece in _cut(item["arguments"], pieces):
        yield {"type": "response.function_call_arguments.delta", **where, "delta": piece}
    yield {
        "type": "response.function_call_arguments.done", **where,
        "name": item["name"], "arguments": item["arguments"],
    }  # fmt: skip


def _message_events(item: Json, where: Json, pieces: int) -> Iterator[Json]:
    bare = {**item, "content": [], "status": "in_progress"}
    yield {
        "type": "response.output_item.added",
        "output_index": where["output_index"],
        "item": bare,
    }
    for number, part in enumerate(item["content"]):
        field = "refusal" if part["type"] == "refusal" else "text"
        kind = "refusal" if field == "refusal" else "output_text"
        at = {**where, "content_index": number}
        extra: Json = {} if field == "refusal" else {"logprobs": []}
        yield {"type": "response.content_part.added", **at, "part": {**part, field: ""}}
        for piece in _cut(part[field], pieces):
            yield {"type": f"response.{kind}.delta", **at, **extra, "delta": piece}
        yield {"type": f"response.{kind}.done", **at, **extra, field: part[field]}
        yield {"type": "response.content_part.done", **at, "part": part}


def _cut(text: str, pieces: int) -> Iterator[str]:
    size = max(1, -(-len(text) // pieces))
    for start in range(0, len(text), size):
        yield text[start : start + size]


def least_instance(schema: Json, definitions: Json | None = None) -> Any:
    """The emptiest JSON that a strict schema allows: what a scripted model says by default."""
    definitions = definitions or schema.get("$defs", {})
    if "$ref" in schema:
        return least_instance(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if options := schema.get("anyOf"):
        nullable = any(option.get("type") == "null" for option in options)
        return None if nullable else least_instance(options[0], definitions)
    kind = schema.get("type")
    kind = kind[-1] if isinstance(kind, list) else kind
    if kind == "object":
        return {k: least_instance(v, definitions) for k, v in schema["properties"].items()}
    if kind == "array":
        return [least_instance(schema["items"], definitions)] * schema.get("minItems", 0)
    return {"string": "", "integer": 0, "number": 0, "boolean": False}.get(str(kind))


def loose_places(schema: Any, at: str = "$") -> Iterator[str]:
    """Where a schema breaks the rules of strict mode: closed objects, every field required."""
    if isinstance(schema, list):
        for index, inner in enumerate(schema):
            yield from loose_places(inner, f"{at}[{index}]")
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object" or "properties" in schema:
        if schema.get("additionalProperties") is not False:
            yield f"{at}: additionalProperties must be false"
        if set(schema.get("required", ())) != set(schema.get("properties", {})):
            yield f"{at}: required must name every property"
    for key, inner in schema.items():
        yield from loose_places(inner, f"{at}.{key}")


def error(status: int) -> Json:
    """The documented error body of a status."""
    kind, code, message = ERRORS[status]
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


ERRORS: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "The request is malformed."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided: sk-leak***key."),
    403: ("invalid_request_error", "unsupported_country_region_territory", "Not supported here."),
    404: ("invalid_request_error", "not_found", "No such object."),
    409: ("invalid_request_error", "conflict", "The object changed; try again."),
    422: ("invalid_request_error", None, "The request could not be processed."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for this organization."),
    500: ("server_error", "server_error", "The server had an error while processing."),
    503: ("server_error", "overloaded", "The engine is currently overloaded, please try again."),
}
