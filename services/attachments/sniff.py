"""What the bytes are decides: the type by magic, agreed with name and header, one thing at once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from libs.attachments.records import declared_type, type_of_name

HEAD_BYTES: Final = 4096
TAIL_BYTES: Final = 70_000
"""Longer than a zip's end record with its longest comment."""

_WINDOW_BYTES: Final = 128 * 1024
_LONGEST_MARK_BYTES: Final = 32

_HEIF_BRANDS: Final = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
_AVIF_BRANDS: Final = {b"avif", b"avis"}
_MARKUP = re.compile(
    rb"<(?:!doctype\b|\?php\b|html\b|head\b|body\b|script\b|style\b|svg[\s>]|iframe\b|object\b|embed\b)",
    re.IGNORECASE,
)
"""Words too long to turn up by chance: packed pixels hold every short one sooner or later."""
_ARCHIVE = re.compile(rb"PK\x05\x06(?:\0{4}|\xff{4})|PK\x06\x07\0{4}")
"""A zip is read from its end: the record there, with the number of its only disk."""
_FOUND_LATER: Final = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c")
"""Archives that are looked for from the front, past whatever comes first."""
_ARCHIVE_STARTS_BYTES: Final = 8 * 1024 * 1024
"""7-Zip looks no further, unrar half as far."""
_PAGE = re.compile(rb"<(?:!doctype html|html)\b", re.IGNORECASE)


def kind_of(file: Path, name: str, declared: str) -> str | None:
    """The type of a file that is what it says, and nothing else beside; None: not to be taken."""
    with file.open("rb") as source:
        head = source.read(HEAD_BYTES)
        source.seek(max(0, file.stat().st_size - TAIL_BYTES))
        tail = source.read()
    kind = type_of(head)
    if kind is None or not agrees(kind, name, declared) or is_two_things(head, tail, kind):
        return None
    if kind == "application/pdf" and _hides_another(file):
        return None  # it is kept as it came, where a picture is made anew
    return kind


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
    return {declared_type(declared), type_of_name(name)} <= {"", found}


def is_two_things(head: bytes, tail: bytes, found: str) -> bool:
    """A polyglot: also an archive, a document or markup, depending on who opens it."""
    if _ARCHIVE.search(tail) or _MARKUP.search(head[:1024]):
        return True
    return found != "application/pdf" and b"%PDF-" in head[:1024]


def _hides_another(file: Path) -> bool:
    for at, window in _windows(file):
        if _PAGE.search(window):
            return True
        if at < _ARCHIVE_STARTS_BYTES and any(mark in window for mark in _FOUND_LATER):
            return True
    return False


def _windows(file: Path) -> Iterator[tuple[int, bytes]]:
    """All of it, and where each begins: with the last bytes of the one before."""
    with file.open("rb") as source:
        at = 0
        while window := os.pread(source.fileno(), _WINDOW_BYTES, at):
            yield at, window
            at += _WINDOW_BYTES - _LONGEST_MARK_BYTES
