"""What stands around a number tells whether it is a phone: or an order, a price, a file, a VIN."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from services.lead.contact.doubts import A_THINGS, Doubt
from services.lead.contact.providers import FILE_ENDINGS
from services.lead.contact.things import (
    MENTIONED,
    MONEY_AFTER,
    MONEY_BEFORE,
    NEVER_A_PHONE,
    NUMBER_OF_A_THING,
    SELDOM_A_PHONE,
    THING,
)
from services.lead.contact.words import HELLO, INTRODUCES, NO_NAMES, PHONE_CUE

_BEFORE: Final = 100
_AFTER: Final = 60
"""How far around a number the text is read for what it is."""
_NAMES: Final = 60
"""How far before it a thing may be named that goes by it."""
_BARE_DIGITS: Final = 10
EXTENSION: Final = re.compile(
    r"[ ,;(]{0,3}(?:extension|extn?|ext|x(?! ?\d+ [a-z]+s\b)|anexo|interno|int|poste|ramal|доб|"
    r"分机|分機|內線|内线|내선|内線)"
    r"[ .:#]{0,3}(\d{1,6})\)?(?!\d)| ?# ?(\d{1,5})(?!\d)|,{2,4}(\d{1,6})(?:#|(?! ?\w))",
    re.IGNORECASE,
)
_GLUED_BEFORE: Final = re.compile(r"[A-Za-z0-9_$@&%]+\Z")
_HASTE: Final = frozenset({"is", "me", "at", "on", "es", "al", "to"})
"""A word that a number is glued to by haste, and not because it is a name of something."""
_WORD: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_WHICH_PHONE: Final = frozenset("chmtw")
"""`c408-555-0117 h650-555-0133`: cell and home."""
_PROSE: Final = re.compile(r"[A-Za-z]?[a-z]{2,}")
"""`408-555-0117thanks`: glued to what is written like a phone, a word is no name."""
_FILE_AFTER: Final = re.compile(rf"[\w()\-]{{0,40}}\.(?:{'|'.join(FILE_ENDINGS)})\b", re.IGNORECASE)
_PAGE: Final = re.compile(r"(?:https?://|www\.)(?!wa\.me/|api\.whatsapp\.)", re.IGNORECASE)
_LONG_NUMBER: Final = re.compile(r"\d(?:[ .-]?\d){6}")
_TEN_DIGITS: Final = re.compile(r"1?\d{10}")
_MARKS: Final = ".!?,;:()¡¿-"
_NAME_WORDS: Final = 3
_NAMED_PHONE: Final = re.compile(
    r"(?:phone|cell|mobile|tel)\w*[\s:#.]*(?:\w+ ){0,2}$", re.IGNORECASE
)


class Candidate(msgspec.Struct, frozen=True):
    """What may be a number: `written` as phonenumbers is to read it."""

    written: str
    start: int
    end: int
    doubt: Doubt | None = None
    needs_cue: bool = False


def as_phone(text: str, candidate: Candidate, *, asked: bool) -> Candidate | None:
    """With its doubt, where the words before it leave one."""
    line = text.rfind("\n", max(0, candidate.start - _BEFORE), candidate.start) + 1
    before = text[max(line, candidate.start - _BEFORE, 0) : candidate.start]
    after = text[candidate.end : candidate.end + _AFTER].partition("\n")[0]
    formatted = not (candidate.needs_cue or text[candidate.start : candidate.end].isdecimal())
    if _is_of_another_kind(before, after) or _is_glued(before, after, formatted=formatted):
        return None
    of_a_thing = _of_a_thing(before, formatted=formatted, asked=asked)
    if of_a_thing == "surely":
        return None
    if of_a_thing == "perhaps":
        candidate = msgspec.structs.replace(candidate, doubt=A_THINGS)
    return candidate if _is_cued(text, candidate, before, asked=asked) else None


def _is_of_another_kind(before: str, after: str) -> bool:
    """A file's, a page's, money."""
    if _FILE_AFTER.match(after.lstrip(" )")) or _PAGE.search(before.rpartition(" ")[2]):
        return True
    return bool(MONEY_BEFORE.search(before) or MONEY_AFTER.match(after))


def _is_cued(text: str, candidate: Candidate, before: str, *, asked: bool) -> bool:
    """Written so that it needs no word about phones, or there is one."""
    bare = candidate.written.isdecimal() and candidate.end - candidate.start <= _BARE_DIGITS
    needs_cue = candidate.needs_cue or (bare and before.rstrip().endswith("#"))
    return (
        not needs_cue
        or is_called_phone(text, candidate, asked=asked)
        or (not candidate.doubt and _stands_alone(text, candidate))
    )


def is_called_phone(text: str, candidate: Candidate, *, asked: bool) -> bool:
    """By what was said before, or by a word near it."""
    start, end = max(0, candidate.start - _BEFORE), candidate.end + _AFTER
    return asked or PHONE_CUE.search(text, start, end) is not None


def _of_a_thing(before: str, *, formatted: bool, asked: bool) -> Literal["no", "perhaps", "surely"]:
    """An order's or a card's. In doubt it is a phone: to lose the customer costs more."""
    before = before[-_NAMES:]
    if _NAMED_PHONE.search(before):
        return "no"
    if NUMBER_OF_A_THING.search(before):
        return "surely"
    never = not (asked and formatted) and NEVER_A_PHONE.search(before)
    seldom = not (asked or formatted) and SELDOM_A_PHONE.search(before)
    if not (never or seldom):
        return "no"
    spoken_of = MENTIONED.search(before)
    return "perhaps" if spoken_of and (formatted or not spoken_of["had"]) else "surely"


def _is_glued(before: str, after: str, *, formatted: bool) -> bool:
    """Part of a longer name, such as a VIN or a picture's."""
    glued = _GLUED_BEFORE.search(before)
    if glued and not _is_haste(glued[0]):
        lettered = glued[0] in _WHICH_PHONE and not THING.search(before)
        lead_in = lettered or _PROSE.fullmatch(glued[0])
        if not (formatted and lead_in):
            return True
    word = _WORD.match(after)
    if word is None or EXTENSION.match(after) or _is_haste(word[0]):
        return False
    return not (formatted and _PROSE.fullmatch(word[0]))


