"""Numbers that were said rather than typed: `four oh eight, double five 5 ...`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

_UNITS: Final = (
    "zero zéro cero null nol ноль нуль صفر शून्य không sero nul oh o",
    "one uno um eins isa satu один واحد एक một un une yek یک ek",
    "two dos dois zwei zwo duas deux dalawa dua два اثنان اثنين दो hai دو do",
    "three tres três trois drei tatlo tiga три ثلاثة ثلاثه तीन ba سه teen",
    "four cuatro quatro quatre vier apat empat четыре أربعة اربعة चार bốn tư چهار char",
    "five cinco cinq fünf fuenf lima пять خمسة خمسه पांच पाँच năm lăm پنج paanch",
    "six seis meia sechs anim enam шесть ستة سته छह छः sáu شش chhe chhah",
    "seven siete sete sept sieben pito tujuh семь سبعة سبعه सात bảy هفت saat",
    "eight ocho oito huit acht walo delapan восемь ثمانية ثمانيه आठ tám هشت aath",
    "nine nueve nove neuf neun siyam sembilan девять تسعة تسعه नौ chín نه nau",
)
_TEENS: Final = (
    "ten diez dez dix sampu",
    "eleven once onze",
    "twelve doce doze douze",
    "thirteen trece treze treize",
    "fourteen catorce quatorze catorze",
    "fifteen quince quinze",
    "sixteen dieciseis dieciséis dezesseis seize",
    "seventeen diecisiete dezessete",
    "eighteen dieciocho dezoito",
    "nineteen diecinueve dezenove",
)
_TWENTIES: Final = (
    "veintiuno",
    "veintidos veintidós",
    "veintitres veintitrés",
    "veinticuatro",
    "veinticinco",
    "veintiseis veintiséis",
    "veintisiete",
    "veintiocho",
    "veintinueve",
)
_TENS: Final = (
    "twenty veinte vinte vingt",
    "thirty treinta trinta trente",
    "forty fourty cuarenta quarenta quarante",
    "fifty cincuenta cinquenta cinquante",
    "sixty sesenta sessenta soixante",
    "seventy setenta",
    "eighty ochenta oitenta",
    "ninety noventa",
)
_HUNDREDS: Final = (
    "cien ciento cento",
    "doscientos duzentos",
    "trescientos trezentos",
    "cuatrocientos quatrocentos",
    "quinientos quinhentos",
    "seiscientos seiscentos",
    "setecientos setecentos",
    "ochocientos oitocentos",
    "novecientos novecentos",
)
_TIMES: Final = {"double": 2, "triple": 3, "doble": 2, "dobles": 2, "duplo": 2, "triplo": 3}
_BETWEEN: Final = frozenset(
    ("y", "e", "and", "dash", "hyphen", "guion", "guión", "dot", "punto", "ponto", "point",
     "space", "area", "code", "then", "luego", "entonces")
)  # fmt: skip
"""May stand between two numbers without meaning anything."""


def _values() -> dict[str, tuple[int, int]]:
    """Word → (number, size), size 1, 10 or 100: a smaller one may follow a greater."""
    table = {word: (n, 1) for n, words in enumerate(_UNITS) for word in words.split()}
    table |= {word: (n, 1) for n, words in enumerate(_TEENS, 10) for word in words.split()}
    table |= {w: (n, 1) for n, words in enumerate(_TWENTIES, 21) for w in words.split()}
    table |= {w: (n * 10, 10) for n, words in enumerate(_TENS, 2) for w in words.split()}
    return table | {
        w: (n * 100, 100) for n, words in enumerate(_HUNDREDS, 1) for w in words.split()
    }


_VALUES: Final = _values()
_NUMBERS: Final = frozenset((_VALUES.keys() | _TIMES.keys()) - {"oh", "o"})
_ROUND: Final = {"hundred": "00", "thousand": "000"}
_JOINS: Final = frozenset({"y", "e", "-"})
_WORD: Final = re.compile(r"[^\W\d_]+")
_ANY_WORD: Final = r"(?:[^\W\d_]++[\u0300-\u036f\u0900-\u0dff]*+)++"
_TOKEN: Final = re.compile(rf"{_ANY_WORD}|\d+|\S")
"""A word (Indic vowel signs are no letters to Python), a group of digits, or a mark."""
_NO_DIGIT: Final = re.compile(rf"{_ANY_WORD}|[^\s\d,.\-/()+]")
_HINDI: Final = frozenset({"ek", "teen", "char", "paanch", "chhe", "saat", "aath", "nau", "zero"})
_PORTUGUESE: Final = frozenset(
    ("zero", "dois", "duas", "três", "tres", "quatro", "cinco", "seis", "meia", "sete", "oito",
     "nove", "dez")
)  # fmt: skip
"""Beside none of these `um` is a German `at` or an English hesitation, and no one."""
_MODEL: Final = re.compile(r"(?:19|20)\d\d|[1-9]\d00")
"""A year, or a truck's: `one 1500 and one 2500`."""
_MOST_MODELS: Final = 1
_DATE: Final = re.compile(r"\d{1,2}([./-])\d{1,2}\1(?:\d{4}|\d{2})(?!\d)")
_LATER: Final = frozenset({"oh", "o", "hundred", "thousand"})
"""Numbers only after another one."""
_GOES_ON: Final = _BETWEEN | _LATER | frozenset(",.-/()+")
_FEWEST_PARTS: Final = 4
_LONGEST: Final = 40
_IS: Final = "(?!이(?:에요|예요|요|야|다))"
"""`It is` in Korean begins like a two."""
_CJK: Final = re.compile(
    r"[零〇一二三四五六七八九幺洞ゼロ](?:[ ,.\-の]{0,2}+[零〇一二三四五六七八九幺\d]){6,}+"
    rf"|[공영](?:[ ,.\-]{{0,2}}+{_IS}[공영일이삼사오육륙칠팔구에의\d]){{7,}}+"
    rf"|[일이삼사오육륙칠팔구](?:[ ,.\-]{{0,2}}+{_IS}[공영일이삼사오육륙칠팔구\d]){{9,}}+"
)
_CJK_DIGITS: Final = str.maketrans(
    "零〇一二三四五六七八九幺洞공영일이삼사오육륙칠팔구에의の", "0012345678910" + "001234566789---"
)


