"""What each kind of ChatKit item says as text: the same rules for hosted and own conversations."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, cast

import msgspec

from libs.conversations.port import Attachment, Item, Speaker

Raw = Mapping[str, object]
"""One item as JSON: hosted types carry the prefix `chatkit.`, our own do not."""


class Spoken(msgspec.Struct, frozen=True):
    """Who said what in one item."""

    speaker: Speaker
    text: str = ""
    quoted: str = ""


class Reading(msgspec.Struct, frozen=True):
    """A stretch of a conversation as it can be shown."""

    items: tuple[Item, ...] = ()
    unknown_items: int = 0


def read_items(raws: Iterable[Raw]) -> Reading:
    """Visible items in the order given; hidden and empty ones left out, unknown ones counted."""
    items: list[Item] = []
    unknown = 0
    for raw in raws:
        kind = item_type(raw)
        if kind in HIDDEN or "hidden" in kind:
            continue
        if kind not in _SPOKEN or not _text(raw.get("id")):
            unknown += 1
        elif item := _item(raw, _SPOKEN[kind](raw)):
            items.append(item)
    return Reading(tuple(items), unknown)


def item_type(raw: Raw) -> str:
    return _text(raw.get("type")).removeprefix("chatkit.")


def _item(raw: Raw, spoken: Spoken) -> Item | None:
    attachments = tuple(_attachments(raw)) if spoken.speaker == "customer" else ()
    if not (spoken.text or spoken.quoted or attachments):
        return None
    return Item(
        id=_text(raw["id"]),
        speaker=spoken.speaker,
        text=spoken.text,
        quoted=spoken.quoted,
        at=epoch_seconds(raw.get("created_at")),
        attachments=attachments,
    )


def _attachments(raw: Raw) -> Iterator[Attachment]:
    for each in _objects(raw.get("attachments")):
        if identity := _text(each.get("id")):
            yield Attachment(
                id=identity,
                name=_text(each.get("name")) or identity,
                mime_type=_text(each.get("mime_type")),
                preview_url=_text(each.get("preview_url")),
            )


def _user_message(raw: Raw) -> Spoken:
    parts = list(_objects(raw.get("content")))
    said = [_text(part.get("text")) for part in parts if part.get("type") != "quoted_text"]
    quoted = [_text(part.get("text")) for part in parts if part.get("type") == "quoted_text"]
    return Spoken("customer", _joined(said), _joined([*quoted, _text(raw.get("quoted_text"))]))


def _assistant_message(raw: Raw) -> Spoken:
    return Spoken(
        "assistant", _joined(_text(part.get("text")) for part in _objects(raw.get("content")))
    )


def _widget(raw: Raw) -> Spoken:
    return Spoken("note", _joined(_shown_words(_parsed(raw.get("widget")), WIDGET_DEPTH)))


def _client_tool_call(raw: Raw) -> Spoken:
    name, status = _text(raw.get("name")), _text(raw.get("status"))
    return Spoken("note", f"Tool {name}: {status}" if name else "")


def _task(raw: Raw) -> Spoken:
    inner = raw.get("task")
    return Spoken("note", _task_text(inner if isinstance(inner, Mapping) else raw))


def _task_group(raw: Raw) -> Spoken:
    """Hosted: `task_group` with its tasks; own: `workflow`, whose title stands in its summary."""
    inner = raw.get("workflow")
    group = cast("Raw", inner) if isinstance(inner, Mapping) else raw
    summary = group.get("summary")
    title = _text(summary.get("title")) if isinstance(summary, Mapping) else ""
    return Spoken("note", _joined([title, *map(_task_text, _objects(group.get("tasks")))]))


def _task_text(task: Raw) -> str:
    heading = _text(task.get("heading")) or _text(task.get("title"))
    body = _text(task.get("summary")) or _text(task.get("content"))
    return ": ".join(part for part in (heading, body) if part)


def _structured_input(raw: Raw) -> Spoken:
    """An answer is the customer's own speech, to a question that is not."""
    inputs = list(_objects(raw.get("inputs")))
    questions = _joined(_text(each.get("question")) for each in inputs)
    answers = _joined(", ".join(_answer(each)) for each in inputs)
    return Spoken("customer", answers, questions) if answers else Spoken("assistant", questions)


def _answer(question: Raw) -> list[str]:
    answer = question.get("answer")
    values = answer.get("values") if isinstance(answer, Mapping) else None
    return [value for value in map(_text, values) if value] if isinstance(values, list) else []


def _generated_image(_raw: Raw) -> Spoken:
    return Spoken("note", "Generated image")


HIDDEN: Final = frozenset({"hidden_context_item", "sdk_hidden_context", "end_of_turn"})
"""Never shown. `hidden` anywhere in a type we do not know hides it too."""

_SPOKEN: Final[Mapping[str, Callable[[Raw], Spoken]]] = {
    "user_message": _user_message,
    "assistant_message": _assistant_message,
    "widget": _widget,
    "client_tool_call": _client_tool_call,
    "task": _task,
    "task_group": _task_group,
    "workflow": _task_group,
    "structured_input": _structured_input,
    "generated_image": _generated_image,
}

WIDGET_DEPTH: Final = 12
LAST_SECOND: Final = 253_000_000_000
"""In the year 9987."""
_WIDGET_WORDS: Final = ("title", "value", "label", "text")


def _shown_words(node: object, depth: int) -> Iterator[str]:
    """The words of a widget in reading order, whatever its components are called."""
    if depth == 0:
        return
    if isinstance(node, list):
        for child in node:
            yield from _shown_words(child, depth - 1)
    elif isinstance(node, Mapping):
        yield from (node[key] for key in _WIDGET_WORDS if isinstance(node.get(key), str))
        for child in node.values():
            if isinstance(child, list | Mapping):
                yield from _shown_words(child, depth - 1)


def _parsed(widget: object) -> object:
    """Hosted widgets are serialized JSON; words that are none are shown as they are."""
    if not isinstance(widget, str):
        return widget
    try:
        return json.loads(widget)
    except (ValueError, RecursionError):
        return {"text": widget}


def epoch_seconds(value: object) -> float:
    """Hosted times are seconds, our own are ISO 8601 once they are JSON; 0 when it is neither, or
    no time that a calendar has.
    """
    if isinstance(value, int | float):
        return float(value) if 0 <= value < LAST_SECOND else 0.0
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return 0.0
    if moment is None:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _objects(value: object) -> Iterator[Raw]:
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, Mapping))


def _text(value: object) -> str:
    return value.replace("\x00", "").strip() if isinstance(value, str) else ""


def _joined(parts: Iterable[str]) -> str:
    return "\n".join(part for part in map(str.strip, parts) if part)
