"""Whether a fact stands in the lines that it is said to rest on."""
# ruff: noqa: SIM905 - words and signs of every script; lists of words

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, Literal

from libs.leads.snapshot import Line
from services.lead.summary.claims import plain
from services.lead.summary.grounding import sentences

Wording = Literal["in_a_row", "exact", "gist"]


def stated(fact: str, lines: Sequence[Line], numbers: Iterable[int], wording: Wording) -> bool:
    """Whether the lines that it is said to rest on bear it out.

    `in_a_row`: its words as one of them says them. `exact`: its words, from any of them.
    `gist`: most of its words, other forms of them too, and whatever would make it another fact.
    """
    cited = {number for number in numbers if 0 < number <= len(lines)}
    words = _WORD.findall(_folded(fact))
    texts = [lines[each - 1].text for each in cited if _is_theirs(lines, each - 1, words)]
    if wording == "in_a_row":
        return bool(words) and any(_in_a_row(words, _WORD.findall(_folded(t))) for t in texts)
    said = _WORD.findall(_folded(" ".join(texts)))
    known, run_together = set(said), "".join(said)
    if wording == "exact":
        return bool(words) and all(_holds(word, known, run_together) for word in words)
    shares = [_share_held(word, known, run_together) for word in words]
    telling = all(share for word, share in zip(words, shares, strict=True) if _tells(word))
    denied = {pair for pair in pairwise(words) if pair[0] in _NOT} - set(pairwise(said))
    letters = set(run_together).issuperset(_TELLING_LETTERS.findall(_folded(fact)))
    return telling and letters and not denied and sum(shares) >= _MOST * len(words) > 0


def _in_a_row(words: list[str], said: list[str]) -> bool:
    """And not only where they say that it is not so: `my name is not Bob`."""
    for at in range(len(said) - len(words) + 1):
        row = said[at : at + len(words)]
        same = all(_holds(word, {one}, one) for word, one in zip(words, row, strict=True))
        if same and (at == 0 or said[at - 1] not in _NOT):
            return True
    return False


def _tells(word: str) -> bool:
    return word.isdecimal() or word in _TELLING or word in _NOT


def _is_theirs(lines: Sequence[Line], place: int, words: Sequence[str]) -> bool:
    """The customer's own line, or what was put to them and they said yes to."""
    if lines[place].speaker != "assistant":
        return lines[place].speaker == "customer"
    answer = next((line for line in lines[place + 1 :] if line.speaker != "note"), None)
    if answer is None or answer.speaker != "customer":
        return False
    said = plain(answer.text).replace("\u2019", "'").casefold().strip()
    if _YES.match(said) is None or _BUT.search(said):
        return False
    start, end = next(iter(sentences(said)))
    return not (_UNSURE.search(said, start, end) or _asks_which(lines[place].text, words))


def _asks_which(text: str, words: Sequence[str]) -> bool:
    """Which of the two did they say yes to? `A phone or an email?` asks of something else."""
    for start, end in sentences(text):
        asked = _PHONE_OR_EMAIL.sub(" ", plain(text[start:end]).casefold()).strip()
        which = _OR.search(asked)
        if which and (which.start() == 0 or {*words} & {*_WORD.findall(_folded(asked))}):
            return True
    return False


