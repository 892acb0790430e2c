"""Words that strangers wrote, made safe and short enough to print: cleaning, clipping, times."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from services.mailer.letter.labels import Labels
from services.mailer.letter.language import has_rtl

_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U000e0000-\U000e0fff]"
    "|[\ud800-\udfff]"
)
"""Characters that turn text around or take no room: they only make it look like other text."""
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NEW_LINE: Final = re.compile("\r\n?|[\u000b\u000c\u0085\u2028\u2029]")
_MARK: Final = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]"
_MARKS: Final = re.compile(f"({_MARK}{{3}}){_MARK}+")
"""Marks piled on one letter until they cover the lines above."""
_SPACE: Final = re.compile(r"[^\S\n]+")
_BLANK_LINES: Final = re.compile(r"\n{3,}")

_NUMBER: Final = re.compile(
    r"(?<![a-z\d@_])(?![\w.+-]{1,64}@)[+(]?\d[\d ().-]{4,20}\d(?![.-]?\d)", re.IGNORECASE
)
"""Not inside an email address: that is copied."""
_SLACK: Final = 4
"""How much more than we print we look at: cleaning megabytes for one line helps nobody."""


def clean(text: str) -> str:
    """Several lines, in one normal form, without what cannot be seen."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    text = _CONTROL.sub("", _NEW_LINE.sub("\n", text))
    text = _MARKS.sub(r"\1", unicodedata.normalize("NFC", _INVISIBLE.sub("", text)))
    text = "\n".join(line.strip() for line in _SPACE.sub(" ", text).split("\n"))
    return _BLANK_LINES.sub("\n\n", text).strip()


def one_line(text: str, limit: int) -> str:
    """Clean, on one line, cut at a word."""
    return clip(" ".join(clean(text[: limit * _SLACK]).split()), limit)


def some_lines(text: str, limit: int) -> str:
    """Clean, cut at a word."""
    return clip(clean(text[: limit * _SLACK]), limit)


def clip(text: str, limit: int) -> str:
    """At most `limit` characters, cut at a word where there is one near the end."""
    if len(text) <= limit:
        return text
    space = text.rfind(" ", 0, limit)
    return text[: space if space > limit * 2 // 3 else limit - 1].rstrip(" ,;:-") + "…"


def number_pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, each with whether it is a number that reads from left to right."""
    at = 0
    for found in _NUMBER.finditer(text):
        yield text[at : found.start()], False
        yield found[0], True
        at = found.end()
    yield text[at:], False


def isolated(text: str) -> str:
    """For where no element can say it: numbers keep their order between letters from right to left.

    The last step of all, since cleaning drops isolates: those that a customer wrote stay out.
    """
    if not has_rtl(text):
        return text
    return "".join(
        f"\u2066{piece}\u2069" if number else piece for piece, number in number_pieces(text)
    )


def moment(at: float, zone: str, labels: Labels) -> str:
    """`Tue, Mar 3, 2026, 2:05 PM PST`."""
    return labels.calendar.moment_of(datetime.fromtimestamp(at, ZoneInfo(zone)))


def day_and_time(at: float, zone: str, labels: Labels) -> tuple[str, str]:
    """`("Tue, Mar 3", "2:05 PM")`."""
    return labels.calendar.day_and_time(datetime.fromtimestamp(at, ZoneInfo(zone)))
