"""Which language a customer writes in, from their own lines; the page's locale is only a hint."""

from __future__ import annotations

from collections.abc import Sequence

from libs.languages import language_in
from libs.shops.locales import locale_of


def language_of(lines: Sequence[str], locale: str) -> str:
    """The newest of the customer's lines that tells; a bare number or name tells nothing."""
    page = locale_of(locale)
    spoken = page.partition("-")[0]
    for line in reversed(lines):
        if found := language_in(line, hint=spoken):
            return page if found == spoken else locale_of(found)
    return page
