"""Corrections that say only a part again: the last digits, the area code, where the mail is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from services.lead.contact.corrections import correction_in
from services.lead.contact.folding import Found
from services.lead.contact.providers import BRANDS, distance, is_slip
from services.lead.contact.words import AREA_CODE, LAST_DIGITS

Kind = Literal["phone", "email"]

_SHORT: Final = 200
"""Who corrects a few characters says little else."""
_NEAR: Final = 60
_END: Final = re.compile(r"(?<![\w$#.,/-])\d{4}(?![\w/-])")
_THING: Final = re.compile(
    r"\b(?:vin|card|ssn|social|claim|policy|plate|tag|order|invoice|serial|part|account|zip|model|"
    r"tarjeta|placa|p[oó]liza|factura|pedido|serie)\b|车架|車架|订单|卡号",
    re.IGNORECASE,
)
"""What else ends in four digits."""
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
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
        before = text[max(0, start - _NEAR) : start]
        named = LAST_DIGITS.search(before) and not _THING.search(text)
        near = distance(number[-4:], found[0]) == 1 and not _YEAR.fullmatch(found[0])
        if named or (near and correction_in(text, start, end, since=0) == "surely"):
            return _put(last, number[:-4] + found[0], last.shown[:-4] + found[0], found.span())
    return None


def _area(text: str, last: Found) -> Found | None:
    """`The area code is 650`, `it's 650 not 408`; of a number of ten digits."""
    if not last.value.startswith("+1"):
        return None
    old, new, span = last.value[2:5], "", (0, 0)
    if named := AREA_CODE.search(text):
        new, span = named[named.lastindex or 0], named.span()
    elif other := _OTHER_AREA.search(text):
        new, wrong = (other[1], other[2]) if other[1] else (other[4], other[3])
        new, span = (new if wrong == old else ""), other.span()
    if not new or new == old:
        return None
    shown = last.shown.replace(old, new, 1)
    return _put(last, f"+1{new}{last.value[5:]}", shown, span)


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
        last, value=value, shown=shown, start=span[0], end=span[1], doubt=""
    )