_WORD: Final = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]+|\d+"
    r"|(?:(?![\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f])[^\W\d_])+"
)
"""A word, a number (`F150` is both), or a run in a script that writes without spaces."""
_UNSPACED: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]+")
_LAST_LETTER_OF_EUROPE: Final = "\u058f"
_STEM: Final = 4
_YES: Final = re.compile(
    r"(?:yes|yeah|yep|yup|ya|correct|right|exactly|that'?s (?:right|it|correct)|sure|s[ií]|claro|"
    r"correcto|exacto|as[ií] es|oui|exact|sim|isso|exato|oo|opo|iya|benar|betul|vâng|dạ|đúng|haan|"
    r"да|верно)"
    r"(?: (?:it is|it'?s|please|that|thats|right|correct|exactly|sir|ma'?am|thanks?|thank you|es|"
    r"as[ií] es|señora?|po|ji))*\s*"
    r"(?:$|[^\w\s']|(?:that'?s|the|my|i (?:need|want|have|also)|we (?:need|want|have)|and|also|for"
    r"|by|es[eao]?|est[eao]|el|la|mi|y|también|para)\b)"
    r"|是|对|對|没错|沒錯|はい|そう|네|예|맞|نعم|بله|آره|हाँ|हां|जी|ਹਾਂ|ஆம்|అవును"
)
_BUT: Final = re.compile(
    r"\b(?:no|not|but|actually|except|pero|sino|mais|mas|но|не)\b|但|不|아니|لا"
)
_UNSURE: Final = re.compile(
    r"\b(?:think|thought|may|maybe|might|guess|unsure|dunno|dont|instead|creo|quizás?)\b|n't\b"
)
_OR: Final = re.compile(r"\b(?:or|ou|oder|hoặc|или)\b|¿[^?]*\bo\b|还是|還是|または|それとも|아니면")
_PHONE_OR_EMAIL: Final = re.compile(
    r"\b(?:phone|number|text|call|e-?mail|mail|whatsapp|tel[eé]fono|n[uú]mero|correo|llamada|mensaje)"
    r" (?:or|o|ou)\b"
)
_MOST: Final = 0.6
"""What is to be done may be put a little shorter, and by other forms of its words."""
_NOT: Final = frozenset(
    "not no never without dont doesnt cannot t nor sin nunca non pas sans nicht"
    " kein nao sem khong не без нет".split()
)
_TELLING: Final = frozenset(
    # days, months, when
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thurs fri sat"
    " sun january february march april may june july august september october november december"
    " jan feb mar apr jun jul aug sep sept oct nov dec today tonight tomorrow yesterday weekend"
    " week weeks month months year years day days hour hours morning afternoon evening"
    " before after next last asap urgent"
    " lunes martes miercoles jueves viernes sabado domingo enero febrero marzo abril mayo junio"
    " julio agosto septiembre octubre noviembre diciembre hoy manana semana mes ano antes despues"
    # how many
    " one two three four five six seven eight nine ten eleven twelve both all every pair"
    " uno dos tres cuatro cinco seis siete ocho nueve diez ambos todos todas"
    # which side, which part
    " driver drivers passenger passengers front rear back left right top bottom inside outside"
    " conductor copiloto pasajero delantero delantera trasero trasera izquierdo izquierda derecho"
    " derecha seat seats headliner carpet dash dashboard door doors panel panels roof sunroof"
    " convertible armrest headrest console visor trunk bench sofa couch chair chairs cushion"
    " cushions bolster trim wheel asiento asientos techo puerta puertas alfombra tablero volante"
    " cojin cojines silla sillas tapizado".split()
)
"""Another one of these makes another fact of it; forms of the same word are one."""
_TELLING_LETTERS: Final = re.compile(
    "[不没沒别別無无未左右前后後上下今明昨一二三四五六七八九十两兩全]|[月火水木金土日](?=曜)"
)


def _holds(word: str, known: set[str], run_together: str) -> bool:
    """As it was said. Where endings are glued on (`시빅이에요`), with whatever follows it."""
    if word in known or (_UNSPACED.fullmatch(word) and word in run_together):
        return True
    return word[0] > _LAST_LETTER_OF_EUROPE and any(other.startswith(word) for other in known)


def _share_held(word: str, known: set[str], run_together: str) -> float:
    """All or nothing, but of a run without spaces the share of its pairs of characters."""
    if _UNSPACED.fullmatch(word) and len(word) > 1:
        pairs = list(map("".join, pairwise(word)))
        return sum(pair in run_together for pair in pairs) / len(pairs)
    if _holds(word, known, run_together) or word.isdecimal() or len(word) < _STEM:
        return float(_holds(word, known, run_together))
    stem = word[: max(_STEM, len(word) - 3)]
    return float(any(other.startswith(stem) for other in known))


def _folded(text: str) -> str:
    """Case, accents and width aside."""
    bare = unicodedata.normalize("NFKD", plain(text)).casefold()
    return "".join(c for c in bare if not unicodedata.combining(c))
