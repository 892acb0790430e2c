"""The assistant of a shop without a model: scripted, honest that it is, useful all the same.

It asks what the lead needs, one thing at a time: the work, the vehicle or piece, photos, a way to
reach the customer. About hours it says what `shop_*` says and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from functools import lru_cache

from services.chat.moments import (
    customer_lines,
    is_reachable,
    just_gave_half_a_number,
    last_words,
)
from services.chat.phrases import Phrases, phrases_in
from services.chat.ports import Moment, PhoneField

_PIECE = re.compile(r"(?:\s*\S+){1,3}")
"""It speaks in small pieces, as a model does, so that what it tries out is the real way."""


class PracticeAgent:
    async def answer(self, moment: Moment) -> AsyncIterator[str | PhoneField]:
        phrases = phrases_in(moment.language)
        sentences, field = _reply(moment, phrases)
        for piece in _PIECE.findall(" ".join(sentences)):
            yield piece
        if field:
            yield field


def _reply(moment: Moment, phrases: Phrases) -> tuple[list[str], PhoneField | None]:
    words = {"shop": moment.shop.name, "phone": moment.shop.phone, "address": moment.shop.address}
    said = [item.text for item in moment.items if item.speaker == "assistant"]
    sentences = [] if said else [phrases.hello.format(**words)]
    sentences += [answer.format(**words) for answer in _answers(moment, phrases)]
    question = _question(moment, phrases, said)
    if question in (phrases.phone, phrases.incomplete) and moment.may_ask_phone:
        return [*sentences, *([phrases.noted] if said else [])], PhoneField(question)
    closing = question in (phrases.done, phrases.unreachable)
    spoken = question.format(**words)
    if closing and any(spoken in text for text in said):
        spoken = phrases.more
    return [*(sentences or ([] if closing else [phrases.noted])), spoken], None


def _question(moment: Moment, phrases: Phrases, said: list[str]) -> str:
    """The first thing that is neither known nor asked already."""
    lines = customer_lines(moment.items)
    readiness = moment.shop.readiness
    reachable = is_reachable(moment.items, moment.shop)
    half = just_gave_half_a_number(moment.items, moment.shop)
    known = (
        (phrases.need, _mentions(lines, readiness.need)),
        (phrases.item, _mentions(lines, readiness.item)),
        (phrases.photos, any(item.attachments for item in moment.items)),
        (phrases.incomplete if half else phrases.phone, reachable),
    )
    for question, is_known in known:
        if not is_known and not any(question in text for text in said):
            return question
    return phrases.done if reachable else phrases.unreachable


def _answers(moment: Moment, phrases: Phrases) -> Iterator[str]:
    """To what the customer's last line asks."""
    line = [last_words(moment.items)]
    for topic, words in phrases.hears.items():
        if _mentions(line, words):
            yield from _hours(moment, phrases) if topic == "hours" else (getattr(phrases, topic),)


def _hours(moment: Moment, phrases: Phrases) -> Iterator[str]:
    facts = {name: str(value) for name, value in moment.facts.items()}
    day = _day(facts["shop_next_open_day"], phrases.days)
    upcoming = {"day": day, "time": facts["shop_next_open_time"]}
    if not moment.facts["shop_is_open_now"]:
        yield phrases.closed.format(**upcoming) if day else phrases.unknown
        return
    closes = facts["shop_closes_at"]
    yield phrases.open.format(closes=closes) if closes else phrases.always
    if day:
        yield phrases.again.format(**upcoming)


def _day(said: str, names: Mapping[str, str]) -> str:
    """`Monday` or `Monday, 2026-12-07`."""
    name, comma, date = said.partition(",")
    return names.get(name, name) + comma + date


def _mentions(lines: Iterable[str], words: tuple[str, ...]) -> bool:
    return any(_pattern(words).search(line) for line in lines) if words else False


@lru_cache(maxsize=256)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """Whole words where a script has spaces, anywhere in the line where it has none."""
    parts = (re.escape(w) if _SPACELESS.search(w) else rf"\b{re.escape(w)}\b" for w in words)
    return re.compile("|".join(parts), re.IGNORECASE)


_SPACELESS = re.compile(r"[\u0600-\u06ff\u0e00-\u0eff\u3040-\u9fff\uac00-\ud7af]")
