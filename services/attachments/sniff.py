"""What the bytes are decides: the type by magic, agreed with name and header, one thing at once."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Final

HEAD_BYTES: Final = 4096
TAIL_BYTES: Final = 70_000
"""Longer than a zip's end record with its longest comment."""

_HEIF_BRANDS: Final = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
_AVIF_BRANDS: Final = {b"avif", b"avis"}
_DECLARED: Final = {
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
_EXTENSIONS: Final = {
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "jpe": "image/jpeg", "jfif": "image/jpeg",
    "png": "image/png", "webp": "image/webp", "gif": "image/gif", "heic": "image/heic",
    "heif": "image/heic", "hif": "image/heic", "avif": "image/avif", "pdf": "application/pdf",
}  # fmt: skip
_MARKUP = re.compile(
    rb"<\s*(?:!doctype|html|head|body|script|svg|iframe|object|embed|img|a\s|style|\?xml|\?php|%)",
    re.IGNORECASE,
)
_ARCHIVE_END: Final = (b"PK\x05\x06", b"PK\x06\x07")


def type_of(head: bytes) -> str | None:
    """The type that the first bytes say, of those we take."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith((b"%PDF-1.", b"%PDF-2.")):
        return "application/pdf"
    return _iso_media(head)


def _iso_media(head: bytes) -> str | None:
    if head[4:8] != b"ftyp":
        return None
    length = int.from_bytes(head[:4], "big")
    brands = {head[8:12], *(head[i : i + 4] for i in range(16, min(length, 256), 4))}
    if head[8:12] in _AVIF_BRANDS or (head[8:12] == b"mif1" and brands & _AVIF_BRANDS):
        return "image/avif"
    return "image/heic" if head[8:12] in _HEIF_BRANDS else None


def agrees(found: str, name: str, declared: str) -> bool:
    """Whether name and header say nothing else than the bytes do."""
    declared = declared.partition(";")[0].strip().lower()
    if declared not in _ANY and _DECLARED.get(declared, declared) != found:
        return False
    extension = PurePath(name.strip()).suffix.lower().lstrip(".")
    return not extension or _EXTENSIONS.get(extension) == found


def is_two_things(head: bytes, tail: bytes, found: str) -> bool:
    """A polyglot: also an archive, a document or markup, depending on who opens it."""
    if any(mark in tail for mark in _ARCHIVE_END):
        return True
    if _MARKUP.search(head[:1024]):
        return True
    return found != "application/pdf" and b"%PDF-" in head[:1024]
