"""A view of an attachment, for whoever holds a signed link to it."""

from __future__ import annotations

from pathlib import PurePath

import msgspec

from libs.attachments.records import EXTENSIONS, View, find_record, rendition_key, type_of_name
from libs.blobs.port import BlobInfo, Blobs


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """Ready to be read from the blob store."""

    key: str
    content_type: str
    name: str
    inline: bool
    """Only our own renditions are shown by a browser; everything else is downloaded."""
    info: BlobInfo


async def serve(blobs: Blobs, attachment_id: str, view: View) -> Served | None:
    """None: there is (or is no longer) no such thing."""
    attachment = await find_record(blobs, attachment_id)
    if attachment is None or not attachment.mime_type:
        return None
    key, content_type = attachment.original_key, attachment.mime_type
    if view != "original":
        key, content_type = rendition_key(attachment_id, view), "image/jpeg"
    info = await blobs.info(key)
    if info is None:
        return None
    return Served(
        key=key,
        content_type=content_type,
        name=_ending_as(attachment.name, content_type),
        inline=view != "original",
        info=info,
    )


def _ending_as(name: str, content_type: str) -> str:
    """A desktop opens a file by the end of its name, and a HEIC is kept as a JPEG."""
    if type_of_name(name) == content_type:
        return name
    return f"{PurePath(name).stem}.{EXTENSIONS[content_type]}"
