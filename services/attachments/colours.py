"""A colour profile made anew from its numbers.

A profile has room for any text and any file, before and behind what it says of colours. That is
three primaries and a curve for each: they are read, within what colours can be, and written again.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from itertools import pairwise
from typing import Final

_CURVES: Final = {b"RGB ": (b"rTRC", b"gTRC", b"bTRC"), b"GRAY": (b"kTRC",)}
_PRIMARIES: Final = {b"RGB ": (b"rXYZ", b"gXYZ", b"bXYZ"), b"GRAY": ()}
_PARAMETERS: Final = (1, 3, 4, 5, 7)
"""Of each kind of formula that a curve may be."""
_MOST_TAGS: Final = 100
_LONGEST_CURVE: Final = 4096
_NUMBERS_END: Final = 8 << 16
"""Fixed point, 16 bits before it: of four bytes the first says nothing, and can be no text."""

_HEAD_BYTES: Final = 128
_SPACE, _THROUGH, _MARK = slice(16, 20), slice(20, 24), slice(36, 40)
_D50: Final = struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
_NAME: Final = "Colours"


def made_anew(profile: bytes, space: bytes) -> bytes | None:
    """`space`: `RGB ` or `GRAY`. None: it is none of that, or one of tables, as presses have."""
    try:
        tags = _tags_of(profile)
        colours = {name: _primary(tags[name]) for name in _PRIMARIES[space]}
        colours |= {name: _curve(tags[name]) for name in _CURVES[space]}
    except (LookupError, ValueError, struct.error):
        return None
    if (profile[_SPACE], profile[_THROUGH], profile[_MARK]) != (space, b"XYZ ", b"acsp"):
        return None
    return _written(space, colours)


def _tags_of(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, _HEAD_BYTES)
    if count > _MOST_TAGS:
        raise ValueError("too many tags")
    table = profile[_HEAD_BYTES + 4 : _HEAD_BYTES + 4 + 12 * count]
    return {name: profile[at : at + size] for name, at, size in struct.iter_unpack(">4sII", table)}


def _primary(tag: bytes) -> bytes:
    if tag[:4] != b"XYZ ":
        raise ValueError("not a colour")
    return b"XYZ \0\0\0\0" + _numbers(tag[8:], 3)


def _curve(tag: bytes) -> bytes:
    if tag[:4] == b"para":
        (kind,) = struct.unpack_from(">H", tag, 8)
        return struct.pack(">4s4xHxx", b"para", kind) + _numbers(tag[12:], _PARAMETERS[kind])
    (count,) = struct.unpack_from(">I", tag, 8)
    if tag[:4] != b"curv" or count > _LONGEST_CURVE:
        raise ValueError("not a curve")
    points = struct.unpack_from(f">{count}H", tag, 12)
    if any(one > next_ for one, next_ in pairwise(points)):
        raise ValueError("not a curve: it falls")
    return struct.pack(f">4s4xI{count}H", b"curv", count, *points)


def _numbers(body: bytes, count: int) -> bytes:
    numbers = struct.unpack_from(f">{count}i", body)
    if any(abs(number) >= _NUMBERS_END for number in numbers):
        raise ValueError("not of a colour")
    return struct.pack(f">{count}i", *numbers)


def _written(space: bytes, colours: Mapping[bytes, bytes]) -> bytes:
    """In the older version where it has all that is needed: more programs know it."""
    older = not any(tag.startswith(b"para") for tag in colours.values())
    tags = _texts(older=older) | {b"wtpt": b"XYZ \0\0\0\0" + _D50} | dict(colours)
    start = _HEAD_BYTES + 4 + 12 * len(tags)
    table, body, places = b"", b"", dict[bytes, int]()
    for name, tag in tags.items():
        if tag not in places:  # the three curves of most are one
            places[tag] = start + len(body)
            body += tag + bytes(-len(tag) % 4)
        table += struct.pack(">4sII", name, places[tag], len(tag))
    head = struct.pack(
        ">I4xI4s4s4s12x4s28x12s48x",
        start + len(body), 0x02100000 if older else 0x04200000, b"mntr", space, b"XYZ ",
        b"acsp", _D50,
    )  # fmt: skip
    return head + struct.pack(">I", len(tags)) + table + body


def _texts(*, older: bool) -> dict[bytes, bytes]:
    """What a profile must have: a name, and whose it is."""
    name = _NAME.encode()
    if older:
        described = struct.pack(f">4s4xI{len(name)}sx78x", b"desc", len(name) + 1, name)
        return {b"desc": described, b"cprt": b"text\0\0\0\0" + name + b"\0"}
    wide = _NAME.encode("utf-16-be")
    text = struct.pack(f">4s4xII4sII{len(wide)}s", b"mluc", 1, 12, b"enUS", len(wide), 28, wide)
    return {b"desc": text, b"cprt": text}
