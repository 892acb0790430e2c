"""Words that strangers wrote, made safe and short enough to print: cleaning, clipping, times."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from libs.shops.profile import ShopProfile

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

_ENDINGS: Final = (
    "com|net|org|io|co|ai|app|dev|info|biz|me|tv|us|uk|ca|mx|br|es|de|fr|ru|ua|cn|tw|jp|kr|vn|in"
    "|ir|ae|eu|gov|edu|xyz|top|site|online|store|shop|club|live|link|click|ly|gl|gg|to|cc|ws|ph|autos|auto|garage"
)
_REST: Final = r"[^\s<>\"'\uff0c\u3002\uff01\uff1f\uff09]"
_LINK: Final = re.compile(
    rf"(?:(?:https?|ftp)://|(?<![\w@.-])www\.){_REST}+"
    rf"|(?<![\w@.-])(?:[\w-]{{1,63}}\.){{1,6}}(?:{_ENDINGS})(?![\w@-]|\.\w)(?:[/?#:]{_REST}*)?",
    re.IGNORECASE,
)
_MAY_LINK: Final = re.compile(r"://|\.[^\s.]")
_NUMBER: Final = re.compile(r"[+(]?\d[\d ().-]{4,20}\d")
_SLACK: Final = 4
"""How much more than we print we look at: cleaning megabytes for one line helps nobody."""
_AFTER_LINK: Final = ".,;:!?)]}*"


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


def may_link(text: str) -> bool:
    """A quick no for most texts."""
    return _MAY_LINK.search(text) is not None


def link_pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, each with whether a mail program might make a link of it."""
    at = 0
    for found in _LINK.finditer(text):
        link = found[0].rstrip(_AFTER_LINK)
        yield text[at : found.start()], False
        yield link, True
        at = found.start() + len(link)
    yield text[at:], False


def mark_links(text: str, own_hosts: frozenset[str]) -> str:
    """`(external)` behind every link that does not lead to the shop itself."""
    if not may_link(text):
        return text
    return "".join(
        f"{piece} (external)" if link and link_host(piece) not in own_hosts else piece
        for piece, link in link_pieces(text)
    )


def number_pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, each with whether it is a number that reads from left to right."""
    at = 0
    for found in _NUMBER.finditer(text):
        yield text[at : found.start()], False
        yield found[0], True
        at = found.end()
    yield text[at:], False


@cache
def _hosts(origins: tuple[str, ...]) -> frozenset[str]:
    return frozenset(link_host(origin) for origin in origins)


def own_hosts(profile: ShopProfile) -> frozenset[str]:
    """Links to these are the shop's own."""
    return _hosts(profile.origins)


def link_host(link: str) -> str:
    """`https://User@Craigs.Autos:443/x` → `craigs.autos`."""
    bare = re.split(r"[/?#\\]", link.partition("://")[2] or link, maxsplit=1)[0]
    return bare.rpartition("@")[2].partition(":")[0].lower()


def unlinked(text: str) -> str:
    """For plain text: links written so that no mail program makes them clickable."""
    if not may_link(text):
        return text
    return "".join(
        piece.replace("://", "[:]//").replace(".", "[.]") if link else piece
        for piece, link in link_pieces(text)
    )


def moment(at: float, zone: str) -> str:
    """`Tue, Mar 3, 2026, 2:05 PM PST`."""
    when = datetime.fromtimestamp(at, ZoneInfo(zone))
    return f"{when:%a, %b} {when.day}, {when.year}, {_clock(when)} {when:%Z}"


def day_and_time(at: float, zone: str) -> tuple[str, str]:
    """`("Tue, Mar 3", "2:05 PM")`."""
    when = datetime.fromtimestamp(at, ZoneInfo(zone))
    return f"{when:%a, %b} {when.day}", _clock(when)


def _clock(when: datetime) -> str:
    return f"{when.hour % 12 or 12}:{when:%M} {'AM' if when.hour < 12 else 'PM'}"  # noqa: PLR2004 - noon
