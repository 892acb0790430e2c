"""Email addresses that were said or spaced out: `maria dot lopez at gmail dot com`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from services.lead.contact.doubts import Doubt
from services.lead.contact.folding import Found
from services.lead.contact.providers import BRANDS, doubt_about, is_ending, is_provider
from services.lead.contact.words import EMAIL_CUE

MOST_LOOKED_AT: Final = 60
_NEAR: Final = 100

_AT_WORDS: Final = "arroba|arobase|собака|a còng|艾特|アットマーク|アット|골뱅이|آت|ات"
_AT: Final = rf"(?:at(?:[ -](?:sign|symbol))?|{_AT_WORDS})"
_DOT_WORDS: Final = "dot|punto|ponto|point|punkt|точка|chấm|cham|点|點|ドット|점|닷|titik|نقطة|نقطه"
_HINTS: Final = ("@", " at ", "at)", "at]", "at}", "at>", "at )", "at ]", "(a)", "[a]",
          *_AT_WORDS.split("|"))  # fmt: skip
_DOT: Final = (
    rf"(?: ?[(\[{{<] ?(?:\.|{_DOT_WORDS}) ?[)\]}}>] ?| (?:{_DOT_WORDS}) | ?[.,] ?|"
    r" ?(?:点|點|ドット|점|닷) ?| (?=com(?![a-z0-9])))"
)
_COM: Final = {"컴": "com", "コム": "com", "ком": "com"}
_ENDING: Final = rf"(?:[a-z]{{2,24}}+|{'|'.join(_COM)})"
_SAID: Final = re.compile(
    rf"([(\[{{<] ?(?:@|{_AT}|a) ?[)\]}}>] ?| {_AT} |@ ?|"
    r"艾特|アットマーク|アット|골뱅이)"
    rf"(g mail|hot mail|[a-z0-9-]{{2,63}}+)((?:{_DOT}{_ENDING}){{1,2}}|$|(?=[,;!?\n]))"
)
"""For lower-case text."""
_ENDING_PART: Final = re.compile(rf"({_DOT})({_ENDING})")
_JOINS: Final = {
    ".": ("dot", "punto", "ponto", "point", "punkt", "точка", "chấm", "period", "titik",
          "(dot)", "[dot]", "(.)", "[.]", "(punto)", "."),
    "_": ("underscore", "underline", "bajo", "baixo", "unterstrich", "_"),
    "-": ("dash", "hyphen", "guion", "guión", "minus", "tiret", "bindestrich", "-"),
    "+": ("plus",),
}  # fmt: skip
_JOIN: Final = {word: mark for mark, words in _JOINS.items() for word in words}
_BEFORE_NAME: Final = frozenset(":=\"'([<,;")
_UNSPACED: Final = "\u3040"
"""From here on, scripts that set no space before it."""
_LAST_NAME: Final = re.compile(r"[A-Za-z0-9._+-]*\Z")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*", re.ASCII)
_NO_NAME: Final = frozenset({
    "me", "us", "him", "her", "them", "you", "we", "i", "im", "i'm", "it", "is", "are", "was", "am",
    "be", "look", "looking", "work", "working", "here", "there", "at", "or", "and", "the", "a",
    "an", "in", "on", "email", "mail", "reach", "contact", "stop", "arrive", "shop", "only", "just",
    "back", "home", "good", "located", "available", "meet", "stay", "aim", "not", "correo", "es",
    "mi", "en", "el", "la", "ist", "est", "mein", "meine", "meu", "minha", "mon", "ma", "saya",
    "adalah", "ang", "ay", "ko",
})  # fmt: skip
"""Words before `at` that are nobody's name: `reach me at ...`."""
_CUE_BEFORE: Final = re.compile(
    r"(?:\bit'?s|e-?mail|mail|correo(?: electr[oó]nico)?|address|direcci[oó]n)"
    r"(?: address)?(?: (?:is|it's|its|es|é|would be))?[: ]*$",
    re.IGNORECASE,
)
_MOST_FIRST_NAMES: Final = 3
_DOTS: Final = re.compile(r"\.{2,}")
_NEXT_SENTENCE: Final = re.compile(r"[.,] ")
_BRACKETED_DOT: Final = re.compile(rf"[(\[{{<](?:\.|{_DOT_WORDS})[)\]}}>]", re.IGNORECASE)
_WITHOUT_AT: Final = re.compile(
    r"(?<![a-z0-9_.+#@/-])([a-z0-9][a-z0-9._+-]{1,40})( ?# ?| ?)"
    rf"((?:{'|'.join(BRANDS)})\.(?:com|net))(?![a-z0-9_-])"
)
"""For lower-case text."""


def said_emails(text: str, lowered: str) -> Iterator[Found]:
    if any(hint in lowered for hint in _HINTS):
        for found in islice(_SAID.finditer(lowered), MOST_LOOKED_AT):
            yield from _said(text, found)
    if any(f"{brand}." in lowered for brand in BRANDS):
        for found in islice(_WITHOUT_AT.finditer(lowered), MOST_LOOKED_AT):
            yield from _without_at(text, found)


def goes_on_as_said(lowered: str, at: int) -> bool:
    """`maria@gmail dot com`: the typed half is not the whole."""
    found = _SAID.match(lowered, at)
    return found is not None and bool(found[3])


