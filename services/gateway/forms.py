"""What the outside may say: every field with its limits. A refusal names the field; what no answer
depends on (the language, where a visitor came from) is left out instead: it is worth no lead.

Which characters a field takes is asked of `str` itself: a regular expression per field cost more
than all the rest of decoding. `openapi.json` shows the same rules as patterns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from libs.messages.base import Attribution, Touch

# `$(?!\n)`: in Python a bare `$` also matches before a last line break.
_VISIBLE: Final = {"pattern": r"^[!-~]*$(?!\n)"}
_PROSE: Final = {
    "pattern": r"^[^\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    r"\ufff9-\ufffb\ufffe\uffff]*$(?!\n)"
}
_IS_PROSE: Final = re.compile(_PROSE["pattern"])

Secret = Annotated[str, Meta(max_length=256, extra_json_schema=_VISIBLE)]
"""What a browser keeps as its visitor's secret; empty for none."""
Url = Annotated[str, Meta(max_length=2048, extra_json_schema=_VISIBLE)]
"""As browsers write one: ASCII."""
Phrase = Annotated[str, Meta(max_length=64, extra_json_schema=_PROSE)]
FileName = Annotated[str, Meta(max_length=255, extra_json_schema=_PROSE)]
Event = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]*$(?!\n)")]
ThreadId = Annotated[str, Meta(pattern=r"^cthr_[A-Za-z0-9_-]{1,128}$(?!\n)")]


def _is_visible(text: str) -> bool:
    """ASCII that one can see: no space, no control."""
    return text.isascii() and text.isprintable() and " " not in text


def _is_prose(text: str) -> bool:
    """Any language, but nothing that hides, turns around or breaks lines."""
    return text.isprintable() or _IS_PROSE.search(text) is not None


def _check(fits: Callable[[str], bool], **fields: str | None) -> None:
    """All at once, since they fit nearly always; then raises ValueError naming the field."""
    if fits("".join([value for value in fields.values() if value])):
        return
    for name, value in fields.items():
        if value and not fits(value):
            raise ValueError(f"`{name}` holds characters that it does not take")


class _Fits(msgspec.Struct, frozen=True):
    longest: int
    holds: Callable[[str], bool] = _is_visible


_LOCALE: Final = {"locale": _Fits(35)}
_TOUCH: Final = {
    **dict.fromkeys(("gclid", "gbraid", "wbraid"), _Fits(128)),
    **dict.fromkeys(
        ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"),
        _Fits(256, _is_prose),
    ),
    **dict.fromkeys(("landing_page", "referrer"), _Fits(2048)),
}
_ATTRIBUTION: Final = {
    **_TOUCH,
    **dict.fromkeys(("device_type", "first_touch_at", "last_touch_at"), _Fits(64)),
}


def _leave_out_what_does_not_fit(form: msgspec.Struct, fits: Mapping[str, _Fits]) -> None:
    for name, fit in fits.items():
        value = getattr(form, name)
        if value and not (len(value) <= fit.longest and fit.holds(value)):
            msgspec.structs.force_setattr(form, name, None)


class _Form(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Fields that we do not know are ignored: front ends are older or newer than we are."""

    locale: str | None = None
    page_url: Url | None = None
    user: Secret | None = None

    def __post_init__(self) -> None:
        _leave_out_what_does_not_fit(self, _LOCALE)
        _check(_is_visible, pageUrl=self.page_url, user=self.user)


class TouchForm(msgspec.Struct, frozen=True, kw_only=True):
    gclid: str | None = None
    gbraid: str | None = None
    wbraid: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_term: str | None = None
    utm_content: str | None = None
    landing_page: str | None = None
    referrer: str | None = None

    def __post_init__(self) -> None:
        _leave_out_what_does_not_fit(self, _TOUCH)

    def _told(self) -> dict[str, Any]:
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value}

    def touch(self) -> Touch:
        return Touch(**self._told())


class AttributionForm(TouchForm, frozen=True, kw_only=True):
    device_type: str | None = None
    first_touch_at: str | None = None
    last_touch_at: str | None = None
    first: TouchForm | None = None
    """The first touch, where it was another than this one."""

    def __post_init__(self) -> None:
        _leave_out_what_does_not_fit(self, _ATTRIBUTION)

    def message(self) -> Attribution:
        first = self.first.touch() if self.first else None
        return Attribution(**{**self._told(), "first": first})


class SessionForm(_Form, frozen=True, kw_only=True):
    current: Annotated[str, Meta(max_length=4096, extra_json_schema=_VISIBLE)] | None = None
    """The secret that is about to end, as ChatKit hands it over; it proves nothing here."""
    attribution: AttributionForm | None = None

    def __post_init__(self) -> None:
        _Form.__post_init__(self)
        _check(_is_visible, current=self.current)


class LeadForm(_Form, frozen=True, kw_only=True):
    thread_id: ThreadId
    reason: Phrase | None = None
    attribution: AttributionForm | None = None

    def __post_init__(self) -> None:
        _Form.__post_init__(self)
        _check(_is_prose, reason=self.reason)


class SignalForm(_Form, frozen=True, kw_only=True):
    event: Event
    click_url: Url | None = None
    provider: Phrase | None = None
    name: FileName | None = None
    attribution: AttributionForm | None = None

    def __post_init__(self) -> None:
        _Form.__post_init__(self)
        _check(_is_visible, clickUrl=self.click_url)
        _check(_is_prose, provider=self.provider, name=self.name)


class ChatForm(msgspec.Struct, frozen=True, kw_only=True):
    """The protocol's own JSON; only its kind is looked at here, the chat service reads the rest."""

    type: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9_.]*$(?!\n)")]


SESSION: Final = msgspec.json.Decoder(SessionForm)
LEAD: Final = msgspec.json.Decoder(LeadForm)
SIGNAL: Final = msgspec.json.Decoder(SignalForm)
CHAT: Final = msgspec.json.Decoder(ChatForm)
