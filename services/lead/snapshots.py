"""Fixes a lead: everything its mail says, once and for all, under one key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec.structs import replace

from libs.attachments.missed import give_to_thread, missed_files
from libs.attachments.records import StoredAttachment, find_record, is_attachment_id
from libs.blobs.port import Blobs
from libs.conversations.port import Attachment, Conversation
from libs.leads.attribution import TrailKey, Trails
from libs.leads.snapshot import (
    LeadSnapshot,
    Line,
    Photo,
    Summary,
    decode_snapshot,
    snapshot_key,
    snapshots_folder,
)
from libs.messages.lead import ConsiderLead
from libs.runtime.clock import Clock
from libs.runtime.together import together
from services.lead.gates import GiveUp, Kind, Send
from services.lead.ports import HostedFiles, Owner
from services.lead.refused import asked_for, falls_to
from services.lead.summary.grounding import title_of
from services.lead.transcript import Subject

MOST_PHOTOS: Final = 50
_HOSTED: Final = "cfile_"
"""What OpenAI calls the files that it keeps."""


@dataclass(frozen=True)
class Snapshots:
    blobs: Blobs
    trails: Trails
    clock: Clock
    hosted: HostedFiles | None = None
    """None: nobody but us keeps files."""

    async def fix(self, wish: ConsiderLead, subject: Subject, summary: Summary, kind: Kind) -> str:
        """Its key."""
        now, conversation = self.clock.now(), subject.conversation
        where = TrailKey(wish.shop, conversation.visitor)
        async with together() as group:
            asked = group.create_task(self.trails.touches(where, now=now))
            signals = group.create_task(self.trails.signals(where, now=now))
            photographed = group.create_task(self._photos(wish.shop, conversation))
            missed = group.create_task(self._missed(wish.shop, conversation))
        touches, photos = asked.result(), photographed.result()
        snapshot = LeadSnapshot(
            shop=wish.shop,
            thread_id=conversation.thread_id,
            visitor=conversation.visitor,
            title=title_of(subject),
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
            lines=tuple(_naming(line, photos) for line in subject.lines),
            unknown_items=conversation.unknown_items,
            truncated=conversation.truncated,
            photos=_each_once(
                *photos.values(), *asked_for(missed.result(), conversation, signals.result())
            ),
            attribution=touches.merged(),
            signals=signals.result(),
        )
        encoded = snapshot.encode()
        key = snapshot_key(wish.shop, conversation.thread_id, encoded)
        await self.blobs.put(key, encoded, content_type="application/json")
        return key

    async def newest(self, wish: ConsiderLead) -> Send | GiveUp | None:
        """What was fixed last of a conversation that is no more, unless that was forgotten too."""
        prefix = snapshots_folder(wish.shop, wish.thread_id)
        fixed = [info async for info in self.blobs.list(prefix)]
        if not fixed:
            return None
        key = max(fixed, key=lambda info: info.modified_at).key
        try:
            snapshot = decode_snapshot(await self.blobs.get(key))
        except msgspec.DecodeError:
            return GiveUp(why="snapshot_unreadable")
        return Send(kind=snapshot.kind, snapshot=key, last_item_id=snapshot.last_item_id)

    async def _missed(self, shop: str, conversation: Conversation) -> list[StoredAttachment]:
        """What no thread has yet is this one's from here on: fixed again, it asks again."""
        found = [one async for one in missed_files(self.blobs, shop, conversation.visitor)]
        return [
            await give_to_thread(self.blobs, one, conversation.thread_id)
            if falls_to(conversation, one)
            else one
            for one in found
        ]

    async def _photos(self, shop: str, conversation: Conversation) -> dict[str, Photo]:
        """By the id that the conversation knows them by."""
        sent = {each.id: each for item in conversation.items for each in item.attachments}
        chosen = list(sent.values())[:MOST_PHOTOS]
        owner = Owner(shop, conversation.visitor, conversation.thread_id)
        fetched = await self._fetched(owner, chosen)
        async with together() as group:
            photos = {
                each.id: group.create_task(self._photo(shop, each, fetched.get(each.id)))
                for each in chosen
            }
        return {id_: photo.result() for id_, photo in photos.items()}

    async def _fetched(
        self, owner: Owner, sent: Sequence[Attachment]
    ) -> dict[str, StoredAttachment]:
        hosted = [each for each in sent if each.id.startswith(_HOSTED) and each.preview_url]
        return await self.hosted.take_in(owner, hosted) if hosted and self.hosted else {}

    async def _photo(self, shop: str, sent: Attachment, fetched: StoredAttachment | None) -> Photo:
        """With the key of our own original; what a URL in a conversation points to is not it."""
        if sent.id.startswith(_HOSTED):
            return _kept(sent, fetched)
        photo = Photo(id=sent.id, name=sent.name, mime_type=sent.mime_type)
        if not is_attachment_id(sent.id):
            return photo
        record = None
        with suppress(msgspec.DecodeError):
            record = await find_record(self.blobs, sent.id)
        if record is None:
            return replace(photo, failed="missing")
        if record.shop != shop or not record.mime_type:
            return replace(photo, failed=record.problem or "not_uploaded")
        return _kept(sent, record)


def _kept(sent: Attachment, record: StoredAttachment | None) -> Photo:
    """As our own store knows it."""
    if record is None or not record.mime_type:
        failed = record.problem if record and record.problem else "unreachable"
        known_as = record.id if record else sent.id
        return Photo(id=known_as, name=sent.name, mime_type=sent.mime_type, failed=failed)
    return Photo(
        id=record.id,
        name=record.name,
        mime_type=record.mime_type,
        blob_key=record.original_key,
        failed=record.problem,
        fingerprint=record.fingerprint,
    )


def _each_once(*photos: Photo) -> tuple[Photo, ...]:
    once: dict[str, Photo] = {}
    for photo in photos:
        once.setdefault(photo.id, photo)
    return tuple(once.values())


def _naming(line: Line, photos: Mapping[str, Photo]) -> Line:
    """A file that was fetched goes by our id from here on."""
    ids = tuple(photos[one].id if one in photos else one for one in line.attachments)
    return replace(line, attachments=ids)


def _logs_url(subject: Subject) -> str:
    """The shop's own link where the conversation has one at all."""
    offered, template = subject.conversation.logs_url, subject.profile.logs_url
    return template.replace("{thread}", subject.thread_id) if offered and template else offered
