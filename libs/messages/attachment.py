"""A photo or file that a visitor sent and we stored."""

from __future__ import annotations

from libs.messages.base import Message


class AttachmentStored(Message, tag="attachment.stored.v1", frozen=True, kw_only=True):
    """Fact: the cleaned original is in the blob store; renditions may be made now."""

    shop: str
    attachment_id: str
    visitor: str
    name: str
    mime_type: str
    size_bytes: int
    thread_id: str = ""
