"""Email addresses in a line, as typed, spaced out, spelled or said (`maria at gmail dot com`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from services.lead.contact_words import EMAIL_CUE
from services.lead.providers import (
    COUNTRY_ENDINGS,
    ENDINGS,
    FILE_ENDINGS,
    PROVIDERS,
    doubt_about,
    is_provider,
)


class Found(msgspec.Struct, frozen=True):
    """A value at [start, end) of a row."""

    value: str
    shown: str
    start: int
    end: int
    doubt: str = ""


_BRANDS: Final = frozenset(name.partition(".")[0] for name in PROVIDERS[:8])
"""`maria@gmail` is understood."""
_GLUED: Final = frozenset({"com", "net", "org", "edu"})
"""After these only a country may follow; anything else is the next sentence."""
_MORE_LOCAL: Final = frozenset("._%+-'&")
_LONGEST_LOCAL: Final = 64
_LONGEST_DOMAIN: Final = 255
_DOMAIN: Final = re.compile(r"[A-Za-z0-9-]{1,63}+(?:\.[A-Za-z0-9-]{1,63}+){0,8}", re.ASCII)
_ENDING: Final = re.compile(r"[A-Za-z]{2,24}", re.ASCII)
_COMMA: Final = re.compile(
    r"\s?,\s?(com|net|org)\b|\s\.\s?(com|net|org)\b|\.\s(com|net|org)\b", re.I
)

_AT_SIGN_WORDS: Final = "at|arroba|arobase|собака|a còng|艾特|アットマーク|アット|골뱅이|آت|ات"
_DOT_WORDS: Final = "dot|punto|ponto|point|точка|chấm|cham|点|點|ドット|점|닷|titik|نقطة|نقطه"
_AT: Final = re.compile(
    rf" ?[(\[{{<] ?(?:@|{_AT_SIGN_WORDS}|a) ?[)\]}}>] ?| (?:{_AT_SIGN_WORDS}) | @ ?|@ "
    r"|(?<=[a-z0-9])AT(?=[a-z])|(?:艾特|アットマーク|アット|골뱅이)",
    re.IGNORECASE,
)
_DOT: Final = rf"(?: ?[(\[{{<] ?(?:\.|{_DOT_WORDS}) ?[)\]}}>] ?| (?:{_DOT_WORDS}) |[.,] ?| \. ?|点|點|ドット|점|닷)"
_SAID_DOMAIN: Final = re.compile(
    rf"([A-Za-z0-9-]{{2,63}}+)((?:{_DOT}[A-Za-z]{{2,24}}+){{1,2}})", re.I
)
_SAID_DOT: Final = re.compile(_DOT, re.IGNORECASE)
_JOINS: Final = {
    "dot": ".", "punto": ".", "ponto": ".", "point": ".", "точка": ".", "chấm": ".", "period": ".",
    "(dot)": ".", "[dot]": ".", "titik": ".", ".": ".", "underscore": "_", "guionbajo": "_",
    "underline": "_", "_": "_", "dash": "-", "hyphen": "-", "guion": "-", "guión": "-",
    "minus": "-", "-": "-", "plus": "+", "(.)": ".", "[.]": ".", "(punto)": ".",
}  # fmt: skip
_NAME_PART: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*", re.ASCII)
_NO_NAME: Final = frozenset(
    "me us him her them you we i im i'm it is are was am be look looking work working here there at"
    " or and the a an in on email mail reach contact him stop arrive shop only just back home good"
    " located available meet stay aim not correo es mi en el la".split()
)
_AFTER_CUE: Final = re.compile(
    r"(?:e-?mail|mail|correo(?: electr[oó]nico)?|address|direcci[oó]n)"
    r"(?: address)?(?: (?:is|it's|its|es|é|would be))?[:\s]*$",
    re.IGNORECASE,
)
_MOST_NAME_WORDS: Final = 3


def find_emails(row: str) -> list[Found]:
    """In order of appearance, none inside another."""
    found = list(_typed(row)) if "@" in row else []
    if "@" in row or _AT.search(row):
        taken = [(one.start, one.end) for one in found]
        found += [one for one in _said(row) if not _overlaps(one, taken)]
    return sorted(found, key=lambda one: one.start)


def _overlaps(one: Found, taken: list[tuple[int, int]]) -> bool:
    return any(one.start < end and start < one.end for start, end in taken)


def _typed(row: str) -> Iterator[Found]:
    at = row.find("@")
    while at >= 0:
        start = _local_start(row, at)
        domain = _DOMAIN.match(row, at + 1, at + 1 + _LONGEST_DOMAIN)
        if start < at and domain:
            yield from _judged(row, start, at, domain)
        at = row.find("@", at + 1)


def _local_start(row: str, at: int) -> int:
    start = at
    floor = max(0, at - _LONGEST_LOCAL)
    while start > floor and (_is_latin(row[start - 1]) or row[start - 1] in _MORE_LOCAL):
        start -= 1
    while start < at and row[start] in ".-'&%":
        start += 1
    return start


def _is_latin(char: str) -> bool:
    """ASCII letters and digits, and é as in a typed josé@…; never the next Chinese word."""
    return (char.isascii() and char.isalnum()) or "\u00c0" <= char <= "\u024f"


def _judged(row: str, start: int, at: int, domain: re.Match[str]) -> Iterator[Found]:
    local = row[start:at].rstrip("'")
    if local.endswith(".") or ".." in local:
        return
    name, end, doubt = _real_domain(row, domain)
    if not name:
        return
    if not local.isascii():
        doubt = doubt or "an accented letter is unusual in an address"
    value = f"{local}@{name}"
    yield Found(value, value, start, end, doubt or doubt_about(name))


def _real_domain(row: str, found: re.Match[str]) -> tuple[str, int, str]:
    """Lower case, its end, and a doubt; an empty name when it is none."""
    labels = found[0].lower().split(".")
    while labels and not labels[-1].strip("-"):
        labels.pop()
    if len(labels) < 2:  # noqa: PLR2004 - a name and an ending
        return _unfinished(row, found, labels)
    for place, label in enumerate(labels[1:-1], 1):
        if label in _GLUED and not _may_follow(labels[place - 1], labels[place + 1 :]):
            labels = labels[: place + 1]
            break
    ending = labels[-1]
    if not _ENDING.fullmatch(ending):
        ending = (_ENDING.match(ending) or [""])[0]
        if len(ending) < len("io"):
            return "", 0, ""
        labels[-1] = ending
    if ending in FILE_ENDINGS or any(label[0] == "-" or label[-1] == "-" for label in labels):
        return "", 0, ""
    name = ".".join(labels)
    return name, found.start() + len(name), ""


def _may_follow(brand: str, rest: list[str]) -> bool:
    """`yahoo.com.mx`, but `gmail.com.my` begins the next sentence."""
    return len(rest) == 1 and rest[0] in COUNTRY_ENDINGS and brand not in {"gmail", "icloud", "aol"}


def _unfinished(row: str, found: re.Match[str], labels: list[str]) -> tuple[str, int, str]:
    """`maria@gmail`, `maria@gmail,com`, `maria@gmail .com`."""
    if not labels:
        return "", 0, ""
    name = labels[0]
    if ending := _COMMA.match(row, found.end()):
        whole = f"{name}.{next(part for part in ending.groups() if part).lower()}"
        if is_provider(whole) or EMAIL_CUE.search(row):
            return whole, ending.end(), f"written as {found[0]}{ending[0]}"
    if name in _BRANDS:
        return f"{name}.com", found.end(), f"written as {found[0]}, without its ending"
    return "", 0, ""


def _said(row: str) -> Iterator[Found]:
    cued = EMAIL_CUE.search(row) is not None
    for at in _AT.finditer(row):
        domain = _SAID_DOMAIN.match(row, at.end())
        if not domain:
            continue
        endings = [part.lower() for part in _SAID_DOT.split(domain[2]) if part.strip()]
        name, end = domain[1].lower(), domain.end()
        if ".".join(endings) not in ENDINGS:
            if endings[0] not in ENDINGS:
                continue
            first = re.compile(rf"{_DOT}[A-Za-z]+", re.I).match(row, domain.end(1))
            endings, end = endings[:1], first.end() if first else end
        name = ".".join([name, *endings])
        bracketed = at[0].strip(" ")[:1] in {"(", "[", "{", "<"}
        if not (bracketed or cued or is_provider(name) or doubt_about(name)):
            continue
        local, start, doubt = _said_local(row, at.start())
        if local:
            value = f"{local}@{name}"
            yield Found(value, value, start, end, doubt or doubt_about(name))


def _said_local(row: str, end: int) -> tuple[str, int, str]:
    """Read backwards from the at-sign: `maria dot lopez`, `m a r i a`, `maria underscore l`."""
    words = [
        (found[0], found.start()) for found in re.finditer(r"\S+", row[max(0, end - 96) : end])
    ]
    offset = max(0, end - 96)
    if not words:
        return "", 0, ""
    last, start = words.pop()
    last = _trimmed(last)
    if not last or not _NAME_PART.fullmatch(last) or last.lower() in _NO_NAME:
        return "", 0, ""
    start += len(words and "") + _lead(row, offset + start, last)
    parts, single = [last], len(last) == 1
    while words:
        word, begins = words[-1]
        plain = word.strip(",\"'").lower()
        if plain in {"bajo", "baixo"} and len(words) > 1:
            words.pop()
            plain = "guionbajo"
        if plain in _JOINS and len(words) > 1 and _NAME_PART.fullmatch(words[-2][0]):
            words.pop()
            word, begins = words.pop()
            parts = [word, _JOINS[plain], *parts]
        elif single and len(word) == 1 and word.isalnum() and word.isascii():
            words.pop()
            parts = [word, *parts]
        else:
            break
        start, single = begins, len(word) == 1
    return _with_first_names(row, offset, words, parts, start)


def _trimmed(word: str) -> str:
    """Without what glued on to it: `email:maria` → `maria`."""
    return re.split(r"[:=\"'(\[<,;]", word)[-1]


def _lead(row: str, at: int, last: str) -> int:
    return max(0, row.find(last, at) - at)


def _with_first_names(
    row: str, offset: int, words: list[tuple[str, int]], parts: list[str], start: int
) -> tuple[str, int, str]:
    """`my email is maria lopez at gmail dot com`: all words after the cue, joined, with a doubt."""
    local = "".join(parts)
    for count in range(1, min(_MOST_NAME_WORDS, len(words)) + 1):
        taken = words[-count:]
        if not all(_NAME_PART.fullmatch(word) for word, _ in taken):
            break
        if any(word.lower() in _NO_NAME for word, _ in taken):
            break
        begins = taken[0][1]
        if _AFTER_CUE.search(row[: offset + begins][-40:]):
            joined = "".join(word for word, _ in taken) + local
            return joined, offset + begins, "said with a space: ask how it is spelled"
    return local, offset + start, ""