def tidy(local: str) -> tuple[str, Doubt | None]:
    """`bob.` and `j..doe` are refused by mail servers: a dot too much, and a doubt."""
    name = _DOTS.sub(".", local).strip(".")
    return name, None if name == local else Doubt("written_as", (f"{local}@",))


def _without_at(text: str, found: re.Match[str]) -> Iterator[Found]:
    """`bob#gmail.com`, `my email is bob gmail.com`."""
    name, mark, domain = found.groups()
    cued = _CUE_BEFORE.search(text[max(0, found.start() - 40) : found.start()])
    if name not in _NO_NAME and (cued or "#" in mark):
        start, end = found.span()
        value = f"{tidy(text[start : found.end(1)])[0]}@{domain}"
        yield Found(value, value, start, end, Doubt("written_as", (text[start:end],)))


def _said(text: str, found: re.Match[str]) -> Iterator[Found]:
    domain, end, doubt = _said_domain(found)
    if not domain:
        return
    bracketed = found[1].strip()[:1] in {"(", "[", "{", "<"}
    cued = EMAIL_CUE.search(text, max(0, found.start() - _NEAR), found.end() + _NEAR) is not None
    local, start, unsure = _said_local(text, found.start())
    spelled = "." in local and "." not in text[start : found.start()]
    believed = bracketed or cued or spelled or is_provider(domain) or doubt_about(domain)
    if local and believed:
        value = f"{local}@{domain}"
        yield Found(value, value, start, end, doubt or unsure or doubt_about(domain))


def _said_domain(found: re.Match[str]) -> tuple[str, int, Doubt | None]:
    """As much of it as ends in something people have mail at."""
    name = found[2].replace(" ", "")
    parts = list(_ENDING_PART.finditer(found[3]))
    if len(parts) > 1 and _NEXT_SENTENCE.fullmatch(parts[1][1]):
        parts.pop()
    while parts:
        endings = ".".join(_COM.get(part[2], part[2]) for part in parts)
        if is_ending(endings):
            end = found.start(3) + parts[-1].end()
            comma = any("," in part[1] for part in parts)
            doubt = Doubt("written_as", (f"{found[2]}{found[3]}",)) if comma else None
            return f"{name}.{endings}", end, doubt
        parts.pop()
    if name in BRANDS:
        return f"{name}.com", found.end(2), Doubt("no_ending", (name,))
    return "", 0, None


def _said_local(text: str, end: int) -> tuple[str, int, Doubt | None]:
    """Read backwards from the at: `maria dot lopez`, `m a r i a`, `maria guion bajo l`."""
    floor = max(text.rfind("\n", 0, end) + 1, end - _NEAR)
    words = [(word[0], floor + word.start()) for word in re.finditer(r"\S+", text[floor:end])]
    if not words:
        return "", 0, None
    local, start = _last_word(words)
    if not local or local.lower() in _NO_NAME:
        return "", 0, None
    parts, spelled = [local], len(local) == 1
    while words:
        mark = _JOIN.get(words[-1][0].lower())
        if mark and len(words) > 1:
            words.pop()
            if words[-1][0].lower() in {"guion", "guión", "underscore"} and len(words) > 1:
                words.pop()
        elif not (spelled and len(words[-1][0]) == 1):
            break
        if not _NAME.fullmatch(words[-1][0]):
            break
        word, start = words.pop()
        parts[:0] = [word, mark or ""]
        spelled = len(word) == 1
    return _with_first_names(text, words, "".join(parts), start)


def _last_word(words: list[tuple[str, int]]) -> tuple[str, int]:
    """With the name that a number of its own belongs to: `smith 22`."""
    word, start = words.pop()
    if word.lower() in _NO_NAME:  # `I'm`, before its quote is a mark
        return "", start
    word = _BRACKETED_DOT.sub(".", word)
    local = _name_at_end(word)
    start += len(word) - len(local)
    if local.isdecimal() and words and _is_first_name(words[-1][0]):
        word, start = words.pop()
        local = word + local
    return tidy(local)[0], start


def _is_first_name(word: str) -> bool:
    return word.isalpha() and word.isascii() and word.lower() not in _NO_NAME | _JOIN.keys()


def _name_at_end(word: str) -> str:
    """All of it, or what follows a mark or a script without spaces."""
    at = next(_LAST_NAME.finditer(word)).start()
    before = word[at - 1 : at]
    led_in = not before or before in _BEFORE_NAME or before >= _UNSPACED
    return word[at:] if led_in and _NAME.fullmatch(word[at:]) else ""


def _with_first_names(
    text: str, words: list[tuple[str, int]], local: str, start: int
) -> tuple[str, int, Doubt | None]:
    """`my email is maria lopez at gmail dot com`: all words after the cue, joined, with a doubt."""
    joined = local
    for word, begins in reversed(words[-_MOST_FIRST_NAMES:]):
        if not _NAME.fullmatch(word) or word.lower() in _NO_NAME or word.lower() in _JOIN:
            break
        joined = word + joined
        if _CUE_BEFORE.search(text[max(0, begins - 40) : begins]):
            return joined, begins, Doubt("spaced")
    return local, start, None
