"""Languages: which one somebody writes, told on real evidence, and what each is called."""

# ruff: noqa: E501, RUF001 - words and letters of every script, one language after the other

from __future__ import annotations

import re
from typing import Final

NAMES: Final = {
    "en": "English", "es": "Spanish", "vi": "Vietnamese", "zh": "Chinese", "tl": "Tagalog",
    "ko": "Korean", "hi": "Hindi", "pa": "Punjabi", "pt": "Portuguese", "ja": "Japanese",
    "ar": "Arabic", "ru": "Russian", "ta": "Tamil", "id": "Indonesian", "fa": "Persian",
    "te": "Telugu", "fr": "French", "de": "German", "it": "Italian", "nl": "Dutch",
    "pl": "Polish", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "he": "Hebrew",
    "th": "Thai", "hy": "Armenian", "km": "Khmer", "lo": "Lao", "bg": "Bulgarian",
    "sr": "Serbian", "ps": "Pashto", "mr": "Marathi", "ne": "Nepali",
}  # fmt: skip
"""Tag → English name."""
NAMES_IN: Final = {
    "en": NAMES,
    "es": {
        "en": "inglés", "es": "español", "vi": "vietnamita", "zh": "chino", "tl": "tagalo",
        "ko": "coreano", "hi": "hindi", "pa": "panyabí", "pt": "portugués", "ja": "japonés",
        "ar": "árabe", "ru": "ruso", "ta": "tamil", "id": "indonesio", "fa": "persa",
        "te": "telugu", "fr": "francés", "de": "alemán", "it": "italiano", "nl": "neerlandés",
        "pl": "polaco", "tr": "turco", "uk": "ucraniano", "ur": "urdu", "he": "hebreo",
        "th": "tailandés", "hy": "armenio", "km": "jemer", "lo": "lao", "bg": "búlgaro",
        "sr": "serbio", "ps": "pastún", "mr": "maratí", "ne": "nepalí",
    },
}  # fmt: skip
"""What a language is called in these, which a shop's texts are written in."""
_ALSO_CALLED: Final = {
    "simplified chinese": "zh-CN", "traditional chinese": "zh-TW", "mandarin": "zh-CN",
    "mandarin chinese": "zh-CN", "cantonese": "zh-HK", "filipino": "tl", "farsi": "fa",
    "brazilian portuguese": "pt-BR", "español": "es", "tiếng việt": "vi", "中文": "zh-CN",
    "العربية": "ar", "فارسی": "fa", "한국어": "ko", "日本語": "ja", "русский": "ru",
    "português": "pt-BR", "français": "fr",
}  # fmt: skip
_TAGS: Final = {
    **{name.lower(): tag for tag, name in NAMES.items()},
    "chinese": "zh-CN", "portuguese": "pt-BR",
    **_ALSO_CALLED,
}  # fmt: skip


def tag_of(name: str) -> str:
    """`Farsi` → `fa`; empty for a language that we do not know."""
    return _TAGS.get(" ".join(name.lower().split()), "")


def name_of(tag: str, tongue: str = "en") -> str:
    """`es-MX` → `Spanish`; a tag that we have no name for stays as it is."""
    return NAMES_IN[tongue].get(tag.partition("-")[0], tag.capitalize())


def language_in(text: str, *, hint: str = "") -> str:
    """`es`; empty when nothing tells. Between equals, what the page is in.

    Letters that only one language has, or several of its everyday words; never a name, an
    initial, a place or a web address.
    """
    text = _LATIN.sub(_unless_address, text[:_READ_CHARACTERS])
    words = _WORD.findall(text)
    written, letters = _by_script(text, few=sum(map(len, words)) <= _FEW_LETTERS)
    spoken = _by_words(text, words, hint)
    everyday = _WORDS.get(spoken, frozenset())
    return spoken if letters < sum(len(w) for w in words if w.lower() in everyday) else written


