"""Text as a reader sees it: every script's digits, dashes and spaces as ASCII, nothing invisible."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import msgspec

_GONE = "\x00"
_LINE_ENDS = frozenset("\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
_DOTS = frozenset("·•・。｡۔")
_COMMAS = frozenset("、،")
_KEYCAP = "\u20e3"
_ROW = re.compile(r"[^\n]+")


class Row(msgspec.Struct, frozen=True):
    """One line of a message, folded; `original` tells where a place in it stands in the message."""

    text: str
    start: int
    kept: tuple[int, ...] = ()
    """Where each character comes from; empty when nothing was taken out."""

    def original(self, place: int) -> int:
        """For the place after the last character too."""
        if not self.kept:
            return self.start + place
        last = place == len(self.kept)
        return self.kept[place - 1] + 1 if last else self.kept[place]


class _Folding(dict[int, str]):
    """Filled on first sight of a character: the whole of Unicode is never walked."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = _fold_character(chr(code))
        return folded


def _fold_character(char: str) -> str:
    category = unicodedata.category(char)
    if char in _LINE_ENDS:
        return "\n"
    if category in {"Cf", "Cc", "Cs"} or char == _KEYCAP or "\ufe00" <= char <= "\ufe0f":
        return " " if char == "\t" else _GONE
    if (digit := unicodedata.digit(char, None)) is not None:
        return str(digit)
    if category == "Pd" or char == "\u2212":
        return "-"
    for same, as_ascii in ((_DOTS, "."), (_COMMAS, ",")):
        if char in same:
            return as_ascii
    if category == "Zs":
        return " "
    plain = unicodedata.normalize("NFKC", char)
    return plain if len(plain) == 1 and plain.isascii() else char


_FOLDING = _Folding()


def rows_of(text: str) -> Iterator[Row]:
    """The lines of a message, empty ones left out."""
    folded = text.translate(_FOLDING)
    kept: tuple[int, ...] = ()
    if _GONE in folded:
        kept = tuple(i for i, char in enumerate(folded) if char != _GONE)
        folded = folded.replace(_GONE, "")
    for found in _ROW.finditer(folded):
        start, end = found.span()
        yield Row(found[0], start, kept[start:end])
