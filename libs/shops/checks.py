"""What a shop's file must not get wrong: each check raises ValueError with one sentence."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from email.utils import parseaddr

from libs.shops.locales import LOCALES

_ORIGIN = re.compile(r"(https?)://([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::([1-9]\d{0,4}))?", re.ASCII)
_MAILBOX = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def check_mailboxes(given: Iterable[str]) -> None:
    for mailbox in given:
        if not _MAILBOX.fullmatch(parseaddr(mailbox)[1]):
            raise ValueError(f"{mailbox!r} is not an address such as Name <name@example.com>")


def check_origins(given: Iterable[str]) -> None:
    for origin in given:
        found = _ORIGIN.fullmatch(origin)
        if not found or found[3] == _DEFAULT_PORTS[found[1]]:
            raise ValueError(
                f"{origin!r} is not an origin as browsers send it: https://example.com, lower"
                " case, no path, a port only where it is not the usual one"
            )


def check_languages(languages: Iterable[str], texts: Collection[str]) -> None:
    known = set(LOCALES.values())
    for language in (*languages, *texts):
        if language not in known:
            raise ValueError(f"language {language!r} is none of {', '.join(sorted(known))}")
    first = next(iter(languages))
    if first not in texts:
        raise ValueError(f"texts.{first} is missing: the shop's own language needs its texts")


def check_logs_url(given: str) -> None:
    if given and not given.startswith("https://"):
        raise ValueError(f"logs_url {given!r} does not start with https://")