def may_be(name: str, text: str) -> bool:
    """Whether somebody who writes this text can be writing the language of this name.

    Whoever writes Hindi in Latin letters can: only another script speaks against it.
    """
    named, told = tag_of(name).partition("-")[0], language_in(text)
    return not named or told not in _SCRIPT_OF or _SCRIPT_OF.get(named) == _SCRIPT_OF[told]


_SCRIPTS: Final = (
    ("ja", "han", re.compile(r"[\u3040-\u30ff]")),
    ("ko", "hangul", re.compile(r"[\uac00-\ud7af]")),
    ("zh", "han", re.compile(r"[\u3400-\u9fff]")),
    ("ur", "arabic", re.compile(r"[\u0679\u0688\u0691\u06ba\u06c1\u06d2]")),
    ("fa", "arabic", re.compile(r"[\u067e\u0686\u0698\u06a9\u06af\u06cc]")),
    ("ar", "arabic", re.compile(r"[\u0620-\u064a]")),
    ("hi", "devanagari", re.compile(r"[\u0900-\u097f]")),
    ("pa", "gurmukhi", re.compile(r"[\u0a00-\u0a7f]")),
    ("ta", "tamil", re.compile(r"[\u0b80-\u0bff]")),
    ("te", "telugu", re.compile(r"[\u0c00-\u0c7f]")),
    ("uk", "cyrillic", re.compile(r"[іїєґ]", re.IGNORECASE)),
    ("ru", "cyrillic", re.compile(r"[\u0400-\u04ff]")),
)
"""In this order: Japanese also uses Chinese characters, Persian and Urdu also Arabic letters."""
_SCRIPT_OF: Final = {
    **{tag: script for tag, script, _ in _SCRIPTS},
    "bg": "cyrillic", "sr": "cyrillic", "ps": "arabic", "mr": "devanagari", "ne": "devanagari",
}  # fmt: skip
_VIETNAMESE: Final = re.compile(
    r"\A[^\W\dA-ZĐ]*[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]"
)
"""A small word with marks that no other language has; one with a capital may be a name."""
_SYLLABLES: Final = re.compile(r"[\u3040-\u9fff\uac00-\ud7af]")
"""One of these says as much as several letters."""
_LETTERS_IN_ONE: Final = 3

