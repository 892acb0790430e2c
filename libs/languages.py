"""Which language somebody writes: by its script, and for Latin letters by everyday words."""

from __future__ import annotations

import re
from typing import Final

NAMES: Final = {
    "en": "English", "es": "Spanish", "vi": "Vietnamese", "zh": "Chinese", "tl": "Tagalog",
    "ko": "Korean", "hi": "Hindi", "pa": "Punjabi", "pt": "Portuguese", "ja": "Japanese",
    "ar": "Arabic", "ru": "Russian", "ta": "Tamil", "id": "Indonesian", "fa": "Persian",
    "te": "Telugu", "fr": "French",
}  # fmt: skip
"""Those that we can tell."""

_SCRIPTS: Final = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u3400-\u9fff]")),
    ("fa", re.compile(r"[\u067e\u0686\u0698\u06a9\u06af\u06cc]")),
    ("ar", re.compile(r"[\u0620-\u064a]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("pa", re.compile(r"[\u0a00-\u0a7f]")),
    ("ta", re.compile(r"[\u0b80-\u0bff]")),
    ("te", re.compile(r"[\u0c00-\u0c7f]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("vi", re.compile(r"[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]", re.IGNORECASE)),
)
"""In this order: Japanese also uses Chinese characters, Persian also Arabic letters."""

_WORDS: Final = {
    tag: frozenset(words.split())
    for tag, words in {
        "en": "the is my i you and have need a it of are what can to do for in your hi hello how"
        " when seat please want much with car",
        "es": "el la los las mi mis que de y en un una es por para hola quiero tengo cuando están"
        " necesito gracias se con está son abren qué cómo cuánto favor asiento carro puede",
        "pt": "o os meu minha que de e em um uma é para olá você preciso não está com tenho quero"
        " banco carro quanto obrigado",
        "fr": "le la les mon ma mes que de et en un une est pour bonjour je vous avez besoin merci"
        " voudrais siège avec voiture combien",
        "tl": "ang ng mga sa ko mo ba po ako kayo ninyo aking ito naman upuan kotse salamat"
        " kumusta gusto kailangan magkano ay",
        "id": "saya yang di dan ini itu untuk apa bisa kursi jok mobil tidak ada mau berapa dengan"
        " tolong terima kasih halo ingin",
        "vi": "toi tôi cua của xe ban co có khong không duoc la là muon cho va sua ghe bi can bao"
        " giá nhiêu",
    }.items()
}
_TURNED_MARK: Final = re.compile("[¿¡]")
"""Only Spanish begins a sentence so; it tells as much as two words."""
_WORD: Final = re.compile(r"[^\W\d_]+")
_FEW_LETTERS: Final = 6
"""In so short a text one letter of a script is enough, else two."""
_READ_CHARACTERS: Final = 4_000


def language_in(text: str, *, hint: str = "") -> str:
    """`es`; empty when the text is too short to tell. Between equals, what the page is in."""
    text = text[:_READ_CHARACTERS]
    words = [word.lower() for word in _WORD.findall(text)]
    enough = 1 if sum(map(len, words)) <= _FEW_LETTERS else 2
    for tag, letters in _SCRIPTS:
        if len(letters.findall(text)) >= enough:
            return tag
    scores = {tag: sum(word in common for word in words) for tag, common in _WORDS.items()}
    scores["es"] += 2 * len(_TURNED_MARK.findall(text))
    best = max(scores, key=lambda tag: (scores[tag], tag == hint))
    return best if scores[best] else ""
