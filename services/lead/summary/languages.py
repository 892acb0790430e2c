"""Which language the customer writes: by script, and for Latin letters by everyday words."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

_SCRIPTS: Final = (
    ("Japanese", re.compile(r"[\u3040-\u30ff]")),
    ("Korean", re.compile(r"[\uac00-\ud7af]")),
    ("Chinese", re.compile(r"[\u3400-\u9fff]")),
    ("Persian", re.compile(r"[\u067e\u0686\u0698\u06a9\u06af\u06cc]")),
    ("Arabic", re.compile(r"[\u0620-\u064a]")),
    ("Russian", re.compile(r"[\u0400-\u04ff]")),
    ("Hindi", re.compile(r"[\u0900-\u097f]")),
    ("Punjabi", re.compile(r"[\u0a00-\u0a7f]")),
    ("Tamil", re.compile(r"[\u0b80-\u0bff]")),
    ("Telugu", re.compile(r"[\u0c00-\u0c7f]")),
    (
        "Vietnamese",
        re.compile(r"[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]", re.IGNORECASE),
    ),
)
"""In this order: Japanese also uses Chinese characters, Persian also Arabic letters."""

_WORDS: Final = {
    "English": "the and my is for need seat hello hi please can you have want how much with car",
    "Spanish": "el la los mi es para necesito hola por favor quiero tengo asiento de con carro un"
    " una cuánto puede gracias",
    "Portuguese": "o os meu minha é para preciso olá quero tenho banco de com carro um uma não"
    " quanto você obrigado",
    "French": "le les mon ma est pour besoin bonjour je voudrais siège de avec voiture un une vous"
    " merci combien",
    "Tagalog": "ang ng mga ko po sa upuan kotse salamat kumusta gusto kailangan magkano ay",
    "Indonesian": "saya jok mobil untuk dengan bisa tolong berapa terima kasih halo yang ingin di",
    "Vietnamese": "toi xe ghe can cho va cua khong",
}
_KNOWN: Final = {name: frozenset(words.split()) for name, words in _WORDS.items()}
_WORD: Final = re.compile(r"[^\W\d_]+")
_ENOUGH_LETTERS: Final = 2
_READ_CHARACTERS: Final = 4_000


def language_in(text: str) -> str:
    """`Spanish`; empty when the text is too short to tell."""
    text = text[:_READ_CHARACTERS]
    for name, letters in _SCRIPTS:
        if len(letters.findall(text)) >= _ENOUGH_LETTERS:
            return name
    words = Counter(word.lower() for word in _WORD.findall(text))
    scores = {name: sum(words[word] for word in known) for name, known in _KNOWN.items()}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] else ""
