"""Attachments in the blob store: a record announces a file before its bytes come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from libs.attachments.missed import keep_missed, take_back
from libs.attachments.records import (
    EXTENSIONS,
    LARGEST_BYTES,
    PREVIEW_SECONDS,
    UPLOAD_SECONDS,
    StoredAttachment,
    attachment_link,
    declared_type,
    find_record,
    is_attachment_id,
    put_record,
    type_of_name,
    upload_link,
)
from libs.blobs.port import Blobs
from libs.conversations.ids import new_attachment_id
from libs.conversations.store import Owner
from libs.runtime.clock import Clock
from libs.runtime.ids import NewId
from services.chat.ports import Announced, ChatRefusal


@dataclass(frozen=True)
class BlobAttachments:
    """Attachments. Links are signed and alone suffice: a browser sends no token with them."""

    blobs: Blobs
    keys: Sequence[str]
    base_url: str
    clock: Clock
    new_id: NewId

    async def announce(
        self, owner: Owner, *, name: str, mime_type: str, size_bytes: int
    ) -> Announced:
        kind = declared_type(mime_type) or type_of_name(name) or ""
        now = self.clock.now()
        record = StoredAttachment(
            id=new_attachment_id(self.new_id),
            shop=owner.shop,
            visitor=owner.visitor,
            name=name,
            created_at=now,
        )
        if refusal := _refusal(kind, size_bytes):
            await keep_missed(self.blobs, msgspec.structs.replace(record, problem=refusal.code))
            raise refusal
        await put_record(self.blobs, record)
        expires = int(now) + UPLOAD_SECONDS
        return Announced(
            id=record.id,
            name=name,
            mime_type=kind,
            preview_url=self.preview(record.id),
            upload_url=upload_link(self.keys, self.base_url, record.id, expires),
        )

    async def find(self, owner: Owner, attachment_id: str) -> Announced | None:
        record = await self._record(owner, attachment_id)
        if record is None or not record.mime_type:
            return None
        return Announced(
            id=record.id,
            name=record.name,
            mime_type=record.mime_type,
            preview_url=self.preview(record.id),
        )

    async def take_back(self, owner: Owner, attachment_id: str) -> None:
        """What was refused is asked for all the same."""
        record = await self._record(owner, attachment_id)
        if record and not (record.mime_type or record.problem):
            await take_back(self.blobs, record)

    async def _record(self, owner: Owner, attachment_id: str) -> StoredAttachment | None:
        if not is_attachment_id(attachment_id):
            return None
        record = await find_record(self.blobs, attachment_id)
        return record if record and Owner(record.shop, record.visitor) == owner else None

    def preview(self, attachment_id: str) -> str:
        expires = int(self.clock.now()) + PREVIEW_SECONDS
        return attachment_link(self.keys, self.base_url, attachment_id, "320", expires)


def _refusal(kind: str, size_bytes: int) -> ChatRefusal | None:
    """By what a browser says of a file before it sends one byte."""
    if kind not in EXTENSIONS:
        return ChatRefusal(
            415,
            "unsupported_type",
            "Please send a photo (JPEG, PNG, WebP, GIF, HEIC, AVIF) or a PDF.",
        )
    if size_bytes > LARGEST_BYTES:
        return ChatRefusal(413, "too_large", "A file may have up to 12 MB.")
    if size_bytes <= 0:
        return ChatRefusal(400, "no_file", "This file is empty.")
    return None
