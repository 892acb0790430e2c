"""Fixes a lead: everything its mail says, once and for all, under one key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec.structs import replace

from libs.attachments import decode_record, is_attachment_id, record_key
from libs.attribution import TrailKey, Trails
from libs.blobs.port import BlobMissingError, Blobs
from libs.conversations.port import Attachment, Conversation
from libs.messages.lead import ConsiderLead
from libs.runtime.clock import Clock
from libs.snapshot import LeadSnapshot, Photo, Summary, snapshot_key
from services.lead.gates import Kind
from services.lead.transcript import Subject

MOST_PHOTOS: Final = 50


@dataclass(frozen=True)
class Snapshots:
    blobs: Blobs
    trails: Trails
    clock: Clock

    async def fix(self, wish: ConsiderLead, subject: Subject, summary: Summary, kind: Kind) -> str:
        """Its key."""
        now, conversation = self.clock.now(), subject.conversation
        where = TrailKey(wish.shop, conversation.visitor)
        touches = await self.trails.touches(where, now=now)
        snapshot = LeadSnapshot(
            shop=wish.shop,
            thread_id=conversation.thread_id,
            visitor=conversation.visitor,
            title=conversation.title,
            kind=kind,
            reason=wish.reason,
            request_id=wish.request_id,
            last_item_id=subject.last_item_id,
            fixed_at=now,
            locale=touches.locale,
            page_url=touches.page_url,
            logs_url=_logs_url(subject),
            summary=summary,
            contacts=subject.contacts,
            lines=subject.lines,
            unknown_items=conversation.unknown_items,
            truncated=conversation.truncated,
            photos=await self._photos(wish.shop, conversation),
            attribution=touches.merged(),
            signals=await self.trails.signals(where, now=now),
        )
        encoded = snapshot.encode()
        key = snapshot_key(wish.shop, conversation.thread_id, encoded)
        await self.blobs.put(key, encoded, content_type="application/json")
        return key

    async def _photos(self, shop: str, conversation: Conversation) -> tuple[Photo, ...]:
        sent = {each.id: each for item in conversation.items for each in item.attachments}
        return tuple([await self._photo(shop, each) for each in list(sent.values())[:MOST_PHOTOS]])

    async def _photo(self, shop: str, sent: Attachment) -> Photo:
        """With the key of our own original; what a URL in a conversation points to is not it."""
        photo = Photo(
            id=sent.id,
            name=sent.name,
            mime_type=sent.mime_type,
            blob_key=sent.blob_key,
            failed=sent.failed,
        )
        if sent.blob_key or sent.failed or not is_attachment_id(sent.id):
            return photo
        try:
            record = decode_record(await self.blobs.get(record_key(sent.id)))
        except (BlobMissingError, msgspec.DecodeError):
            return replace(photo, failed="missing")
        if record.shop != shop or not record.mime_type:
            return replace(photo, failed=record.problem or "not_uploaded")
        return replace(
            photo,
            name=record.name,
            mime_type=record.mime_type,
            blob_key=record.original_key,
            failed=record.problem,
        )


def _logs_url(subject: Subject) -> str:
    """The shop's own link where the conversation has one at all."""
    offered, template = subject.conversation.logs_url, subject.profile.logs_url
    return template.replace("{thread}", subject.thread_id) if offered and template else offered
