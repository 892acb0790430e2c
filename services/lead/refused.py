"""Files that a visitor meant to send: once a browser is told no, no message names them."""

from __future__ import annotations

from typing import Final

from libs.attachments import StoredAttachment
from libs.blobs.port import Blobs
from libs.conversations.port import Conversation
from libs.missed_files import missed_files
from libs.snapshot import Photo

UNNAMED_SECONDS: Final = 3_600
"""A thread has no id until its first message; photos may be chosen before."""


async def refused_photos(blobs: Blobs, shop: str, conversation: Conversation) -> tuple[Photo, ...]:
    """One for each name: who tries three times misses one file."""
    missed = {
        record.name: Photo(id=record.id, name=record.name, mime_type="", failed=record.problem)
        async for record in missed_files(blobs, shop, conversation.visitor)
        if _is_of(record, conversation) and not _was_sent_again(record, conversation)
    }
    return tuple(missed.values())


def _is_of(refused: StoredAttachment, conversation: Conversation) -> bool:
    if refused.thread_id or not conversation.items:
        return refused.thread_id == conversation.thread_id
    return refused.created_at > conversation.items[0].at - UNNAMED_SECONDS


def _was_sent_again(refused: StoredAttachment, conversation: Conversation) -> bool:
    return any(
        file.name == refused.name and item.at >= refused.created_at
        for item in conversation.items
        for file in item.attachments
    )
