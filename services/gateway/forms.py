"""What the outside may say: every field with its limits. A refusal names the field.

Which characters a field takes is asked of `str` itself: a regular expression per field cost more
than all the rest of decoding. `openapi.json` shows the same rules as patterns.
"""

from __future__ import annotations

import re
from collections.abc import Callable
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

UTM: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")

Secret = Annotated[str, Meta(max_length=256, extra_json_schema=_VISIBLE)]
"""What a browser keeps as its visitor's secret; empty for none."""
Url = Annotated[str, Meta(max_length=2048, extra_json_schema=_VISIBLE)]
"""As browsers write one: ASCII."""
Locale = Annotated[str, Meta(max_length=35, extra_json_schema=_VISIBLE)]
ClickId = Annotated[str, Meta(max_length=128, extra_json_schema=_VISIBLE)]
Campaign = Annotated[str, Meta(max_length=256, extra_json_schema=_PROSE)]
Word = Annotated[str, Meta(max_length=64, extra_json_schema=_VISIBLE)]
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


class _Form(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Fields that we do not know are ignored: front ends are older or newer than we are."""

    locale: Locale | None = None
    page_url: Url | None = None
    user: Secret | None = None

    def __post_init__(self) -> None:
        _check(_is_visible, locale=self.locale, pageUrl=self.page_url, user=self.user)


class TouchForm(msgspec.Struct, frozen=True, kw_only=True):
    gclid: ClickId | None = None
    gbraid: ClickId | None = None
    wbraid: ClickId | None = None
    utm_source: Campaign | None = None
    utm_medium: Campaign | None = None
    utm_campaign: Campaign | None = None
    utm_term: Campaign | None = None
    utm_content: Campaign | None = None
    landing_page: Url | None = None
    referrer: Url | None = None

    def __post_init__(self) -> None:
        texts = {name: text for name, text in self._told().items() if isinstance(text, str)}
        _check(_is_prose, **{name: texts.pop(name) for name in UTM if name in texts})
        _check(_is_visible, **texts)

    def _told(self) -> dict[str, Any]:
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value}

    def touch(self) -> Touch:
        return Touch(**self._told())


class AttributionForm(TouchForm, frozen=True, kw_only=True):
    device_type: Word | None = None
    first_touch_at: Word | None = None
    last_touch_at: Word | None = None
    first: TouchForm | None = None
    """The first touch, where it was another than this one."""

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
