"""What a browser has already: whether it needs the picture again, or which part of it."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

_ONE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)
_TAGS = re.compile(r'(?:W/)?("[^"]*")')


class Span(msgspec.Struct, frozen=True):
    """Bytes [start, end) of the whole."""

    start: int
    end: int
    partial: bool


def is_known(if_none_match: str, etag: str) -> bool:
    return if_none_match.strip() == "*" or etag in _TAGS.findall(if_none_match)


def part_asked(headers: Mapping[str, str], etag: str) -> str:
    """The `Range`; empty when it is meant for another picture than this one, or for a date's."""
    if headers.get("If-Range", etag).strip() != etag:
        return ""
    return headers.get("Range", "")


def span_of(header: str, size: int) -> Span | None:
    """The whole when nothing (or more than one range) is asked; None: it cannot be satisfied."""
    found = _ONE.fullmatch(header.strip())
    if not found or not (found[1] or found[2]):
        return Span(0, size, partial=False)
    if not found[1]:
        last = int(found[2])
        return Span(max(0, size - last), size, partial=True) if last else None
    start = int(found[1])
    end = min(int(found[2]) + 1, size) if found[2] else size
    return Span(start, end, partial=True) if start < end else None
