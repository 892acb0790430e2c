"""What a model may not make up: phones, emails, web addresses, prices, and other numbers.

A sentence with a made-up number goes as a whole: half of it would be no better.
"""
# ruff: noqa: RUF001 - sentences end differently in every script; lists of words

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final

import msgspec
from msgspec.structs import replace

from libs.leads.snapshot import Contact, Line
from libs.shops.profile import ShopProfile
from services.lead.summary.claims import (
    Claim,
    ClaimKind,
    claims_in,
    compatible,
    other_numbers,
    plain,
    speaks_of_money,
    sums_in,
    visible,
)
from services.lead.summary.numbers import is_year
from services.lead.summary.vehicles import vehicle_in
from services.lead.transcript import HEAD_CHARACTERS, MODEL_CHARACTERS, Subject, for_model


class Grounds(msgspec.Struct, frozen=True):
    """What may be repeated."""

    addresses: frozenset[str]
    phones: frozenset[str]
    prices: frozenset[str]
    numbers: frozenset[str] = frozenset()

    def hold(self, claim: Claim) -> bool:
        match claim.kind:
            case "phone":
                short = len(claim.said[0]) <= _LONGEST_NUMBER and claim.said[0] in self.numbers
                return short or not self.phones.isdisjoint(spellings(claim.said[0]))
            case "price":
                return self.prices.issuperset(claim.said)
            case "number":
                number = claim.said[0]
                return not self.numbers.isdisjoint({number, number[2:] if is_year(number) else ""})
            case _:
                return claim.said[0] in self.addresses


class Cleaned(msgspec.Struct, frozen=True):
    """A text without its made-up sentences."""

    text: str
    removed: tuple[ClaimKind, ...] = ()


def grounds_in(transcript: str, subject: Subject) -> Grounds:
    """Said in the conversation (as the model read it), or the shop's own."""
    text = plain(_LINE_NUMBER.sub("", transcript))
    claims = claims_in(text)
    own = grounds_of_shop(subject.contacts, subject.profile)
    return Grounds(
        addresses=own.addresses | _said(claims, "email") | _said(claims, "url"),
        phones=own.phones | _phones(_said(claims, "phone")),
        prices=frozenset(_sums_said(subject.lines)),
        numbers=own.numbers | _numbers(text),
    )


def for_customer(grounds: Grounds, subject: Subject) -> Grounds:
    """What a message to them may name: also the numbers of their car, and never a price."""
    own = grounds_of_shop(subject.contacts, subject.profile)
    return replace(own, numbers=own.numbers | grounds.numbers - grounds.prices)


def grounds_of_shop(contacts: Iterable[Contact], profile: ShopProfile) -> Grounds:
    """The shop and themselves, and never a price."""
    contacts = tuple(contacts)
    hosts = {origin.partition("://")[2] for origin in profile.origins}
    return Grounds(
        addresses=frozenset(hosts | {c.value.lower() for c in contacts if c.kind == "email"}),
        phones=_phones({*profile.own_phones, *(c.value for c in contacts if c.kind == "phone")}),
        prices=frozenset(),
        numbers=_numbers(f"{profile.name} {profile.address}"),
    )


def cleaned(text: str, grounds: Grounds) -> Cleaned:
    """The sentences of `text` that claim nothing, or only what was said, as they were written."""
    text = visible(text)
    made_up = [claim for claim in _claims(plain(text)) if not grounds.hold(claim)]
    if not made_up:
        return Cleaned(" ".join(text.split()))
    at = [0, *accumulate(len(compatible(character)) for character in text)]
    kept = [
        text[start:end]
        for start, end in sentences(text)
        if not any(claim.start < at[end] and at[start] < claim.end for claim in made_up)
    ]
    removed = tuple(claim.kind for claim in made_up)
    return Cleaned(" ".join(" ".join(kept).split()), removed)


def title_of(subject: Subject) -> str:
    """Where the thread is hosted, a model wrote it. Most claim nothing, and need no grounds."""
    title = visible(subject.conversation.title[:_TITLE_CHARACTERS])
    if not _claims(plain(title)):
        return " ".join(title.split())
    return cleaned(title, grounds_in(for_model(subject.lines), subject)).text


def _claims(text: str) -> list[Claim]:
    """A number that nothing else explains may be a price, or a piece of a phone."""
    claims = claims_in(text)
    numbers = other_numbers(text, claims)
    loose = (one for one in numbers if not (one.counted or one.small))
    return claims + [Claim("number", one.start, one.end, (one.said,)) for one in loose]


def spellings(number: str) -> set[str]:
    """A number with and without what one dials before it; its extension, as `claims` names one."""
    dialled, _, extension = number.lower().partition(";ext=")
    digits = re.sub(r"[^0-9a-z]", "", dialled)
    short = re.sub(r"^(?:00|011)", "", digits)
    found = {digits, short, short.removeprefix("1"), short.removeprefix("0")}
    return found | {f"x{extension}"} if extension else found


_LONGEST_NUMBER: Final = 6
_TITLE_CHARACTERS: Final = 300
_LINE_NUMBER: Final = re.compile(r"^\[\d+\] ", re.MULTILINE)
_SENTENCE_END: Final = re.compile(r"[.!?؟।]+[\s\"')\]]+|[。！？．｡]+|\n+")
_SHORT_ANSWER: Final = 60


def _sums_said(lines: Sequence[Line]) -> Iterator[str]:
    """Where customer or assistant speak of money, or the customer answers such a question."""
    asked = False
    for line, read in zip(lines, _as_read([line.text for line in lines]), strict=True):
        if line.speaker == "note" or not read:
            continue
        text = plain(read)
        spoken = speaks_of_money(text)
        if spoken or (asked and line.speaker == "customer" and len(text) <= _SHORT_ANSWER):
            yield from sums_in(_without_vehicle(text))
        asked = spoken and line.speaker == "assistant"


def _as_read(texts: Sequence[str]) -> Iterator[str]:
    """What the model read of each: all of it costs seconds where it is a million characters."""
    ends = list(accumulate(map(len, texts), initial=0))
    tail = ends[-1] - (MODEL_CHARACTERS - HEAD_CHARACTERS)
    for start, text in zip(ends, texts, strict=False):
        head, rest = max(0, HEAD_CHARACTERS - start), max(0, tail - start)
        yield text if head >= rest else f"{text[:head]}\n{text[rest:]}".strip()


def _without_vehicle(text: str) -> str:
    """`Silverado 1500`, `Ram 2500`, `Mazda 3`: the number is its name."""
    words = vehicle_in(text).split()
    if not words:
        return text
    name = next(word for word in reversed(words) if not word.isdecimal() or word == words[0])
    return re.sub(rf"{re.escape(name)}[\s-]*\d+", " ", text, flags=re.IGNORECASE)


def sentences(text: str) -> Iterable[tuple[int, int]]:
    start = 0
    for end in _SENTENCE_END.finditer(text):
        yield start, end.end()
        start = end.end()
    yield start, len(text)


def _said(claims: Iterable[Claim], kind: ClaimKind) -> frozenset[str]:
    return frozenset(said for claim in claims if claim.kind == kind for said in claim.said)


def _numbers(text: str) -> frozenset[str]:
    return frozenset(number.said for number in other_numbers(text, ()))


def _phones(numbers: Iterable[str]) -> frozenset[str]:
    return frozenset(spelling for number in numbers for spelling in spellings(number))
