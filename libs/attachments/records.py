"""What chat, lead, mailer, attachments and ops agree on: a record, its blobs and its links."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePath
from typing import Final, Literal
from urllib.parse import urlencode

import msgspec

from libs.blobs.port import Blobs
from libs.blobs.structs import find_struct, put_struct
from libs.identity.signatures import Problem, sign, verify

EXTENSIONS: Final = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/avif": "avif",
    "application/pdf": "pdf",
}
"""Every type we take, and the extension it is kept under."""
_OTHER_NAMES: Final = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/heif": "image/heic",
    "image/heic-sequence": "image/heic",
    "image/heif-sequence": "image/heic",
    "application/x-pdf": "application/pdf",
}
_ANY: Final = {"", "application/octet-stream", "binary/octet-stream"}
"""What browsers send for a HEIC they have never heard of."""
_ENDINGS: Final = {
    "": "", "jpg": "image/jpeg", "jpeg": "image/jpeg", "jpe": "image/jpeg", "jfif": "image/jpeg",
    "png": "image/png", "webp": "image/webp", "gif": "image/gif", "heic": "image/heic",
    "heif": "image/heic", "hif": "image/heic", "avif": "image/avif", "pdf": "application/pdf",
}  # fmt: skip

LARGEST_BYTES: Final = 12 * 1024 * 1024
NAME_CHARACTERS: Final = 180
PREVIEW_SECONDS: Final = 24 * 3600
MAIL_LINK_SECONDS: Final = 90 * 24 * 3600
UPLOAD_SECONDS: Final = 600

View = Literal["original", "1200", "320"]
_LINK: Final = "attachment"
_UPLOAD: Final = "upload"
_ID = re.compile(r"att_[A-Za-z0-9_-]{22}", re.ASCII)
_OUR_VISITOR = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class StoredAttachment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Blob `attachments/<id>.json`: written when an upload is announced, again when it is in."""

    id: str
    shop: str
    visitor: str
    name: str
    """Cleaned, for people; never a path."""
    created_at: float
    thread_id: str = ""
    mime_type: str = ""
    """Of the kept original; empty until it is in."""
    size_bytes: int = 0
    width: int = 0
    height: int = 0
    fingerprint: str = ""
    """What the picture looks like, for finding near-duplicates."""
    problem: str = ""
    """Why it could not be kept; empty when it could."""

    @property
    def kind(self) -> Literal["image", "file"]:
        return "image" if self.mime_type.startswith("image/") else "file"

    @property
    def original_key(self) -> str:
        return f"chatkit-attachments/{self.id}.{EXTENSIONS[self.mime_type]}"


def is_attachment_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def record_key(attachment_id: str) -> str:
    return f"attachments/{attachment_id}.json"


def refusals_prefix(shop: str, visitor: str) -> str:
    """A hosted visitor of an earlier chat may be any text."""
    if not _OUR_VISITOR.fullmatch(visitor):
        visitor = hashlib.sha256(visitor.encode("utf-8", "replace")).hexdigest()[:32]
    return f"attachments/refused/{shop}/{visitor}/"


def refusal_key(shop: str, visitor: str, attachment_id: str) -> str:
    """Where the record of a refused file stands for whoever knows its visitor, not its id: a
    browser that was told of the refusal names the file in no message.
    """
    return f"{refusals_prefix(shop, visitor)}{attachment_id}.json"


def rendition_key(attachment_id: str, side: Literal["1200", "320"]) -> str:
    return f"renditions/{attachment_id}/{side}.jpg"


async def find_record(blobs: Blobs, attachment_id: str) -> StoredAttachment | None:
    return await find_struct(blobs, record_key(attachment_id), StoredAttachment)


async def put_record(blobs: Blobs, record: StoredAttachment) -> None:
    await put_struct(blobs, record_key(record.id), record)


def declared_type(header: str) -> str:
    """By our name for it; empty where the sender does not know."""
    said = header.partition(";")[0].strip().lower()
    return "" if said in _ANY else _OTHER_NAMES.get(said, said)


def type_of_name(name: str) -> str | None:
    """What its ending says; empty where there is none, None where it is none that we take."""
    return _ENDINGS.get(PurePath(name.strip()).suffix.lower().lstrip("."))


def clean_name(name: str) -> str:
    """What a person may see: no control or bidi characters, no path, at most 180 characters."""
    name = unicodedata.normalize("NFC", name)
    name = re.split(r"[/\\]", name)[-1]
    name = "".join(c for c in name if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    name = " ".join(name.split()).strip(". ")
    if len(name) > NAME_CHARACTERS:
        stem, dot, extension = name.rpartition(".")
        short = len(extension) < 6 and bool(stem)  # noqa: PLR2004 - an extension, not prose
        tail = dot + extension if short else ""
        name = (stem if short else name)[: NAME_CHARACTERS - len(tail)] + tail
    return name or "file"


def attachment_link(
    keys: Sequence[str], public_url: str, attachment_id: str, view: View, expires: int
) -> str:
    """A link that shows one view of one attachment until `expires`."""
    query = {
        "id": attachment_id,
        "view": view,
        "signature": sign(keys, _LINK, f"{attachment_id}:{view}", expires),
    }
    return f"{public_url.rstrip('/')}/api/chatkit/attachment?{urlencode(query)}"


def check_link(
    keys: Sequence[str], attachment_id: str, view: str, signature: str, now: float
) -> Problem | None:
    return verify(keys, _LINK, f"{attachment_id}:{view}", signature, now)


def upload_link(keys: Sequence[str], public_url: str, attachment_id: str, expires: int) -> str:
    """Where the bytes of an announced attachment go; the link alone suffices."""
    query = {"id": attachment_id, "upload": sign(keys, _UPLOAD, attachment_id, expires)}
    return f"{public_url.rstrip('/')}/api/chatkit/attachment?{urlencode(query)}"


def check_upload(
    keys: Sequence[str], attachment_id: str, signature: str, now: float
) -> Problem | None:
    return verify(keys, _UPLOAD, attachment_id, signature, now)
