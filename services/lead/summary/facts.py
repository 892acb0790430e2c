"""What can be found by rule in the customer's own words; every fact is cut out of a line."""
# ruff: noqa: RUF001 - sentences and apostrophes of every script

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import Final

import msgspec

from libs.languages import NAMES, language_in
from libs.leads.snapshot import Line
from libs.shops.profile import Readiness, ShopProfile
from services.lead.summary.shop_words import any_of, count, without_all, word_in
from services.lead.summary.vehicles import (
    Named,
    detail,
    is_employer,
    is_theirs,
    vehicle_in,
    vehicles_in,
)
from services.lead.summary.wordings import (
    ADJECTIVE,
    AHEAD,
    ASKS,
    CLAUSE,
    DESCRIBING,
    HAPPENED,
    LOCATION,
    MATERIALS,
    NAME,
    NAME_ASKED,
    NAME_FIRST,
    NAME_PERHAPS,
    NAMES_TOO,
    NOT_NAMES,
    OTHER_DAYS,
    REACH_ASKED,
    THIS_ONE,
    TIMELINE,
)

LINE_CHARACTERS: Final = 2_000
"""A longer line is a paste; what matters stands at its beginning."""
LINES: Final = 200
QUOTE_CHARACTERS: Final = 160
MOST_TOLD: Final = 3


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Facts cut out of customer lines."""

    name: str = ""
    location: str = ""
    language: str = ""
    vehicle: str = ""
    item: str = ""
    vague: str = ""
    """What else they named, where nothing tells which one it is: `the seat`."""
    project: str = ""
    told: tuple[str, ...] = ()
    """Sentences that speak of the work, in the order said; `project` is the most telling one."""
    timeline: str = ""

    @property
    def needs_known(self) -> bool:
        """What is to be done, and to what."""
        return bool(self.project and self.thing)

    @property
    def thing(self) -> str:
        return self.vehicle or self.item or self.vague


def find(lines: Sequence[Line], profile: ShopProfile) -> Found:
    said = [line.text[:LINE_CHARACTERS] for line in customer_lines(lines)]
    words = profile.readiness
    whole, name = "\n".join(said), _name(lines, words)
    told, vague = _told(said, words), words.vague or words.item
    item = word_in(without_all(vague, words.item), whole)
    return Found(
        name=name,
        location=_first(LOCATION, said),
        language=NAMES.get(language_in(whole), ""),
        vehicle=_vehicle([_without(name, text) for text in said], item, words),
        item=item,
        vague=word_in(without_all(MATERIALS, vague), whole) or word_in(vague, whole),
        project=max(told, key=told.__getitem__) if any(told.values()) else "",
        told=tuple(told),
        timeline=_timeline(said),
    )


def customer_lines(lines: Iterable[Line]) -> list[Line]:
    """With words in them, the newest where there are very many."""
    return [line for line in lines if line.speaker == "customer" and line.text][-LINES:]


def shortened(text: str) -> str:
    """On one line, at most as long as one reads at a glance."""
    flat = " ".join(text.split())
    return flat if len(flat) <= QUOTE_CHARACTERS else flat[: QUOTE_CHARACTERS - 1].rstrip() + "…"


def _name(lines: Sequence[Line], readiness: Readiness) -> str:
    """Said outright, the last time counts; else a short answer to the question for it."""
    for line in reversed(customer_lines(lines)):
        text = line.text[:LINE_CHARACTERS]
        sure = (_as_name(match) for pattern in NAME for match in pattern.finditer(text))
        perhaps = (_as_name(match) for match in NAME_PERHAPS.finditer(text))
        likely = (
            name
            for name in perhaps
            if _may_be_name(name, readiness) and not DESCRIBING.issuperset(name.lower().split())
        )
        if name := next(filter(None, chain(sure, likely)), ""):
            return name
    answers = (_answered(*pair) for pair in pairwise(lines))
    return next((name for name in answers if name and _may_be_name(name, readiness)), "")


def _may_be_name(name: str, readiness: Readiness) -> bool:
    """Not when all of it is known for something else: a thing, its damage, a time, a vehicle."""
    if _first(TIMELINE, (name,)) or (" " not in name and ADJECTIVE.search(name)):
        return False
    words = without_all(NAMES_TOO, (*readiness.item, *readiness.need))
    small = filter(str.islower, name.split())
    if name.lower() in words or any(_is_one_of(words, word) for word in small):
        return False
    return not all(_is_one_of(words, word) or vehicle_in(f"I'm {word}") for word in name.split())


def _is_one_of(words: tuple[str, ...], name: str) -> bool:
    """With the shortest endings alone: `Carroll` is no `carro`."""
    small = name.lower()
    match = any_of(words).search(small)
    return match is not None and (
        match[0] in words or (match[0] == small and not {*_stems(small)}.isdisjoint(words))
    )


def _stems(word: str) -> Iterator[str]:
    return (word.removesuffix(ending) for ending in ("s", "ed", "ing"))


def _answered(question: Line, answer: Line) -> str:
    """The name that an answer begins with: asked for it, or given with a phone or an email."""
    if question.speaker != "assistant" or answer.speaker != "customer":
        return ""
    asked = NAME_ASKED.search(question.text) is not None
    text = answer.text[:LINE_CHARACTERS].strip()
    if asked and _SHORT_NAME.fullmatch(text):
        return text.strip(".") if _first_word(text) not in NOT_NAMES else ""
    match = NAME_FIRST.match(text)
    if not match or not (asked or (match["reach"] and REACH_ASKED.search(question.text))):
        return ""
    name = _as_name(match)
    return "" if vehicle_in(name) else name


_SHORT_NAME: Final = re.compile(
    r"[A-ZÀ-ÖØ-ÞĐ\u3400-\u9fff\uac00-\ud7af][^\W\d_]{1,20}(?:\s[^\W\d_]{1,20}){0,2}\.?"
)


def _as_name(match: re.Match[str]) -> str:
    groups = match.groupdict()
    name = (groups.get("said") or groups.get("free") or "").strip(" .'’-")
    return "" if _first_word(name) in NOT_NAMES else name


def _first_word(text: str) -> str:
    return text.split(maxsplit=1)[0].lower().strip(".,'’") if text else ""


def _first(patterns: Sequence[re.Pattern[str]], said: Sequence[str]) -> str:
    """The last thing said about it counts."""
    for text in reversed(said):
        for pattern in patterns:
            if match := pattern.search(text):
                return match["said"].strip(" .,")
    return ""


def _without(name: str, text: str) -> str:
    """`John Ford` drives no Ford; whose first name alone is known may well drive one."""
    return text.replace(name, " ") if " " in name else text


def _timeline(said: Sequence[str]) -> str:
    for text in reversed(said):
        if _first(TIMELINE, (text,)):
            may_tell = "\n".join(filter(_may_tell_when, CLAUSE.split(text)))
            if found := _first(TIMELINE, (may_tell,)):
                return found
    return ""


def _may_tell_when(clause: str) -> bool:
    if OTHER_DAYS.search(clause):
        return False
    return not HAPPENED.search(clause) or AHEAD.search(clause) is not None


def _vehicle(said: Sequence[str], item: str, readiness: Readiness) -> str:
    """The one that the work is for, where several are named, as fully as they ever named it;
    another's only where nothing else is named.
    """
    texts = [(text, vehicles_in(text)) for text in reversed(said)]
    named = [(text, one) for text, found in texts for one in found if not is_employer(one, text)]
    theirs = [one for text, one in named if is_theirs(one, text)]
    theirs = theirs or [one for _, one in named if not item]
    fullest = max(theirs, key=_detail, default=None)
    if fullest is None:
        return ""
    every = fullest.words
    if all(one.words <= every for one in theirs):
        return fullest.name
    meant = (
        one.words
        for text, found in texts
        for one in _meant(text, found, readiness)
        if one in theirs
    )
    words = next(meant, frozenset())
    return max((one for one in theirs if words <= one.words), key=_detail).name


def _detail(one: Named) -> int:
    return detail(one.name)


def _meant(text: str, named: Sequence[Named], readiness: Readiness) -> Iterator[Named]:
    """What is said from one vehicle to the clause of the next is said of it."""
    begins = (_begin_of_clause(text, before.end, one.start) for before, one in pairwise(named))
    for one, (start, end) in zip(named, pairwise((0, *begins, len(text))), strict=False):
        words = text[start:end]
        if THIS_ONE.search(text[start : one.start]) or _need(
            words, readiness, count(readiness.item, words)
        ):
            yield one


def _begin_of_clause(text: str, after: int, before: int) -> int:
    ends = [clause.end() for clause in CLAUSE.finditer(text, after, before)]
    return ends[-1] if ends else after


def _told(said: Sequence[str], readiness: Readiness) -> dict[str, int]:
    """The sentences that speak of the work, and how much of a need each of them is."""
    found: dict[str, int] = {}
    for text in said:
        for sentence in _SENTENCE.split(text):
            items = count(readiness.item, sentence)
            need = _need(sentence, readiness, items)
            if need or items:
                found[shortened(_without_greeting(sentence.strip(" .,!\n")))] = need
    most = sorted(found, key=found.__getitem__, reverse=True)[:MOST_TOLD]
    return {sentence: need for sentence, need in found.items() if sentence in most}


def _need(sentence: str, readiness: Readiness, items: int) -> int:
    """Something to be done, or a wish about one of the things that the shop works on; else 0."""
    needs = count(readiness.need, sentence)
    asks = bool(items and ASKS.search(sentence.lower()))
    return 2 * (needs + items) + asks if needs or asks else 0


def _without_greeting(sentence: str) -> str:
    rest = _GREETING.sub("", sentence)
    return rest[:1].upper() + rest[1:]


_GREETING: Final = re.compile(
    r"\A(?:hi|hello|hey|good (?:morning|afternoon|evening|day)"
    r"|hola|buen[oa]s (?:días|dias|tardes|noches)"
    r"|bonjour|salut|olá|oi|xin chào|chào|مرحبا|السلام عليكم|你好|您好|こんにちは|안녕하세요)"
    r"(?:\s\w{1,20}){0,2}\s*[,!،，、]\s*",
    re.IGNORECASE,
)


_SENTENCE: Final = re.compile(r"(?<=[.!?؟])\s+|(?<=[。！？])|\n+")
