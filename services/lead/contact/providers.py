"""Where people have their mail, and which domains are slips of the finger for it."""

from __future__ import annotations

from itertools import takewhile
from typing import Final

from services.lead.contact.doubts import Doubt

PROVIDERS: Final = (
    "gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "icloud.com", "live.com", "aol.com",
    "protonmail.com", "comcast.net", "sbcglobal.net", "att.net", "verizon.net", "ymail.com",
    "rocketmail.com", "googlemail.com", "proton.me", "me.com", "mac.com", "msn.com", "mail.com",
    "gmx.com", "zoho.com", "naver.com", "daum.net", "hanmail.net", "qq.com", "163.com", "126.com",
    "yandex.ru", "mail.ru", "hotmail.es", "yahoo.es", "outlook.es", "hotmail.fr", "yahoo.fr",
    "orange.fr", "hotmail.co.uk", "yahoo.co.uk", "yahoo.com.mx", "yahoo.com.br", "hotmail.com.br",
    "outlook.com.br", "uol.com.br", "bol.com.br", "yahoo.com.vn", "yahoo.com.ph", "yahoo.co.in",
    "yahoo.co.jp", "yahoo.ca", "live.ca", "live.com.mx", "prodigy.net.mx", "rediffmail.com",
    "cox.net", "charter.net", "earthlink.net", "email.com", "fastmail.com", "pm.me", "gmx.de",
    "web.de", "docomo.ne.jp", "softbank.ne.jp", "ezweb.ne.jp", "yahoo.co.id", "live.cn",
    "outlook.fr", "live.fr", "duck.com", "hey.com", "bellsouth.net", "pacbell.net", "usa.net",
)  # fmt: skip

COUNTRY_ENDINGS: Final = frozenset({
    "ar", "au", "bd", "br", "ca", "cl", "cn", "co", "cr", "de", "do", "ec", "eg", "es", "fr", "gt",
    "hk", "hn", "id", "il", "in", "it", "jp", "ke", "kr", "lk", "mx", "my", "ng", "ni", "np", "nz",
    "pa", "pe", "ph", "pk", "pl", "pr", "pt", "py", "ru", "sa", "sg", "sv", "th", "tr", "tw", "ua",
    "uk", "us", "uy", "ve", "vn", "za",
})  # fmt: skip
"""What may follow `.com`."""

ENDINGS: Final = frozenset({
    "com", "net", "org", "edu", "gov", "io", "co", "us", "me", "info", "biz", "app", "dev",
    "ai", "tv", "mx", "es", "fr", "de", "uk", "ca", "br", "vn", "ph", "in", "id", "jp", "kr",
    "cn", "tw", "hk", "ru", "ar", "it", "nl", "eu", "cl", "pe",
})  # fmt: skip
_BEFORE_COUNTRY: Final = frozenset(
    {"com", "co", "net", "ne", "org", "or", "gov", "gob", "edu", "ac"}
)
_LONG_ENDINGS: Final = frozenset({
    "online", "shop", "store", "autos", "club", "site", "xyz", "live", "work", "design", "email",
    "cloud", "family", "name", "pro", "mobi", "tech", "world", "group", "studio", "agency", "life",
    "media", "company", "solutions", "services", "global", "museum", "jobs", "travel", "team",
})  # fmt: skip

FILE_ENDINGS: Final = (
    "jpg", "jpeg", "png", "gif", "webp", "heic", "heif", "avif", "bmp", "tif", "tiff", "svg", "pdf",
    "mov", "mp4", "avi", "mkv", "mp3", "wav", "m4a", "doc", "docx", "xls", "xlsx", "csv", "txt",
    "zip", "rar", "html", "htm", "php", "aspx", "json", "xml", "log", "pages", "key", "dng", "raw",
)  # fmt: skip

BRANDS: Final = (
    "gmail", "yahoo", "hotmail", "outlook", "icloud", "live", "aol", "protonmail",
)  # fmt: skip
"""`maria@gmail` is understood."""

_SLIPS: Final = {
    "con": "com", "cmo": "com", "ocm": "com", "comm": "com", "vom": "com", "cim": "com",
    "xom": "com", "cpm": "com", "c0m": "com", "coml": "com", "comn": "com", "ner": "net",
    "nte": "net", "ogr": "org",
}  # fmt: skip
_KNOWN: Final = frozenset(PROVIDERS)
_MISTYPED: Final = (
    "gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "icloud.com", "protonmail.com",
    "comcast.net", "sbcglobal.net", "verizon.net", "rocketmail.com", "googlemail.com",
)  # fmt: skip
"""Long enough that a neighbour of the name is a slip and not another provider."""
_LONG_NAME: Final = 7
_COUNTRY_LENGTH: Final = 2


def doubt_about(domain: str) -> Doubt | None:
    """`gmial.com looks like gmail.com`, or nothing."""
    if domain in _KNOWN:
        return None
    for name in _MISTYPED:
        if is_slip(domain, name):
            return Doubt("looks_like", (domain, name))
    stem, _, ending = domain.rpartition(".")
    if right := _SLIPS.get(ending):
        return Doubt("looks_like", (domain, f"{stem}.{right}"))
    return None


def is_ending(labels: str) -> bool:
    """Whether a spoken or spaced-out address may end so: `com`, `co.nz`."""
    first, _, country = labels.partition(".")
    return labels in ENDINGS or (first in _BEFORE_COUNTRY and country in COUNTRY_ENDINGS)


def begins_sentence(label: str) -> bool:
    """Nobody's mail is at `shop.co.thanks`."""
    return len(label) > _COUNTRY_LENGTH and label not in ENDINGS | _LONG_ENDINGS


def is_provider(domain: str) -> bool:
    return domain in _KNOWN


def is_slip(typed: str, meant: str) -> bool:
    """One letter missing, extra, wrong or swapped with its neighbour (two in a long name)."""
    stem, _, ending = typed.rpartition(".")
    meant_stem, _, meant_ending = meant.rpartition(".")
    if distance(ending, meant_ending) > 1:  # hotmail.cl is no slip
        return False
    if abs(len(stem) - len(meant_stem)) > 1:
        return False
    return distance(stem, meant_stem) <= (2 if len(meant_stem) >= _LONG_NAME else 1)


def distance(one: str, other: str, *, most: int = 99) -> int:
    """How many such slips apart (Damerau and Levenshtein, neighbours swapped once).

    Of more than `most` nobody asks how many.
    """
    alike = sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    )
    one, other = one[alike:], other[alike:]
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        older, before, row = before, row, [i] + [0] * len(other)
        for j, b in enumerate(other, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                row[j] = min(row[j], older[j - 2] + 1)
        if min(row) > most:
            return most + 1
    return row[-1]
