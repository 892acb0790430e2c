"""Which language a customer writes in, from their own lines; the page's locale is only a hint."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from libs.shops.locales import locale_of

_SCRIPTS: Final = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u3400-\u9fff]")),
    ("fa", re.compile(r"[\u067e\u0686\u0698\u06a9\u06af\u06cc]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("pa", re.compile(r"[\u0a00-\u0a7f]")),
    ("ta", re.compile(r"[\u0b80-\u0bff]")),
    ("te", re.compile(r"[\u0c00-\u0c7f]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("es", re.compile(r"[¿¡]")),
    ("vi", re.compile(r"[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]", re.IGNORECASE)),
)
"""The first script that a line shows decides; kana before Han, Persian letters before Arabic."""

_COMMON: Final = {
    "en": "the is my i you and have need a it of are what can to do for in your hi hello how when",
    "es": "el la los las mi que de y en un una es por para hola quiero tengo cuando están necesito "
    "gracias se con está son abren qué cómo cuánto mis",
    "vi": "toi cua xe ban co khong duoc la muon cho sua ghe bi bao tôi giá nhiêu là có không cho",
    "pt-BR": "o os meu minha que de e em um uma é para olá você preciso não está com tenho "
    "obrigado",
    "fr": "le la les mon ma que de et en un une est pour bonjour je vous avez besoin mes merci",
    "tl": "ang ng sa ko mo ba po ako kayo ninyo aking ito naman salamat",
    "id": "saya yang di dan ini itu untuk apa bisa kursi mobil tidak ada mau berapa",
}
_WORDS: Final = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_WORD: Final = re.compile(r"[^\W\d_]+")


def language_of(lines: Sequence[str], locale: str) -> str:
    """The newest of the customer's lines that tells; a bare number or name tells nothing."""
    page = locale_of(locale)
    for line in reversed(lines):
        if found := _language_of(line, page):
            return found
    return page


def _language_of(line: str, page: str) -> str:
    for language, letters in _SCRIPTS:
        if letters.search(line):
            return _chinese(page) if language == "zh" else language
    words = [word.lower() for word in _WORD.findall(line)]
    scores = {name: sum(word in common for word in words) for name, common in _WORDS.items()}
    best = max(scores, key=lambda name: (scores[name], name == page))
    return best if scores[best] else ""


def _chinese(page: str) -> str:
    return page if page.startswith("zh") else "zh-CN"
