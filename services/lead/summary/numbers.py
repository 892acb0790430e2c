"""Every number that a text names, in digits or in words: what nobody said may not be repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec


class Number(msgspec.Struct, frozen=True):
    start: int
    end: int
    said: str
    counted: bool
    """`3 years`, `12 photos`."""
    small: bool
    """One digit: it numbers a list, or a few."""


def numbers_in(text: str) -> Iterator[Number]:
    """In a `plain` text with its digits read."""
    for match in _CLOCK_OR_DIGITS.finditer(text):
        if digits := match["digits"]:
            yield _number(match, digits if digits.isdecimal() else sum_of(digits))
    for match in _WORDS.finditer(text):
        yield _number(match, _read(match[0].lower()))


def _number(match: re.Match[str], said: str) -> Number:
    start, end = match.span()
    counted = _COUNTED.match(match.string, end) is not None
    small = len(said) == 1 and not _PERCENT.match(match.string, end)
    return Number(start, end, said, counted, small)


def is_year(number: str) -> bool:
    return _YEAR.fullmatch(number) is not None


def sum_of(number: str) -> str:
    """`1.200,50` → `1200.50`, `1,200.00` → `1200`, `1.5k` → `1500`."""
    thousands = number.rstrip(" ")[-1:].lower() == "k"
    digits = re.sub(r"[^\d.,]", "", number).strip(".,")
    whole, cents = digits, ""
    if split := re.fullmatch(r"(.*)[.,](\d{1,2})", digits):
        whole, cents = split[1], split[2]
    whole = re.sub(r"\D", "", whole).lstrip("0") or "0"
    if thousands:
        return str(int(whole[:9]) * 1000 + int((cents + "000")[:3] if cents else 0))
    return f"{whole}.{cents.ljust(2, '0')}" if cents.strip("0") else whole


def _read(words: str) -> str:
    """`sixty-six thousand` → `66000`, `twenty sixteen` → `2016`, `four fifty` → `450`."""
    read, whole, part = "", 0, 0
    for word in _WORD.findall(words):
        value, times = _VALUES.get(word, 0), _TIMES.get(word, 1)
        if times == _HUNDRED:
            part = (part or 1) * times
        elif times > 1:
            whole, part = whole + (part or 1) * times, 0
        elif word in _VALUES:
            room = 1000 if value >= _HUNDRED else _HUNDRED if value >= _TEN else _TEN
            if part % room:
                read, whole, part = read + str(whole + part), 0, 0
            part += value
    return read + str(whole + part)


_TEN: Final = 10
_HUNDRED: Final = 100
_UNITS: Final = (
    "zero cero", "one uno", "two dos", "three tres", "four cuatro", "five cinco", "six seis",
    "seven siete", "eight ocho", "nine nueve", "ten diez", "eleven once", "twelve doce",
    "thirteen trece", "fourteen catorce", "fifteen quince", "sixteen dieciséis", "seventeen",
    "eighteen", "nineteen",
)  # fmt: skip
_TENS: Final = (
    "twenty veinte", "thirty treinta", "forty cuarenta", "fifty cincuenta", "sixty sesenta",
    "seventy setenta", "eighty ochenta", "ninety noventa",
)  # fmt: skip
_HUNDREDS: Final = (
    "cien ciento", "doscientos", "trescientos", "cuatrocientos", "quinientos", "seiscientos",
    "setecientos", "ochocientos", "novecientos",
)  # fmt: skip
_VALUES: Final = {
    word: value * size
    for first, size, table in ((0, 1, _UNITS), (2, _TEN, _TENS), (1, _HUNDRED, _HUNDREDS))
    for value, words in enumerate(table, first)
    for word in words.split()
}
_TIMES: Final = {"hundred": 100, "thousand": 1000, "grand": 1000, "mil": 1000}
_WORD: Final = re.compile(r"[^\W\d_]+")
_VALUE: Final = f"(?:{'|'.join(_VALUES)})"
_VALUE_OR_TIMES: Final = f"(?:{'|'.join((*_VALUES, *_TIMES))})"
_WORDS: Final = re.compile(
    rf"(?<!\w){_VALUE}(?:[\s-]+(?:(?:and|y)\s+)?{_VALUE_OR_TIMES}(?!\w)){{0,8}}(?!\w)",
    re.IGNORECASE,
)
"""Begun by a value: `mil gracias`, a `grand` touring model."""
_CLOCK_OR_DIGITS: Final = re.compile(
    r"(?<![\d:])(?:[01]?\d|2[0-3]):[0-5]\d(?![\d:])|(?P<digits>\d(?:[\d.,']*\d)?(?:\s?k(?![a-z\d]))?)",
    re.IGNORECASE,
)
_PERCENT: Final = re.compile(r"\s?(?:%|percent|por ciento)", re.IGNORECASE)
YEAR: Final = r"19[3-9]\d|20[0-4]\d"
"""`2016` in a car's name is no ground for `$2016`."""
_YEAR: Final = re.compile(YEAR)
COUNTED: Final = (
    r"(?:\s?(?:-|to|a|or|o)\s?\d{1,2})?"
    r"(?:(?:(?:st|nd|rd|th)|[\s-]*(?:lbs?|oz|ways?|digits?|characters?|miles?|mi|kms?|years?|yrs?|months?|weeks?|days?|hours?|hrs?"
    r"|min(?:ute)?s?|inch(?:es)?|feet|ft|cm|mm|yards?|seats?|doors?|pieces?|rows?|photos?|pictures?|pics?"
    r"|cushions?|chairs?|panels?|people|a\.?m|p\.?m|años?|meses|semanas?|días?|horas?|minutos?|millas"
    r"|asientos?|fotos?|cojines|sillas?|ans|mois|anos))(?![a-z])"
    r"|[\s-]*(?:лет|год\w*|年|月|日|天|岁|個|个|张|張|把|号|號|小时|小時|分钟|分鐘|点|點|年型|년|개|살|장|일|월))"
)
_COUNTED: Final = re.compile(COUNTED, re.IGNORECASE)
