"""The languages the chat speaks, and what a browser calls them."""

from __future__ import annotations

from typing import Final

LOCALES: Final = {
    "en": "en", "es": "es", "vi": "vi", "zh-hans": "zh-CN", "tl": "tl", "ko": "ko", "hi": "hi",
    "pa": "pa", "pt-br": "pt-BR", "zh-hant": "zh-TW", "ja": "ja", "ar": "ar", "ru": "ru",
    "ta": "ta", "id": "id", "fa": "fa", "te": "te", "fr": "fr",
}  # fmt: skip
"""Our site's name for a language → the tag that ChatKit and HTML want."""

_ALSO: Final = {
    "zh": "zh-CN", "zh-cn": "zh-CN", "zh-sg": "zh-CN", "zh-tw": "zh-TW", "zh-hk": "zh-TW",
    "zh-mo": "zh-TW", "pt": "pt-BR", "fil": "tl", "in": "id",
}  # fmt: skip
"""What browsers say for the same languages."""

_LONGEST_TAG: Final = 35

RIGHT_TO_LEFT: Final = frozenset({"ar", "fa"})


def locale_of(asked: str) -> str:
    """`zh-hans` → `zh-CN`, `es_MX` → `es`; anything unknown → `en`."""
    if len(asked) > _LONGEST_TAG:
        return "en"
    tag = asked.strip().lower().replace("_", "-")
    while tag:
        if found := LOCALES.get(tag) or _ALSO.get(tag):
            return found
        tag = tag.rpartition("-")[0]
    return "en"


def direction_of(locale: str) -> str:
    """`rtl` or `ltr`, for the `dir` of a block of text."""
    return "rtl" if locale.partition("-")[0] in RIGHT_TO_LEFT else "ltr"
