"""What we say in our own words: the practice agent in a TOML file per language, the rest in one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

from services.chat.ports import Trouble

LANGUAGES: Final = ("en", "es", "ar", "zh-CN", "vi")
"""Of the practice agent; what else it hears is answered in English."""
_NEAREST: Final = {"zh-TW": "zh-CN"}


class Phrases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every sentence asks at most one thing; `{shop}`, `{phone}`, `{address}` are the shop's."""

    hello: str
    noted: str
    need: str
    item: str
    photos: str
    phone: str
    incomplete: str
    done: str
    unreachable: str
    more: str
    open: str
    again: str
    always: str
    closed: str
    unknown: str
    price: str
    where: str
    robot: str
    days: Mapping[str, str]
    hears: Mapping[str, tuple[str, ...]]
    """By topic: words in a customer's line that bring it up."""


class Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a customer may read whoever answers, in every language that the chat speaks."""

    phone_hint: str
    failed: Mapping[Trouble, str]


@lru_cache
def kind_in(language: str) -> Kind:
    """In this language, else in English."""
    kinds = _kinds()
    return kinds.get(language, kinds["en"])


@lru_cache
def _kinds() -> dict[str, Kind]:
    text = Path(__file__).with_name("kind.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Kind])


@lru_cache
def phrases_in(language: str) -> Phrases:
    """In this language, else in English."""
    language = _NEAREST.get(language, language)
    name = language if language in LANGUAGES else "en"
    text = Path(__file__).with_name(f"{name}.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Phrases)
