"""Where a text names a phone, an email, a web address or a price, however it is disguised.

The same scanner reads the conversation and the model's words about it, so that the two compare.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Literal

import msgspec

from services.lead.contact.providers import BRANDS
from services.lead.contact.said_emails import said_emails
from services.lead.contact.spoken import spoken_digits
from services.lead.summary.claim_patterns import (
    AS_A_SUM,
    AT_WORD,
    DOT_WORD,
    EMAIL,
    EXTENSION,
    GIVEN,
    HUNDREDS,
    MONEY_SIGNS,
    MONEY_WORDS,
    OFF,
    PHONE,
    PRICE,
    PRICE_WORDS,
    SPEAKS_OF_MONEY,
    URL,
)
from services.lead.summary.numbers import Number, is_year, numbers_in, sum_of

ClaimKind = Literal["email", "url", "price", "phone", "number"]


class Claim(msgspec.Struct, frozen=True):
    kind: ClaimKind
    start: int
    end: int
    said: tuple[str, ...]
    """What is compared: lower-case address, digits of the phone, each sum of a price."""


def visible(text: str) -> str:
    """As a person reads it: without zero-width, bidi and control characters."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        "\n" if c in "\n\u2028\u2029" else " " if c == "\t" else c
        for c in unicodedata.normalize("NFC", text)
        if c in "\n\t\u2028\u2029" or unicodedata.category(c) not in _UNSEEN
    )


def plain(text: str) -> str:
    """As the scanner reads it: every disguise of a letter or digit as that letter or digit."""
    text = visible(text)
    return text if text.isascii() else "".join(map(compatible, text))


def compatible(character: str) -> str:
    """`⑴` → `(1)`: one by one, so that each place in a text is known in the other."""
    if character.isascii():
        return character
    return "" if _MARK.match(character) else unicodedata.normalize("NFKC", character)


def claims_in(text: str) -> list[Claim]:
    """In a text that is `plain` already; spans may overlap."""
    read = ascii_digits(text)
    lower = f" {read.lower()}"
    found = [
        Claim(finder.kind, match.start(), match.end(), finder.said(match))
        for finder in _FINDERS
        if any(map(lower.__contains__, finder.hints))
        for match in finder.pattern.finditer(read)
    ]
    return [*found, *_dictated(read)]


def other_numbers(text: str, claims: Iterable[Claim]) -> list[Number]:
    """In a `plain` text: those outside its `claims`."""
    read = ascii_digits(text)
    taken = bytearray(len(read))
    for claim in claims:
        taken[claim.start : claim.end] = b"\1" * (claim.end - claim.start)
    return [one for one in numbers_in(read) if not any(taken[one.start : one.end])]


def _dictated(text: str) -> Iterator[Claim]:
    """What the contact's own readers know of numbers and addresses that were said aloud."""
    for phone in spoken_digits(text):
        if len(phone.digits) >= _SHORTEST_PHONE:
            yield Claim("phone", phone.start, phone.end, (phone.digits,))
    lowered = text.lower()
    for at in range(0, len(text) if len(lowered) == len(text) else 0, _WINDOW):
        window = slice(at, at + _WINDOW + _LONGEST_ADDRESS)
        for one in said_emails(text[window], lowered[window]):
            yield Claim("email", at + one.start, at + one.end, (one.value.lower(),))


def ascii_digits(text: str) -> str:
    """Digits of every script as 0-9, in place."""
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.decimal(c)) if not c.isascii() and c.isdecimal() else _NUMERALS.get(c, c)
        for c in text
    )


def sums_in(text: str) -> Iterator[str]:
    """In a `plain` text that speaks of money: every number but those that count something else."""
    claims = claims_in(text)
    yield from (said for one in claims if one.kind == "price" for said in one.said)
    read = ascii_digits(text)
    for number in other_numbers(text, (one for one in claims if one.kind != "price")):
        if not (is_year(read[number.start : number.end]) or number.counted):
            yield sum_of(number.said)


def speaks_of_money(text: str) -> bool:
    return SPEAKS_OF_MONEY.search(text) is not None


_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_MARK: Final = re.compile(
    "[\u0300-\u036f\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f"
    "\U000e0100-\U000e01ef]"
)
"""A line through a digit, a keycap around it: no vowel of any script."""
_SHORTEST_PHONE: Final = 7
_WINDOW: Final = 300
"""`said_emails` looks at its first sixty only: no more fit in here."""
_LONGEST_ADDRESS: Final = 100
_NUMERALS: Final = dict(zip("〇零一二三四五六七八九", "00123456789", strict=True))


def _address(match: re.Match[str]) -> tuple[str, ...]:
    text = re.sub(AT_WORD, "@", match[0].lower())
    return (re.sub(r"\s", "", re.sub(DOT_WORD, ".", text)).replace("。", ".").strip("."),)


def _web_address(match: re.Match[str]) -> tuple[str, ...]:
    text = re.sub(r"\s", "", re.sub(DOT_WORD, ".", match[0].lower())).replace("。", ".")
    return (re.sub(r"^https?:/*", "", text).removeprefix("www.").rstrip("/.,;:!?)'\"]"),)


def _sums(match: re.Match[str]) -> tuple[str, ...]:
    said = match[0].lower()
    numbers = () if re.search(HUNDREDS, said) else re.findall(r"\d[\d.,']*(?:\s?k\b)?", said)
    return tuple(map(sum_of, numbers)) or (said,)


def _dialled(match: re.Match[str]) -> tuple[str, ...]:
    vanity = re.search(r"\d\W{0,2}[a-z]{3,}", match[0], re.IGNORECASE)
    return (re.sub(r"[\W_]" if vanity else r"\D", "", match[0]).lower(),)


def _extension(match: re.Match[str]) -> tuple[str, ...]:
    return (f"x{match[1]}",)


class _Finder(msgspec.Struct, frozen=True):
    kind: ClaimKind
    pattern: re.Pattern[str]
    said: Callable[[re.Match[str]], tuple[str, ...]]
    hints: tuple[str, ...]
    """Without one of these in a text the pattern cannot match, and need not be tried."""


_DOT_HINTS: Final = ("dot", "punto", "ponto", "point", "punkt")
_FINDERS: Final = (
    _Finder(
        "email",
        EMAIL,
        _address,
        ("@", "(", "[", "{", " com", " net", " org", *BRANDS, *_DOT_HINTS),
    ),
    _Finder(
        "url",
        URL,
        _web_address,
        (".", "。", ":", "/", ",", "•", "](", "localhost", "http", *_DOT_HINTS),
    ),
    _Finder(
        "price",
        PRICE,
        _sums,
        (
            *MONEY_SIGNS,
            *MONEY_WORDS,
            " rs",
            " rp",
            " rm",
            *PRICE_WORDS,
            *OFF,
            *AS_A_SUM,
            *GIVEN,
            " it for ",
        ),
    ),
    _Finder("phone", PHONE, _dialled, tuple("0123456789")),
    _Finder(
        "phone",
        EXTENSION,
        _extension,
        ("x", "#", "ramal", "anexo", "poste", "доб", "分机", "分機", "内線", "내선"),
    ),
)
