"""Which language and direction a piece of text has: every block of the mail says so."""

from __future__ import annotations

import re
from typing import Final, Literal
from unicodedata import bidirectional

import msgspec

from libs.languages import tag_of
from libs.shops.locales import direction_of
from services.mailer.letter.labels import Labels
from services.mailer.letter.labels_english import ENGLISH
from services.mailer.letter.labels_spanish import SPANISH

LABELS: Final = {labels.lang: labels for labels in (ENGLISH, SPANISH)}

_RTL: Final = frozenset({"R", "AL"})
_TAG: Final = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.IGNORECASE)
_SITE_TAGS: Final = {"zh-hans": "zh-CN", "zh-hant": "zh-TW", "pt-br": "pt-BR"}


class Words(msgspec.Struct, frozen=True):
    """Text for a person, with its language and the side it starts on."""

    text: str
    lang: str = "en"
    dir: Literal["ltr", "rtl"] = "ltr"

    def __bool__(self) -> bool:
        return bool(self.text)


def words(text: str, lang: str = "en") -> Words:
    return Words(text, lang, direction(text, lang))


def labels_for(tag: str) -> Labels:
    """Of a shop; English where we have no others."""
    return LABELS.get(tag.partition("-")[0], ENGLISH)


def has_rtl(text: str) -> bool:
    """Whether any letter of it runs from right to left: those turn what stands between them."""
    return not text.isascii() and any(bidirectional(one) in _RTL for one in set(text))


def direction(text: str, lang: str = "") -> Literal["ltr", "rtl"]:
    """As the first letter that has one; yet English that begins with an Arabic name is English."""
    if text.isascii():
        return "ltr"
    letters = [kind for kind in map(bidirectional, text) if kind == "L" or kind in _RTL]
    if not letters or letters[0] == "L":
        return "ltr"
    mostly_ltr = letters.count("L") * 2 > len(letters)
    return "ltr" if mostly_ltr and direction_of(lang) == "ltr" else "rtl"


def language_tag(said: str, locale: str = "", default: str = "en") -> str:
    """`Spanish` → `es`; else the page's locale; else the default."""
    for given in (said.strip().lower(), locale.strip().lower().replace("_", "-")):
        if found := tag_of(given) or _SITE_TAGS.get(given):
            return found
        if _TAG.fullmatch(given):
            return given
    return default
