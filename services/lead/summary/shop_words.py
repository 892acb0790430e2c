"""A shop's own words for things and damage, found in what customers write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final


def count(words: tuple[str, ...], text: str) -> int:
    return len(set(any_of(words).findall(text.lower())))


def word_in(words: tuple[str, ...], text: str) -> str:
    """As the customer wrote it, unless that has a letter whose small form is two letters."""
    small = text.lower()
    match = any_of(words).search(small)
    if match is None:
        return ""
    return text[slice(*match.span())] if len(small) == len(text) else match[0]


@lru_cache(maxsize=256)
def without_all(some: tuple[str, ...], words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in words if word not in some)


@lru_cache(maxsize=256)
def any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    """Words with their endings where the script has them: `replacing`, but no `tornado`.

    For texts in small letters: to ignore case in so many words takes four times as long.
    """
    small = sorted(map(str.lower, words), key=len, reverse=True)
    spaced = _by_first_letter({w: _with_endings(w) for w in small if not _UNSPACED.search(w)})
    other = _by_first_letter({w: re.escape(w) for w in small if _UNSPACED.search(w)})
    whole = rf"(?<![^\W\d_])(?:{spaced})(?![^\W\d_])" if spaced else ""
    return re.compile("|".join(part for part in (whole, other) if part) or r"(?!)")


def _by_first_letter(spelled: Mapping[str, str]) -> str:
    """Few branches to try at each letter; of words that begin alike the longest stays first."""
    alike: dict[str, list[str]] = {}
    for word, pattern in spelled.items():
        first = re.escape(word[0])
        alike.setdefault(first, []).append(pattern.removeprefix(first))
    return "|".join(f"{first}(?:{'|'.join(rest)})" for first, rest in alike.items())


def _with_endings(word: str) -> str:
    if len(word) < _LONG_WORD:
        return re.escape(word) + "(?:s|es|ed|ing)?"
    return re.escape(word.removesuffix("e")) + r"[^\W\d_]{0,4}"


_LONG_WORD: Final = 5
_UNSPACED: Final = re.compile(r"[\u0900-\u1dff\u2000-\U0010ffff]\Z")
"""Scripts that write words together, or change them otherwise; Vietnamese is none of them."""
