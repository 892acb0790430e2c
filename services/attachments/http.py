"""The service's own edge: uploads in, signed views out. The gateway stands before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from aiohttp import web

from libs.attachments.records import (
    PREVIEW_SECONDS,
    StoredAttachment,
    View,
    attachment_link,
    check_link,
    check_upload,
    clean_name,
    find_record,
    is_attachment_id,
)
from libs.identity.signatures import Problem
from libs.runtime.clock import Clock
from libs.runtime.ids import NewId
from libs.runtime.metrics import UPLOAD_BYTES, UPLOADS, Metrics
from libs.web.answers import Answer, Headers, Refused, json_answer
from libs.web.bearer import needed_session
from libs.web.body import invite
from libs.web.call import Call
from libs.web.edge import Route
from libs.web.streaming import begin
from services.attachments.arriving import wire_of
from services.attachments.forms import file_of
from services.attachments.handlers import Attachments
from services.attachments.ports import Arriving
from services.attachments.ranges import Span, is_known, part_asked, span_of
from services.attachments.refusals import UploadRefused
from services.attachments.serving import Served, serve

PATH: Final = "/api/chatkit/attachment"
_VIEWS: Final[dict[str, View]] = {"original": "original", "1200": "1200", "320": "320"}


@dataclass(frozen=True)
class AttachmentSite:
    attachments: Attachments
    keys: Sequence[str]
    public_url: str
    clock: Clock
    new_id: NewId
    metrics: Metrics

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", PATH, self.upload, "attachment_upload", whole=False),
            Route("PUT", PATH, self.upload, "attachment_upload", whole=False),
            Route("GET", PATH, self.view, "attachment_view", whole=False),
        )

    async def upload(self, call: Call) -> Answer:
        """A multipart form with a session, or the plain bytes of what was announced."""
        invite(call)
        try:
            with wire_of(call) as wire:
                if call.parameter("upload"):
                    stored = await self._announced(call, wire)
                else:
                    stored = await self._direct(call, wire)
        except UploadRefused as refusal:
            self.metrics.count(UPLOADS, refusal.code)
            raise Refused(refusal.code, refusal.message, status=refusal.status) from refusal
        self.metrics.count(UPLOADS, "stored")
        self.metrics.count(UPLOAD_BYTES, by=stored.size_bytes)
        return json_answer(self._shown(stored))

    async def _announced(self, call: Call, wire: Arriving) -> StoredAttachment:
        attachment_id = call.parameter("id")
        now = self.clock.now()
        _refuse(check_upload(self.keys, attachment_id, call.parameter("upload"), now))
        announced = await find_record(self.attachments.blobs, attachment_id)
        if announced is None:
            raise Refused("not_found")
        if announced.mime_type:
            return announced  # its bytes are in already: the answer got lost on the way
        if call.headers.get("Content-Type", "").startswith("multipart/"):
            file = await file_of(call, wire)
            return await self.attachments.take_in(announced, file.content_type, file.arriving)
        kind = call.headers.get("Content-Type", "")
        return await self.attachments.take_in(announced, kind, wire)

    async def _direct(self, call: Call, wire: Arriving) -> StoredAttachment:
        session = needed_session(call, self.keys, self.clock.now())
        call.shop = session.shop
        file = await file_of(call, wire)
        announced = StoredAttachment(
            id=f"att_{self.new_id()}",
            shop=session.shop,
            visitor=session.visitor,
            name=clean_name(file.name),
            created_at=self.clock.now(),
            thread_id=file.thread_id,
        )
        return await self.attachments.take_in(announced, file.content_type, file.arriving)

    def _shown(self, stored: StoredAttachment) -> dict[str, str | None]:
        expires = int(self.clock.now()) + PREVIEW_SECONDS
        image = stored.kind == "image"
        return {
            "id": stored.id,
            "name": stored.name,
            "type": stored.kind,
            "mime_type": stored.mime_type,
            "preview_url": attachment_link(self.keys, self.public_url, stored.id, "320", expires)
            if image
            else None,
        }

    async def view(self, call: Call) -> Answer | web.StreamResponse:
        attachment_id, name = call.parameter("id"), call.parameter("view")
        if not is_attachment_id(attachment_id) or name not in _VIEWS:
            raise Refused("not_found")
        problem = check_link(
            self.keys, attachment_id, name, call.parameter("signature"), self.clock.now()
        )
        _refuse(problem)
        served = await serve(self.attachments.blobs, attachment_id, _VIEWS[name])
        if served is None:
            raise Refused("not_found")
        return await self._stream(call, served)

    async def _stream(self, call: Call, served: Served) -> Answer | web.StreamResponse:
        headers, etag = _headers(served), f'"{served.info.etag}"'
        if is_known(call.headers.get("If-None-Match", ""), etag):
            return Answer(304, headers=headers)
        span = span_of(part_asked(call.headers, etag), served.info.size_bytes)
        if span is None:
            size = f"bytes */{served.info.size_bytes}"
            raise Refused("bad_range", status=416, headers=(("Content-Range", size),))
        response = await begin(
            call, (*headers, *_extent(span, served)), status=206 if span.partial else 200
        )
        if call.method != "HEAD":
            pieces = self.attachments.blobs.stream(served.key, start=span.start, end=span.end)
            async for piece in pieces:
                await response.write(piece)
        await response.write_eof()
        return response


def _refuse(problem: Problem | None) -> None:
    if problem is Problem.EXPIRED:
        raise Refused("expired")
    if problem is not None:
        raise Refused("not_found")


def _extent(span: Span, served: Served) -> Headers:
    length = ("Content-Length", str(span.end - span.start))
    if not span.partial:
        return (length,)
    part = f"bytes {span.start}-{span.end - 1}/{served.info.size_bytes}"
    return (length, ("Content-Range", part))


def _headers(served: Served) -> Headers:
    """Beside those of every answer."""
    how = "inline" if served.inline else "attachment"
    return (
        ("Content-Type", served.content_type),
        ("Content-Disposition", f"{how}; filename*=UTF-8''{quote(served.name, safe='')}"),
        ("Content-Security-Policy", "sandbox; default-src 'none'"),
        ("Cross-Origin-Resource-Policy", "cross-origin" if served.inline else "same-origin"),
        ("Cache-Control", "private, max-age=3600"),
        ("Accept-Ranges", "bytes"),
        ("ETag", f'"{served.info.etag}"'),
    )
