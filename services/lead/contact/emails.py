"""Email addresses in what a customer wrote, each with the doubt a careful reader would have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from services.lead.contact.doubts import Doubt
from services.lead.contact.folding import Found
from services.lead.contact.providers import (
    BRANDS,
    COUNTRY_ENDINGS,
    ENDINGS,
    FILE_ENDINGS,
    begins_sentence,
    doubt_about,
)
from services.lead.contact.said_emails import goes_on_as_said, said_emails, tidy

MOST_LOOKED_AT: Final = 60
"""Per message; nobody has sixty addresses."""
_NEAR: Final = 100

_LOCAL: Final = r"A-Za-z0-9\u00c0-\u024f._%+'&-"
"""ASCII, and é as in a typed josé@…; never the Chinese word before it."""
_TYPED: Final = re.compile(
    rf"(?<![{_LOCAL}])([{_LOCAL}]{{1,64}}+)@{{1,2}}+"
    r"((?:[A-Za-z0-9][A-Za-z0-9-]{0,62}+\.){1,8}[A-Za-z]{2,24}"
    rf"|(?:{'|'.join(BRANDS)})(?:com)?(?![A-Za-z0-9-]|\.[A-Za-z]))",
    re.IGNORECASE,
)
_LABEL: Final = re.compile(r"(?:e-?mail|correo)-+|[.\-'&%]+", re.IGNORECASE)
"""What is glued on before an address and no part of it."""
_GLUED: Final = frozenset({"com", "net", "org", "edu"})
"""After these only a country may follow; anything else is the next sentence."""
_SENTENCE_GLUED_ON: Final = re.compile(r"(?<=\.(?:com|net|org|edu))[A-Z][A-Za-z]*\Z")
"""`gmail.comCall me`."""
_NO_COUNTRY: Final = frozenset({"gmail", "icloud", "aol"})


def find_emails(text: str) -> list[Found]:
    """In order of appearance, none inside another."""
    found: list[Found] = []
    lowered = text.lower() if len(text.lower()) == len(text) else text
    if "@" in text:
        for match in islice(_TYPED.finditer(text), MOST_LOOKED_AT):
            found += _typed(text, lowered, match)
    for one in said_emails(text, lowered):
        if not any(one.start < other.end and other.start < one.end for other in found):
            found.append(one)
    return sorted(found, key=lambda one: one.start)


def _typed(text: str, lowered: str, found: re.Match[str]) -> Iterator[Found]:
    start, at = found.start(), found.end(1)
    if label := _LABEL.match(text, start, at):
        start = label.end()
    written, domain = text[start:at].rstrip("'"), _SENTENCE_GLUED_ON.sub("", found[2]).lower()
    local, doubt = tidy(written)
    if not local or _in_page_address(text, start):
        return
    if "." not in domain:
        if goes_on_as_said(lowered, at):
            return  # `maria@gmail dot com`: read as said
        domain, doubt = f"{domain.removesuffix('com')}.com", Doubt("written_as", (found[0],))
    name = _without_next_sentence(domain)
    end = min(found.end(), found.start(2) + len(name))
    if domain.rpartition(".")[2] in FILE_ENDINGS:
        return
    if not local.isascii():
        doubt = doubt or Doubt("accented")
    if found.start(2) - at > 1:
        doubt = doubt or Doubt("doubled_at")
    value = f"{local}@{name}"
    yield Found(value, value, start, end, doubt or doubt_about(name))


def _in_page_address(text: str, start: int) -> bool:
    token = text[max(0, start - _NEAR) : start].rpartition(" ")[2]
    return "://" in token or "www." in token


def _without_next_sentence(domain: str) -> str:
    """`yahoo.com.mx` stays; `example.com.thanks` and `gmail.com.my` end at com."""
    labels = domain.split(".")
    for place, label in enumerate(labels[1:-1], 1):
        rest = labels[place + 1 :]
        foreign = len(rest) == 1 and rest[0] in COUNTRY_ENDINGS
        glued = label in _GLUED and not (foreign and labels[place - 1] not in _NO_COUNTRY)
        if glued or (label in ENDINGS and begins_sentence(rest[0])):
            return ".".join(labels[: place + 1])
    return domain
