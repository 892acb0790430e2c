"""A conversation as lines: for the mail, for finding the contact, and for the model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from libs.conversations.port import Conversation
from libs.leads.snapshot import Contact, Line
from libs.shops.profile import ShopProfile

MODEL_CHARACTERS: Final = 16_000
HEAD_CHARACTERS: Final = 4_000
MARKER: Final = "\n[... the middle of the conversation is left out ...]\n"
NEW_LINE: Final = " / "
"""A customer's line break must not begin what looks like another numbered line."""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation as far as it has come, and how its customer can be reached."""

    conversation: Conversation
    lines: tuple[Line, ...]
    contacts: tuple[Contact, ...]
    profile: ShopProfile

    @property
    def thread_id(self) -> str:
        return self.conversation.thread_id

    @property
    def last_item_id(self) -> str:
        items = self.conversation.items
        return items[-1].id if items else ""


def lines_of(conversation: Conversation, profile: ShopProfile) -> tuple[Line, ...]:
    names = {"customer": "Customer", "assistant": profile.assistant, "note": "Note"}
    return tuple(
        Line(
            item_id=item.id,
            speaker=item.speaker,
            name=names[item.speaker],
            text=item.text,
            at=item.at,
            quoted=item.quoted,
            attachments=tuple(each.id for each in item.attachments),
        )
        for item in conversation.items
    )


def numbered(lines: Sequence[Line]) -> str:
    """`[3] Customer: ...`, one line each; what was quoted is said to be so."""
    return "\n".join(f"[{number}] {_said(line)}" for number, line in enumerate(lines, 1))


def for_model(lines: Sequence[Line]) -> str:
    """At most 16,000 characters: how it began and how it ended."""
    whole = numbered(lines)
    if len(whole) <= MODEL_CHARACTERS:
        return whole
    tail = MODEL_CHARACTERS - HEAD_CHARACTERS - len(MARKER)
    return whole[:HEAD_CHARACTERS] + MARKER + whole[-tail:]


def delimited(transcript: str) -> str:
    """Between marks that depend on all of it, so that nothing in it can end it early."""
    mark = hashlib.sha256(transcript.encode("utf-8", "replace")).hexdigest()[:16]
    return f"<transcript {mark}>\n{transcript}\n</transcript {mark}>"


def _said(line: Line) -> str:
    quoted = f'(quoting "{_flat(line.quoted)}") ' if line.quoted else ""
    photos = f" [{len(line.attachments)} attached]" if line.attachments else ""
    return f"{line.name}: {quoted}{_flat(line.text)}{photos}"


def _flat(text: str) -> str:
    return NEW_LINE.join(part for part in map(str.strip, text.splitlines()) if part)