_WORDS: Final = {
    tag: frozenset(words.split())
    for tag, words in {
        "en": "the are is my you your and have has had need needs this that what can to for hi hello how"
        " when where please want much with would like could should from about they there do does did"
        " not but or if am was been looking seat seats car torn back call text after before thanks thank",
        "es": "que mi mis un una por para hola quiero tengo cuando cuándo están esta está este necesito"
        " gracias se es estoy soy abren qué cómo cuánto cuánta cuanto favor asiento asientos carro coche"
        " camioneta puede pueden hay muy pero mucho buenos buenas tardes días usted ustedes su llamo"
        " también aquí ahora reparar arreglar tapizar roto rota techo muebles rompió número hacer con",
        "pt": "que minha meu meus em um uma para por olá você vocês preciso não está tenho quero estou"
        " banco bancos carro quanto obrigado obrigada muito mas também sou seu sua isso ou bom boa"
        " tarde custa rasgou consertar fazer são é com",
        "fr": "ma mes une est pour bonjour bonsoir je j vous avez besoin merci voudrais siège sièges avec"
        " voiture combien que un dans sur nous pas ne ce cette suis pouvez votre notre très des du"
        " réparer déchiré et mon le qui",
        "tl": "ang ng mga ko mo ba po ako kayo ninyo niyo aking ito naman upuan kotse salamat kumusta"
        " gusto kailangan magkano na yung kung paano puwede pwede namin opo hindi sira punit ay sa",
        "id": "saya yang ini itu untuk apa bisa kursi jok mobil tidak ada mau berapa dengan tolong"
        " terima kasih halo ingin sudah kami juga atau dari akan bagaimana biaya robek ganti dan di",
        "vi": "toi tôi cua của khong không duoc được muon muốn ghe ghế sua sửa giá nhiêu chào xin rách"
        " xe anh em bị là có cho",
        "de": "ich der das ein eine einen ist und nicht sie wir mein meine meinem meinen meiner guten"
        " hallo bitte danke wie viel kann können könnten mit für auf habe haben sind kaputt auto sitz"
        " reparieren dem zu es gerissen kostet",
        "it": "il mio mia è sono un una di che buongiorno buonasera ciao grazie vorrei quanto costa ho mi"
        " chiamo del della nella con questo anche sedile rotto macchina numero posso avete gli è",
        "nl": "de het een ik mijn is en niet kan kunt jullie goedendag dag hallo stoel kapot auto met"
        " voor wat graag bedankt hoeveel hebben heb ook dat dit repareren",
        "pl": "jest nie mam się czy dzień dobry ile kosztuje proszę jak moje mój samochód fotel"
        " dziękuję dla jestem mogę chciałbym cześć to w samochodzie podarty",
        "tr": "bir ve bu ne için var mı merhaba arabamın koltuğu teşekkürler kadar ben benim değil"
        " olur musunuz fiyat lazım yırtık",
    }.items()
}
"""Those of them that are no names either. The last ones are told so that nobody is mistaken for
writing one of the first: they share many words."""
_GREETINGS: Final = {
    "hello": "en", "hola": "es", "gracias": "es", "olá": "pt", "obrigado": "pt", "obrigada": "pt",
    "bonjour": "fr", "merci": "fr", "kumusta": "tl", "salamat": "tl", "buongiorno": "it",
    "grazie": "it", "danke": "de", "merhaba": "tr",
}  # fmt: skip
"""Words that tell by themselves."""
_TURNED_MARK: Final = re.compile("[¿¡]")
"""Only Spanish begins a sentence so; it tells as much as two words."""
_LATIN: Final = re.compile(r"[!-~\u00c0-\u024f\u1e00-\u1eff]+")
"""Not up to the next space: where none are written, words stand right beside an address."""
_ADDRESS: Final = re.compile(r"@|[a-z0-9]\.[a-z]{2}", re.IGNORECASE | re.ASCII)
_WORD: Final = re.compile(r"[^\W\d_]+")
_FEW_LETTERS: Final = 6
"""In so short a text one letter of a script is enough, else two."""
_ENOUGH, _MOST_ASKED, _WORDS_FOR_ONE = 2, 5, 10
"""How many different words tell: more of them in a longer text."""
_READ_CHARACTERS: Final = 4_000


def _unless_address(run: re.Match[str]) -> str:
    return " " if _ADDRESS.search(run[0]) else run[0]


def _by_script(text: str, *, few: bool) -> tuple[str, int]:
    """The language, and how many letters speak for it."""
    if text.isascii():
        return "", 0
    for tag, script, letters in _SCRIPTS:
        if len(letters.findall(text)) >= (1 if few else 2):
            alike = [each for _, other, each in _SCRIPTS if other == script]
            weight = sum(len(each.findall(text)) for each in alike)
            dense = _SYLLABLES.search(text) is not None
            return tag, weight * (_LETTERS_IN_ONE if dense else 1)
    return "", 0


def _by_words(text: str, words: list[str], hint: str) -> str:
    said = frozenset(word.lower() for word in words)
    scores = {tag: len(said & everyday) for tag, everyday in _WORDS.items()}
    for word in said & _GREETINGS.keys():
        scores[_GREETINGS[word]] += 1
    scores["es"] += 2 * len(_TURNED_MARK.findall(text))
    scores["vi"] += sum(_VIETNAMESE.search(word) is not None for word in set(words) - _WORDS["vi"])
    most = max(scores.values())
    best = [tag for tag, score in scores.items() if score == most]
    enough = max(_ENOUGH, min(_MOST_ASKED, len(said) // _WORDS_FOR_ONE))
    if most < enough or (len(best) > 1 and hint not in best):
        return ""
    return hint if hint in best else best[0]