class SpokenDigits(msgspec.Struct, frozen=True):
    digits: str
    start: int
    end: int
    words: int
    """How many of its parts were words."""


def digits_for_characters(row: str) -> str:
    """四零八… and 공일공… as digits, place by place, where there are enough of them in a row."""
    return _CJK.sub(lambda found: found[0].translate(_CJK_DIGITS), row)


def spoken_digits(row: str) -> Iterator[SpokenDigits]:
    """Runs of numbers of which at least one is a word."""
    lowered = row.lower() if len(row.lower()) == len(row) else row
    if _VALUES.keys().isdisjoint(_WORD.findall(lowered)):
        return
    for start, end in _stretches(lowered):
        run: list[re.Match[str]] = []
        for found in _TOKEN.finditer(lowered, start, end):
            token, before = found[0], lowered[max(0, found.start() - 1) : found.start()]
            if token in _NUMBERS or (run and token in _GOES_ON):
                run.append(found)
            elif token.isdecimal() and (run or not before.isalpha()):
                run.append(found)  # `four08`, and no `F150`
        if _FEWEST_PARTS <= len(run) <= _LONGEST:
            yield from _closed(run)


def _stretches(lowered: str) -> Iterator[tuple[int, int]]:
    """Between what no number is said with, and only those in which one is a word."""
    start, spoken = 0, False
    for found in _NO_DIGIT.finditer(lowered):
        if found[0] in _VALUES:
            spoken = True
        elif found[0] not in _GOES_ON and found[0] not in _TIMES:
            if spoken:
                yield start, found.start()
            start, spoken = found.end(), False
    if spoken:
        yield start, len(lowered)


def _closed(run: list[re.Match[str]]) -> Iterator[SpokenDigits]:
    if _PORTUGUESE.isdisjoint(found[0] for found in run):
        run = [found for found in run if found[0] != "um"]
    while run and run[-1][0] in _GOES_ON and run[-1][0] not in _LATER:
        run.pop()
    words = [found[0] for found in run]
    if words and words[-1] == "hai" and not _HINDI.isdisjoint(words):
        words.pop()  # `is` in Hindi, two in Vietnamese
        run.pop()
    spoken = sum(word in _VALUES for word in words)
    if spoken and not _counts_things(run, words):
        yield SpokenDigits(_read(words), run[0].start(), run[-1].end(), spoken)


def _counts_things(run: list[re.Match[str]], words: list[str]) -> bool:
    """Cars by their years, or hours of a day."""
    models = sum(_MODEL.fullmatch(word) is not None for word in words)
    return models > _MOST_MODELS or bool(_DATE.search(run[0].string, run[0].start(), run[-1].end()))


def _read(words: list[str]) -> str:
    """Digits as dictated: `forty two` is 42, `double five` 55, `cuatrocientos ocho` 408."""
    out: list[str] = []
    number, size, times = 0, 0, 1
    for word in [*words, ""]:
        value, own = _VALUES.get(word, (-1, 0))
        if size > 1 and word in _JOINS:
            continue  # forty-two, treinta y dos
        if 0 < value < size and own < size:
            number, size = number + value, own
            continue
        if size:
            out.append(str(number) * times)
            size, times = 0, 1
        if own:
            number, size = value, own
        elif word.isdecimal():
            out.append(word)
        else:
            times = _TIMES.get(word, times)
            out.append(_ROUND.get(word, ""))
    return "".join(out)