def _is_haste(word: str) -> bool:
    return word.lower() in _HASTE or PHONE_CUE.match(word) is not None


def _stands_alone(text: str, candidate: Candidate) -> bool:
    """Nothing else is said, or ten digits beside a hello and a name: all else may be a parcel's."""
    before = text[max(0, candidate.start - _BEFORE) : candidate.start]
    after = text[candidate.end : candidate.end + _AFTER]
    if not (before + after).strip(" .!?,;:()"):
        return True
    if not _TEN_DIGITS.fullmatch("".join(filter(str.isdigit, candidate.written))):
        return False
    if before.rstrip().endswith("#"):
        return False
    if _LONG_NUMBER.search(before) or _LONG_NUMBER.search(after):  # one of a list
        return False
    if _of_a_thing(before, formatted=False, asked=False) != "no":
        return False
    *earlier, left = before.split("\n")
    right, *later = after.split("\n")
    line = f"{left} {right}"
    if _words(line):
        return _is_name(line)
    return any(map(_is_name, (*earlier[-1:], *later[:1])))


def _is_name(line: str) -> bool:
    """With capitals, unless it is said to be a name."""
    words = _words(line)
    told = INTRODUCES.search(line) is not None
    return 0 < len(words) <= _NAME_WORDS and all(
        _may_be_name(word) and (told or word[0].isupper()) for word in words
    )


def _may_be_name(word: str) -> bool:
    small = word.lower()
    letters = small.replace("-", "").replace("'", "")
    return letters.isalpha() and small not in NO_NAMES and not THING.search(word)


def _words(line: str) -> list[str]:
    """But those of a hello."""
    words = (word.strip(_MARKS) for word in line.split())
    return [word for word in words if any(map(str.isalnum, word)) and word.lower() not in HELLO]
