"""The one byte range that a `Range` header asks for."""

from __future__ import annotations

import re

import msgspec

_ONE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)


class Span(msgspec.Struct, frozen=True):
    """Bytes [start, end) of the whole."""

    start: int
    end: int
    partial: bool


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
