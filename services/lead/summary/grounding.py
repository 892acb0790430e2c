"""What a model may not make up: phones, emails, web addresses, prices, and facts nobody stated.

A sentence with a made-up number goes as a whole: half of it would be no better.
"""
# ruff: noqa: RUF001 - sentences end differently in every script

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from libs.shops.profile import ShopProfile
from libs.snapshot import Contact, Line
from services.lead.summary.claims import Claim, ClaimKind, claims_in, numbers_in, plain


class Grounds(msgspec.Struct, frozen=True):
    """What may be repeated."""

    addresses: frozenset[str]
    phones: frozenset[str]
    prices: frozenset[str]

    def hold(self, claim: Claim) -> bool:
        match claim.kind:
            case "phone":
                return not self.phones.isdisjoint(spellings(claim.said[0]))
            case "price":
                return self.prices.issuperset(claim.said)
            case _:
                return claim.said[0] in self.addresses


class Cleaned(msgspec.Struct, frozen=True):
    """A text without its made-up sentences."""

    text: str
    removed: tuple[ClaimKind, ...] = ()


def grounds_in(transcript: str, contacts: Iterable[Contact], profile: ShopProfile) -> Grounds:
    """Said in the conversation (as the model read it), or the shop's own."""
    text = plain(_LINE_NUMBER.sub("", transcript))
    own = grounds_of_shop(contacts, profile)
    claims = claims_in(text)
    return Grounds(
        addresses=own.addresses | _said(claims, "email") | _said(claims, "url"),
        phones=own.phones | _phones(_said(claims, "phone")),
        prices=_said(claims, "price") | {n for n in numbers_in(text) if not _YEAR.fullmatch(n)},
    )


def grounds_of_shop(contacts: Iterable[Contact], profile: ShopProfile) -> Grounds:
    """What a message to the customer may name: the shop and themselves, and never a price."""
    contacts = tuple(contacts)
    hosts = {origin.partition("://")[2] for origin in profile.origins}
    return Grounds(
        addresses=frozenset(hosts | {c.value.lower() for c in contacts if c.kind == "email"}),
        phones=_phones({*profile.own_phones, *(c.value for c in contacts if c.kind == "phone")}),
        prices=frozenset(),
    )


def cleaned(text: str, grounds: Grounds) -> Cleaned:
    """The sentences of `text` that claim nothing, or only what was said."""
    text = plain(text)
    made_up = [claim for claim in claims_in(text) if not grounds.hold(claim)]
    if not made_up:
        return Cleaned(" ".join(text.split()))
    kept = [
        text[start:end]
        for start, end in _sentences(text)
        if not any(claim.start < end and start < claim.end for claim in made_up)
    ]
    removed = tuple(claim.kind for claim in made_up)
    return Cleaned(" ".join(" ".join(kept).split()), removed)


def stated(fact: str, lines: Sequence[Line], numbers: Iterable[int], share: float = 1.0) -> bool:
    """Whether the lines it is said to rest on hold `share` of its words, and all its numbers."""
    cited = [lines[number - 1] for number in numbers if 0 < number <= len(lines)]
    if not any(line.speaker == "customer" for line in cited):
        return False
    said = _folded(" ".join(line.text for line in cited if line.speaker != "note"))
    words = _WORD.findall(_folded(fact))
    if not words:
        return False
    known = set(_WORD.findall(said))
    run_together = "".join(_WORD.findall(said))
    held = [word for word in words if _holds(word, known, run_together)]
    numbers_held = all(word in held for word in words if word.isdecimal())
    return numbers_held and len(held) >= share * len(words)


def spellings(number: str) -> set[str]:
    """A number with and without what one dials before it."""
    digits = re.sub(r"[^0-9a-z]", "", number.partition(";")[0].lower())
    short = re.sub(r"^(?:00|011)", "", digits)
    return {digits, short, short.removeprefix("1"), short.removeprefix("0")}


_LINE_NUMBER: Final = re.compile(r"^\[\d+\] ", re.MULTILINE)
_YEAR: Final = re.compile(r"19[3-9]\d|20[0-4]\d")
"""`2016` in a car's name is no ground for `$2016`."""
_SENTENCE_END: Final = re.compile(r"[.!?؟।]+[\s\"')\]]+|[。！？]+|\n+")
_WORD: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]|[^\W_]+")
"""A word, or one character of a script that writes without spaces."""
_STEM: Final = 4


def _holds(word: str, known: set[str], run_together: str) -> bool:
    if word in known or (len(word) == 1 and not word.isascii() and word in run_together):
        return True
    if word.isdecimal() or len(word) < _STEM:
        return False
    stem = word[: max(_STEM, len(word) - 3)]
    return word in run_together or any(other.startswith(stem) for other in known)


def _folded(text: str) -> str:
    """Case, accents and width aside."""
    bare = unicodedata.normalize("NFKD", plain(text)).casefold()
    return "".join(c for c in bare if not unicodedata.combining(c))


def _sentences(text: str) -> Iterable[tuple[int, int]]:
    start = 0
    for end in _SENTENCE_END.finditer(text):
        yield start, end.end()
        start = end.end()
    yield start, len(text)


def _said(claims: Iterable[Claim], kind: ClaimKind) -> frozenset[str]:
    return frozenset(said for claim in claims if claim.kind == kind for said in claim.said)


def _phones(numbers: Iterable[str]) -> frozenset[str]:
    return frozenset(spelling for number in numbers for spelling in spellings(number))
