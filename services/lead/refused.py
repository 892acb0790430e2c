"""Files that a visitor meant to send: once a browser is told no, no message names them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from libs.attachments import StoredAttachment, decode_record, refusals_prefix
from libs.blobs.port import BlobMissingError, Blobs
from libs.conversations.port import Conversation
from libs.snapshot import Photo

UNNAMED_SECONDS: Final = 3_600
"""A thread has no id until its first message; photos may be chosen before."""
MOST_READ: Final = 200


async def refused_photos(blobs: Blobs, shop: str, conversation: Conversation) -> tuple[Photo, ...]:
    """One for each name: who tries three times misses one file."""
    missed = {
        record.name: Photo(id=record.id, name=record.name, mime_type="", failed=record.problem)
        async for record in _refusals(blobs, shop, conversation.visitor)
        if _is_of(record, conversation) and not _was_sent_again(record, conversation)
    }
    return tuple(missed.values())


async def _refusals(blobs: Blobs, shop: str, visitor: str) -> AsyncIterator[StoredAttachment]:
    if not visitor:
        return
    read = 0
    async for info in blobs.list(refusals_prefix(shop, visitor)):
        with suppress(BlobMissingError):  # forgotten in between
            yield decode_record(await blobs.get(info.key))
        read += 1
        if read == MOST_READ:
            return


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
