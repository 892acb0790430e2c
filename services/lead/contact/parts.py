"""Corrections that say only a part again: the last digits, the area code, where the mail is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from services.lead.contact.corrections import correction_in
from services.lead.contact.folding import Found
from services.lead.contact.providers import BRANDS, distance, is_slip
from services.lead.contact.taken_back import Kind
from services.lead.contact.words import (
    APOLOGY,
    AREA_CODE,
    CORRECTS,
    ENDS,
    LAST_DIGITS,
    NAMES_A_WAY,
    NO_MORE_THAN_SAYING,
    SORRY,
)

_SHORT: Final = 200
"""Who corrects a few characters says little else."""
_NEAR: Final = 60
_END: Final = re.compile(r"(?<![A-Za-z\d_$#.,/-])\d{4}(?![A-Za-z\d_/-])")
_THING: Final = re.compile(
    r"\b(?:vin|card|ssn|social|claim|policy|plate|tag|order|invoice|serial|part|account|zip|model|"
    r"warranty|lease|loan|contract|quote|garant[ií]a|presupuesto|contrato|"
    r"tarjeta|placa|p[oó]liza|factura|pedido|serie|cuenta|tracking|passport|licen[cs]e|imei)\b|"
    r"车架|車架|订单|訂單|卡号|卡號|发票|發票",
    re.IGNORECASE,
)
"""What else ends in four digits, as people say it; fewer than what a long number may name."""
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_NUMBER: Final = re.compile(
    r"(?:\b(?:number|phone|cell|mobile|n[uú]mero|tel[eé]fono|celular|telefone|nummer)|номер|số)\W*$",
    re.IGNORECASE,
)
_SENTENCE: Final = re.compile(r"[.!?\n]\s*")
_CLAUSE: Final = re.compile(r"[^.,;!?\n]*")
_ASKED: Final = re.compile(r"[^.,;!?\n]*\?")
"""`Are they 0188?`; but `they are 0188, ok?` tells."""
_MARKS: Final = " ,;:)*-"
_NOT_THE_OLD: Final = re.compile(r"(?:not|no) [2-9]\d\d\b", re.IGNORECASE)
_NOT_OLD_END: Final = re.compile(
    r"\b(?:not|no)(?: es| era)? (\d{4})(?:,| but| sino)(?: it'?s| es| but| sino)* $", re.IGNORECASE
)
_IS: Final = re.compile(r"\b(?:is|be|es|là|ist)\b|是|는", re.IGNORECASE)
_OTHER_AREA: Final = re.compile(
    r"\b([2-9]\d\d),? (?:and )?(?:not|no) (\d{3})\b|\bnot (\d{3}),? (?:but |it'?s )?([2-9]\d\d)\b",
    re.IGNORECASE,
)
_DOMAIN: Final = re.compile(
    r"[\s*]*(?:(?:sorry|oops|no|i mean[t]?|it'?s|perd[oó]n)[\s,.:!]*){0,3}@?"
    r"([a-z0-9-]{2,40}(?:\.[a-z0-9-]{2,20}){0,2})[\s*.!]*",
    re.IGNORECASE,
)


def said_again(text: str, last: Mapping[Kind, Found]) -> tuple[Kind, Found] | None:
    """The value given last with this part of it put right, where [start, end) names the part."""
    if len(text) > _SHORT:
        return None
    if (phone := last.get("phone")) and (right := _area(text, phone) or _end(text, phone)):
        return "phone", right
    if (email := last.get("email")) and (right := _domain(text, email)):
        return "email", right
    return None


def _end(text: str, last: Found) -> Found | None:
    """`No, it's 0181`: one slip away, and no year. `Last four are 0181`: whatever they were."""
    number = last.value.partition(";")[0]
    if not last.shown.endswith(number[-4:]):
        return None
    for found in _END.finditer(text):
        start, end = found.span()
        called = _is_called_end(text[max(0, start - _NEAR) : start], found[0])
        said_of = text[max(0, start - _NEAR) : start] + _CLAUSE.findall(text, end)[0]
        named = called and not _THING.search(said_of)
        near = distance(number[-4:], found[0]) == 1 and not _YEAR.fullmatch(found[0])
        kind: Kind = "phone"
        surely = near and correction_in(text, start, end, kind=kind, since=0) == "surely"
        corrects = named or surely or _stands_for(text, number[-4:], found)
        if corrects and not _ASKED.match(text, end):
            return _put(last, number[:-4] + found[0], last.shown[:-4] + found[0], found.span())
    return None


def _stands_for(text: str, old: str, found: re.Match[str]) -> bool:
    """`Not 1234, 1243`; the years of two cars are no ends."""
    named = _NOT_OLD_END.search(text, 0, found.start())
    return named is not None and named[1] == old and not _YEAR.fullmatch(found[0])


def _is_called_end(before: str, digits: str) -> bool:
    """What is a year needs more words than `the last 4 are`."""
    is_year = _YEAR.fullmatch(digits) is not None
    if LAST_DIGITS.search(before):
        return not is_year or NAMES_A_WAY.search(before) is not None
    ends = ENDS.search(before)
    if ends is None or is_year:
        return False
    whose = before[: ends.start()]
    return SORRY.search(whose) is not None or _NUMBER.search(whose) is not None


def _area(text: str, last: Found) -> Found | None:
    """`The area code is 650`, `it's 650 not 408`; of a number of ten digits."""
    if not last.value.startswith("+1"):
        return None
    old, new, span = last.value[2:5], "", (0, 0)
    if (named := AREA_CODE.search(text)) and _is_said_of_it(text, named, last):
        new, span = named[named.lastindex or 0], named.span()
    elif other := _OTHER_AREA.search(text):
        new, wrong = (other[1], other[2]) if other[1] else (other[4], other[3])
        new, span = (new if wrong == old else ""), other.span()
    if not new or new == old or _ASKED.match(text, span[1]):
        return None
    shown = last.shown.replace(old, new, 1)
    return _put(last, f"+1{new}{last.value[5:]}", shown, span)


def _is_said_of_it(text: str, named: re.Match[str], last: Found) -> bool:
    """Nothing else is said; and a number that had its own takes more than `area code 650`."""
    before = _SENTENCE.split(text[: named.start()])[-1]
    after = _SENTENCE.split(text[named.end() :])[0].strip(_MARKS)
    cues = [found.end() for cue in (CORRECTS, APOLOGY) for found in cue.finditer(before)]
    if NO_MORE_THAN_SAYING.fullmatch(before, max(cues, default=0)) is None:
        return False
    if cues or any(cue.match(after) for cue in (CORRECTS, APOLOGY, _NOT_THE_OLD)):
        return True
    return not after and bool(last.doubt or _IS.search(named[0]))


def _domain(text: str, last: Found) -> Found | None:
    """`gmail*` after `bob@gmal.com`."""
    said = _DOMAIN.fullmatch(text)
    if said is None:
        return None
    local, _, old = last.value.partition("@")
    domain = said[1].lower()
    domain = f"{domain}.com" if domain in BRANDS else domain
    if domain == old or not is_slip(old, domain):
        return None
    return _put(last, f"{local}@{domain}", f"{local}@{domain}", said.span(1))


def _put(last: Found, value: str, shown: str, span: tuple[int, int]) -> Found:
    return msgspec.structs.replace(
        last, value=value, shown=shown, start=span[0], end=span[1], doubt=None
    )
