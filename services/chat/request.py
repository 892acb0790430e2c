"""The first look at a request: what it wants, and whether it is small enough to be read at all."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from services.chat.ports import ChatRefusal

BODY_BYTES: Final = 128 * 1024
TEXT_CHARACTERS: Final = 16_000
"""Of one message, quote included: what a summary is willing to read."""
ATTACHMENTS: Final = 7

SPEAKS: Final = frozenset(
    {
        "threads.create",
        "threads.add_user_message",
        "threads.add_client_tool_output",
        "threads.add_structured_input",
        "threads.retry_after_item",
        "threads.custom_action",
    }
)
"""Requests that are answered by a stream of events, and make the agent's turn."""


# `$(?!\n)`: in Python a bare `$` also matches before a last line break.
Id = Annotated[str, msgspec.Meta(max_length=128, pattern=r"^[A-Za-z0-9_.-]*$(?!\n)")]
"""Ours are shorter; nothing else can be anybody's."""


class _Content(msgspec.Struct):
    text: str = ""


class _Answer(msgspec.Struct):
    values: list[str] = []


class _Input(msgspec.Struct):
    content: list[_Content] = []
    attachments: list[Id] = []
    quoted_text: str | None = None
    answers: dict[str, _Answer] = {}

    @property
    def characters(self) -> int:
        said = sum(len(part.text) for part in self.content) + len(self.quoted_text or "")
        return said + sum(len(v) for answer in self.answers.values() for v in answer.values)


class _Params(msgspec.Struct):
    thread_id: Id = ""
    item_id: Id | None = None
    item_ids: list[Id] = []
    attachment_id: Id = ""
    after: Id | None = None
    input: _Input | None = None


class Operation(msgspec.Struct):
    """What of a request decides its way; the protocol itself checks the rest."""

    type: str
    params: _Params = msgspec.field(default_factory=_Params)
    metadata: dict[str, Any] = {}
    """The protocol leaves it to the front end; ours tells where the chat stands."""

    def told(self, name: str, longest: int) -> str:
        """A word of the metadata, when it is one; it never decides whether we answer. Too long, it
        is left out: half an address leads elsewhere, and cut names make one thread of two.
        """
        value = self.metadata.get(name)
        word = " ".join(value.split()) if isinstance(value, str) else ""
        return word if len(word) <= longest else ""

    @property
    def speaks(self) -> bool:
        return self.type in SPEAKS

    @property
    def creates(self) -> bool:
        return self.type == "threads.create"

    @property
    def conversation(self) -> str:
        """What the front end calls a conversation whose thread it does not know yet."""
        return self.told("conversation", BODY_BYTES)

    @property
    def tries_again(self) -> bool:
        return self.type == "threads.retry_after_item"

    @property
    def brings_message(self) -> bool:
        return self.type in {"threads.create", "threads.add_user_message"}


def read_operation(body: str) -> Operation:
    """Raises ChatRefusal."""
    if len(body.encode("utf-8", "replace")) > BODY_BYTES:
        raise ChatRefusal(413, "too_large", "This request is too large.")
    try:
        operation = msgspec.json.decode(body, type=Operation)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ChatRefusal(400, "invalid_request", _sentence(error)) from error
    said = operation.params.input
    if said and said.characters > TEXT_CHARACTERS:
        raise ChatRefusal(
            413, "too_large", f"A message may have {TEXT_CHARACTERS} characters; please split it."
        )
    if said and len(said.attachments) > ATTACHMENTS:
        raise ChatRefusal(413, "too_many_attachments", f"{ATTACHMENTS} files fit one message.")
    return operation


def _sentence(error: Exception) -> str:
    """Msgspec's text names the place and the type, never the value."""
    where = str(error).rpartition(" - at `$.")[2].rstrip("`")
    known = isinstance(error, msgspec.ValidationError) and where
    return f"The field {where} is not as the protocol says." if known else "This is not JSON."
