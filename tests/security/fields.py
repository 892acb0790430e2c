"""Every field that the gateway's forms take: its longest text, and where what it says arrives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, get_args
from urllib.parse import quote

import msgspec

from libs.identity.visitors import visitor_id
from libs.messages.base import Message
from services.gateway.forms import CHAT, LEAD, SESSION, SIGNAL
from tests.gateway import KEYS

TAKES: Final[dict[str, Any]] = {
    "/api/chatkit/session": SESSION.type,
    "/api/chatkit/lead": LEAD.type,
    "/api/lead-signal": SIGNAL.type,
    "/api/chatkit": CHAT.type,
}
"""All that is sent to us in JSON."""


@dataclass(frozen=True)
class Field:
    name: str
    longest: str
    arrives: str
    """What the service behind calls it; empty: it is told nothing of it."""
    needed: bool = False
    prose: bool = False
    """Any language may stand in it."""
    worthless: bool = False
    """Left out where it does not fit: no lead is refused for it."""
    becomes: Callable[[str], str] = str


@dataclass(frozen=True)
class Form:
    path: str
    least: dict[str, Any]
    fields: tuple[Field, ...]
    inside: str = ""
    """The object that holds the fields; empty: the body itself."""

    def __str__(self) -> str:
        return f"{self.path}:{self.inside}"

    def body(self, name: str, value: object) -> dict[str, Any]:
        told: Any = {name: value} if name else value
        for outer in reversed(self.inside.split(".") if self.inside else ()):
            told = {outer: told}
        return {**self.least, **told}

    def arrived(self, message: Message, field: Field) -> object:
        """Empty where nobody is told."""
        found: object = message if field.arrives else ""
        for name in filter(None, (*self.inside.split("."), field.arrives)):
            found = getattr(found, name, "")
        return found


URL: Final = "https://craigs.autos/" + "a" * 2027
USER: Final = Field("user", "~" * 256, "user")
VISITOR: Final = replace(USER, arrives="visitor", becomes=lambda told: visitor_id(KEYS[0], told))
KIND: Final = Field(
    "type", "a" * 64, "body", needed=True, becomes=lambda told: json.dumps({"type": told})
)
PAGE: Final = (
    Field("locale", "e" * 35, "locale", worthless=True),
    Field("pageUrl", URL, "page_url"),
)


def _free(longest: str, *names: str, prose: bool = False) -> tuple[Field, ...]:
    return tuple(Field(name, longest, name, prose=prose, worthless=True) for name in names)


TOUCH: Final = (
    *_free("g" * 128, "gclid", "gbraid", "wbraid"),
    *_free(
        "ü" * 256, "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", prose=True
    ),
    *_free(URL, "landing_page", "referrer"),
)
ATTRIBUTION: Final = (*TOUCH, *_free("m" * 64, "device_type", "first_touch_at", "last_touch_at"))


def _with_attribution(path: str, least: dict[str, Any], *fields: Field) -> tuple[Form, ...]:
    return (
        Form(path, least, fields),
        Form(path, least, ATTRIBUTION, "attribution"),
        Form(path, least, TOUCH, "attribution.first"),
    )


FORMS: Final = (
    *_with_attribution("/api/chatkit/session", {}, *PAGE, USER, Field("current", "x" * 4096, "")),
    *_with_attribution(
        "/api/chatkit/lead",
        {"threadId": "cthr_a"},
        Field("threadId", "cthr_" + "Z" * 128, "thread_id", needed=True),
        *PAGE,
        VISITOR,
        Field("reason", "r" * 64, "reason", prose=True, becomes=lambda _: "other"),
    ),
    *_with_attribution(
        "/api/lead-signal",
        {"event": "click_call"},
        Field("event", "e" * 64, "event", needed=True),
        *PAGE,
        VISITOR,
        Field("clickUrl", URL, "click_url"),
        Field("provider", "ü" * 64, "provider", prose=True),
        Field("name", "ü" * 255, "name", prose=True),
    ),
    Form("/api/chatkit", {}, (KIND,)),
)


def taken(kind: type[msgspec.Struct], inside: str = "") -> Iterator[tuple[str, str]]:
    """Each field of a form, after the object that holds it."""
    for field in msgspec.structs.fields(kind):
        name = field.encode_name
        objects = [each for each in get_args(field.type) if _is_struct(each)]
        for each in objects:
            yield from taken(each, f"{inside}.{name}".lstrip("."))
        if not objects:
            yield inside, name


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


WRONG_TYPES: Final = (0, -1, 1.5, 10**400, True, False, [], ["a"], {}, {"a": 1}, [[[[]]]])
HOSTILE: Final = (
    "\x00", "a\x00b", "\n", "a\n", "\r\nSet-Cookie: a=b", "\t", "\x1b[31m", "\x7f", "\x85",
    "\u2028", "\u2029", "\u202e", "\u2066", "\u200b", "\ufeff", "\ufffe", "\uffff",
)  # fmt: skip
"""Refused everywhere: what hides, turns around or breaks lines."""
FOREIGN: Final = ("é", "漢字", "\U0001f600", "\uff43thr_", "\u0430", "\u0660", "a" + "\u0301" * 40)
"""Refused where only ASCII has a meaning."""
NO_VALUES: Final = (
    "", "a", "a" * 5000, "%00", "%F0%9F%98%80", "%FF", "%ED%A0%80", "%C0%AF", "%", "%zz",
    *(quote("a" * 21 + value) for value in (*HOSTILE, *FOREIGN)),
)  # fmt: skip
"""Of a parameter in a query."""
