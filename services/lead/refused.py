"""Files that a visitor meant to send: once a browser is told no, no message names them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from libs.attachments.missed import BROKE_OFF
from libs.attachments.records import StoredAttachment, clean_name
from libs.conversations.port import Conversation
from libs.leads.snapshot import Photo, Signal

UNNAMED_SECONDS: Final = 3_600
"""A thread has no id until its first message, and photos may be chosen before; OpenAI's runtime
names it for no file that it announces.
"""
REMOVED: Final = "photo_removed"


def asked_for(
    missed: Iterable[StoredAttachment], conversation: Conversation, signals: Sequence[Signal]
) -> tuple[Photo, ...]:
    """One for each name: who tries three times misses one file."""
    photos = {
        one.name: Photo(id=one.id, name=one.name, mime_type="", failed=one.problem)
        for one in missed
        if one.thread_id == conversation.thread_id
        and not _was_sent_again(one, conversation)
        and not _was_taken_back(one, signals)
    }
    return tuple(photos.values())


def falls_to(conversation: Conversation, missed: StoredAttachment) -> bool:
    """No thread has it yet, and it was missed while its visitor was busy with this one."""
    spoken = (item.at for item in conversation.items)
    return not missed.thread_id and any(
        abs(at - missed.created_at) < UNNAMED_SECONDS for at in spoken
    )


def _was_sent_again(refused: StoredAttachment, conversation: Conversation) -> bool:
    return any(
        file.name == refused.name and item.at >= refused.created_at
        for item in conversation.items
        for file in item.attachments
    )


def _was_taken_back(missed: StoredAttachment, signals: Iterable[Signal]) -> bool:
    """The panel tells so when its visitor removes a file that is on its way."""
    return missed.problem == BROKE_OFF and any(
        signal.event == REMOVED
        and clean_name(signal.name) == missed.name
        and signal.at >= missed.created_at
        for signal in signals
    )
