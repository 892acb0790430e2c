"""Links in what strangers wrote: found as a mail program would, marked, and made unclickable."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Final

from libs.shops.profile import ShopProfile

_REST: Final = r"[^\s<>\"'\uff0c\u3002\uff01\uff1f\uff09]"
_LABEL: Final = r"[\w\u0900-\u109f-]"
r"""Letters of a host; `\w` does not know the vowel signs of South Asia."""
_CANDIDATE: Final = re.compile(
    rf"(?<![a-z0-9+.-])(?P<scheme>[a-z0-9+.-]++)://{_REST}++"
    rf"|(?<!{_LABEL})(?P<host>{_LABEL}++(?:\.{_LABEL}++)++)(?P<tail>\.?(?:[/?#]|:\d){_REST}*+)?",
    re.IGNORECASE,
)
"""Possessive, and begun only where a word begins: every character is looked at a few times."""
_MAIL_GOES_ON: Final = re.compile(r"[\w.+%&'*!=-]{0,64}@")
_MAIL_BEFORE: Final = re.compile(r"[\w.+%&'*!=-]@")
_MAY_LINK: Final = re.compile(r"://|\.[^\s.]")
_AFTER_LINK: Final = ".,;:!?)]}*"

_NEVER_A_WORD: Final = re.compile(
    "com|net|org|io|co|ai|app|dev|info|biz|me|tv|us|uk|ca|mx|br|es|de|fr|ru|ua|cn|tw|jp|kr|vn|in"
    "|ir|ae|eu|gov|edu|xyz|top|site|online|store|shop|club|live|link|click|ly|gl|gg|to|cc|ws|ph"
    "|autos|auto|garage|zip|mov|icu|pw|tk|ml|ga|cf|gq|cfd|sbs|bond|cyou|lol|vip|buzz|support",
    re.IGNORECASE,
)
"""Endings that lead somewhere even where they look like the next sentence's first word."""
_FILE: Final = re.compile(
    "jpe?g|png|gif|webp|hei[cf]|avif|bmp|tiff?|pdf|txt|csv|docx?|xlsx?|html", re.IGNORECASE
)
"""Endings that are names of files and of no place."""


def may_link(text: str) -> bool:
    """A quick no for most texts."""
    return _MAY_LINK.search(text) is not None


def link_pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, each with whether a mail program might make a link of it."""
    at = 0
    for found in _CANDIDATE.finditer(text):
        if _leads_somewhere(found):
            link = found[0].rstrip(_AFTER_LINK)
            yield text[at : found.start()], False
            yield link, True
            at = found.start() + len(link)
    yield text[at:], False


def _leads_somewhere(found: re.Match[str]) -> bool:
    """Any scheme; any host with a path; any host that does not look like two sentences."""
    if found["scheme"]:
        return True
    host, tail = found["host"], (found["tail"] or "").strip(_AFTER_LINK)
    ending = host.rpartition(".")[2]
    if _is_mail_address(found) and not tail:
        return False
    if host.lower().startswith("www."):
        return True
    if len(ending) < 2 or not _is_ending(ending):  # noqa: PLR2004 - as short as they are
        return False
    return bool(tail or _NEVER_A_WORD.fullmatch(ending)) or _is_no_word(ending)


def _is_ending(ending: str) -> bool:
    return ending.isalpha() or not ending.isascii() or ending.lower().startswith("xn--")


def _is_no_word(ending: str) -> bool:
    """Not `you.How`, `seat.jpg`, nor a full stop between words of a script without capitals."""
    begins_sentence = ending[0].isupper() and ending[1].islower()
    return ending.isascii() and not begins_sentence and not _FILE.fullmatch(ending)


def _is_mail_address(found: re.Match[str]) -> bool:
    """`ana.lee@…` or `…@example.com`: how to reach somebody, which is what a lead is about."""
    before = found.string[max(0, found.start() - 2) : found.start()]
    return bool(_MAIL_BEFORE.fullmatch(before) or _MAIL_GOES_ON.match(found.string, found.end()))


def link_marker(profile: ShopProfile, external: str) -> Callable[[str], str]:
    """Links to the shop's own origins need no mark."""
    return partial(mark_links, own_hosts=_hosts(profile.origins), external=external)


def mark_links(text: str, own_hosts: frozenset[str], external: str = "external") -> str:
    """`(external)` behind every link that does not lead to the shop itself."""
    if not may_link(text):
        return text
    return "".join(
        f"{piece} ({external})" if link and link_host(piece) not in own_hosts else piece
        for piece, link in link_pieces(text)
    )


def unlinked(text: str) -> str:
    """For plain text: links written so that no mail program makes them clickable."""
    if not may_link(text):
        return text
    return "".join(
        piece.replace("://", "[:]//").replace(".", "[.]") if link else piece
        for piece, link in link_pieces(text)
    )


@cache
def _hosts(origins: tuple[str, ...]) -> frozenset[str]:
    return frozenset(link_host(origin) for origin in origins)


def link_host(link: str) -> str:
    """`https://User@Craigs.Autos:443/x` → `craigs.autos`."""
    bare = re.split(r"[/?#\\]", link.partition("://")[2] or link, maxsplit=1)[0]
    return bare.rpartition("@")[2].partition(":")[0].lower()
