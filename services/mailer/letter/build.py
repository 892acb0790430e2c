"""One mail, ready to send: the same bytes for the same snapshot, rung and attempt, always."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

import msgspec

from libs.attachments.records import MAIL_LINK_SECONDS, attachment_link, is_attachment_id
from libs.blobs.port import Blob
from libs.leads.message_links import MessageLink, link_blob, link_token, link_url
from libs.leads.reach import reach
from libs.leads.snapshot import LeadSnapshot
from libs.shops.profile import ShopProfile
from services.mailer.letter.actions import can_text
from services.mailer.letter.arrange import LARGEST_MAIL_BYTES, arrange, contact_sheet, only_linked
from services.mailer.letter.facts import shortened
from services.mailer.letter.labels import Labels
from services.mailer.letter.language import labels_for
from services.mailer.letter.mime import (
    Envelope,
    mime_pieces,
    plain_mime,
    reply_address,
    sender_domain,
)
from services.mailer.letter.photos import MailPhoto, PhotoShelf
from services.mailer.letter.render import html_pieces, render_html, render_plain, render_text
from services.mailer.letter.shape import MailContext, MailView, PhotoPlan, Rung
from services.mailer.letter.subject import subject
from services.mailer.letter.turns import file_room, transcript_file
from services.mailer.letter.view import view
from services.mailer.ports import Composed, Variant

T = TypeVar("T")

LARGEST_HTML_BYTES: Final = 79_000
"""Gmail cuts a mail off at 102 KB."""
_SMALLER: Final = ((30_000, 0), (15_000, 0), (15_000, 60), (0, 60))
"""Room for the conversation in bytes, length of every other text (0: as usual), until it fits."""
_HTML_PIECES: Final = 12
_WORDS_BYTES: Final = 600_000
"""Room for text, HTML and headers, however they are encoded."""


@dataclass(frozen=True)
class MailBuilder:
    shelf: PhotoShelf
    public_url: str
    """Empty on one machine: then no link can work elsewhere, and none is written."""
    keys: tuple[str, ...]
    shops: Mapping[str, ShopProfile]

    async def compose(self, snapshot: LeadSnapshot, variant: Variant) -> Composed:
        profile = self.shops[snapshot.shop]
        labels = labels_for(profile.languages[0])
        envelope = _envelope(snapshot, profile, labels, variant)
        if variant.rung is Rung.PLAIN:
            return Composed(plain_mime(envelope, render_plain(snapshot, profile)))
        token = self._text_token(snapshot, variant.snapshot)
        context = MailContext(
            rung=variant.rung,
            possible_duplicate=variant.possible_copy,
            photos=await self._photos(snapshot, labels, variant.rung),
            originals=self._originals(snapshot),
            text_link=link_url(self.public_url, token) if token else "",
        )
        mail = view(snapshot, profile, context)
        body = await _written(envelope, snapshot, profile, context, mail)
        return Composed(body, _links(token, snapshot, variant, mail))

    async def _photos(self, snapshot: LeadSnapshot, labels: Labels, rung: Rung) -> PhotoPlan:
        if rung >= Rung.WITHOUT_ATTACHMENTS:
            return only_linked(snapshot.photos)
        room = LARGEST_MAIL_BYTES - _WORDS_BYTES - file_room(snapshot)
        plan = arrange(await self.shelf.renditions(snapshot.photos), room)
        left = [one.id for one in plan.left_out if isinstance(one, MailPhoto)]
        if not left:
            return plan
        small = await self.shelf.thumbnails(left)
        thumbnails = [small[one] for one in left if one in small]
        sheet = await asyncio.to_thread(contact_sheet, thumbnails, labels.photos.sheet)
        return msgspec.structs.replace(plan, sheet=sheet)

    def _originals(self, snapshot: LeadSnapshot) -> dict[str, str]:
        expires = int(snapshot.fixed_at) + MAIL_LINK_SECONDS
        return {
            photo.id: attachment_link(self.keys, self.public_url, photo.id, "original", expires)
            for photo in snapshot.photos
            if self.public_url and photo.blob_key and is_attachment_id(photo.id)
        }

    def _text_token(self, snapshot: LeadSnapshot, snapshot_key: str) -> str:
        """Empty where there is nobody to text, or nowhere to do it from."""
        if not self.public_url or not can_text(reach(snapshot).phone):
            return ""
        return link_token(self.keys[0], snapshot.shop, snapshot.thread_id, snapshot_key)


def _links(
    token: str, snapshot: LeadSnapshot, variant: Variant, mail: MailView
) -> tuple[Blob, ...]:
    phone = reach(snapshot).phone
    if not token or phone is None:
        return ()
    link = MessageLink(
        shop=snapshot.shop,
        thread_id=snapshot.thread_id,
        snapshot=variant.snapshot,
        phone=phone.value,
        body=mail.drafts.message.text,
    )
    return (link_blob(token, link),)


async def _written(
    envelope: Envelope,
    snapshot: LeadSnapshot,
    profile: ShopProfile,
    context: MailContext,
    mail: MailView,
) -> bytes:
    mail, html = await _fitted(snapshot, profile, context, mail)
    file = ""
    if mail.transcript.attached:
        file = await asyncio.to_thread(transcript_file, snapshot, profile)
    text = render_text(mail)
    await asyncio.sleep(0)
    return b"".join(await _breathe(mime_pieces(envelope, text, html, context.photos, file)))


async def _fitted(
    snapshot: LeadSnapshot, profile: ShopProfile, context: MailContext, mail: MailView
) -> tuple[MailView, str]:
    """View and HTML, with as much of the conversation as keeps the HTML small enough."""
    html = await _html(mail)
    for room, longest in _SMALLER:
        if len(html.encode()) <= LARGEST_HTML_BYTES:
            break
        said = shortened(snapshot, longest) if longest else snapshot
        mail = view(said, profile, msgspec.structs.replace(context, transcript_bytes=room))
        html = await _html(mail)
    return mail, html


async def _html(mail: MailView) -> str:
    await asyncio.sleep(0)
    return render_html(await _breathe(html_pieces(mail), at_once=_HTML_PIECES))


def _envelope(
    snapshot: LeadSnapshot, profile: ShopProfile, labels: Labels, variant: Variant
) -> Envelope:
    """The id is the same for every attempt at a snapshot: a mailbox that got two may show one."""
    same = hashlib.sha256(f"{snapshot.shop}\0{snapshot.thread_id}\0{variant.snapshot}".encode())
    mail_id = same.hexdigest()[:32]
    same.update(f"\0{variant.rung}\0{variant.attempt}\0{variant.possible_copy}".encode())
    email = reach(snapshot).email
    return Envelope(
        subject=subject(
            snapshot,
            labels,
            possible_duplicate=variant.possible_copy,
            with_summary=variant.rung < Rung.WITHOUT_SUMMARY,
        ),
        sender=profile.sender,
        recipients=profile.recipients,
        reply_to=reply_address(email.value) if email and not email.doubt else "",
        date=snapshot.fixed_at,
        message_id=f"<lead.{mail_id}@{sender_domain(profile.sender)}>",
        thread_id=snapshot.thread_id,
        attempt=variant.attempt,
        request_id=snapshot.request_id,
        seed=same.hexdigest()[:32],
    )


async def _breathe(pieces: Iterator[T], at_once: int = 1) -> list[T]:
    """Lets the event loop turn between pieces: a mail takes long, and others wait."""
    made = []
    while some := list(islice(pieces, at_once)):
        made += some
        await asyncio.sleep(0)
    return made
