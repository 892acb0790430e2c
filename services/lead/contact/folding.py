"""Text as a reader sees it: digits, dashes and spaces of any script in ASCII, nothing unseen."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import msgspec

from services.lead.contact.doubts import Doubt

_GONE: Final = "\x00"
MASK: Final = "\x01"
"""Stands where something was read already: no number goes on through it."""
_LINE_ENDS: Final = frozenset("\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
_LOOKALIKES: Final = {
    **dict.fromkeys("·•・。｡\u06d4", "."),
    **dict.fromkeys("、،", ","),
    **dict.fromkeys("\u2018\u2019\u02bc", "'"),
    **dict.fromkeys("\u201c\u201d", '"'),
    "\t": " ",
    "\u2212": "-",
}
_KEYCAP: Final = "\u20e3"
_QUOTED: Final = re.compile(r"^ *(?:>|&gt;|\| ).*$", re.MULTILINE)


class Folded(msgspec.Struct, frozen=True):
    """One message. `original` tells where a place in `text` stands in what was sent."""

    text: str
    kept: tuple[int, ...] = ()
    """Where each character comes from; empty when nothing was taken out."""

    def original(self, start: int, end: int) -> tuple[int, int]:
        return (self.kept[start], self.kept[end - 1] + 1) if self.kept else (start, end)


class Found(msgspec.Struct, frozen=True):
    """A value at [start, end) of a folded text."""

    value: str
    shown: str
    start: int
    end: int
    doubt: Doubt | None = None


class _Folding(dict[int, str]):
    """Filled on first sight of a character: the whole of Unicode is never walked."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = _fold_character(chr(code))
        return folded


def _fold_character(char: str) -> str:
    category = unicodedata.category(char)
    if char in _LINE_ENDS:
        return "\n"
    if same := _LOOKALIKES.get(char):
        return same
    if category in {"Cf", "Cc", "Cs"} or char == _KEYCAP or "\ufe00" <= char <= "\ufe0f":
        return _GONE
    if (digit := unicodedata.digit(char, None)) is not None:
        return str(digit)
    if category in {"Pd", "Zs"}:
        return "-" if category == "Pd" else " "
    plain = unicodedata.normalize("NFKC", char)
    return plain if len(plain) == 1 and plain.isascii() else char


_FOLDING: Final = _Folding()


def fold(text: str) -> Folded:
    """What the customer quoted (`> ...`) is masked: it is not their speech."""
    folded = text.translate(_FOLDING)
    kept: tuple[int, ...] = ()
    if _GONE in folded:
        kept = tuple(place for place, char in enumerate(folded) if char != _GONE)
        folded = folded.replace(_GONE, "")
    return Folded(_QUOTED.sub(lambda found: MASK * len(found[0]), folded), kept)


def masked(text: str, found: list[Found]) -> str:
    """The text without these values, every other character in its place."""
    pieces, at = [], 0
    for one in sorted(found, key=lambda one: one.start):
        pieces += [text[at : one.start], MASK * (one.end - one.start)]
        at = one.end
    return "".join([*pieces, text[at:]])
