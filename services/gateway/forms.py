"""What the outside may say: every field with its limits. A refusal names the field."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from libs.messages.base import Attribution

# `$(?!\n)`: in Python a bare `$` also matches before a last line break.
_VISIBLE: Final = r"^[!-~]*$(?!\n)"
_PROSE: Final = (
    r"^[^\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff]*$(?!\n)"
)
"""No control, no bidi, no invisible characters; the joiners of Persian and Hindi are fine."""

Secret = Annotated[str, Meta(max_length=256, pattern=_VISIBLE)]
"""What a browser keeps as its visitor's secret; empty for none."""
Url = Annotated[str, Meta(max_length=2048, pattern=_VISIBLE)]
"""As browsers write one: ASCII."""
Locale = Annotated[str, Meta(max_length=35, pattern=r"^[A-Za-z0-9_-]*$(?!\n)")]
ClickId = Annotated[str, Meta(max_length=128, pattern=_VISIBLE)]
Campaign = Annotated[str, Meta(max_length=256, pattern=_PROSE)]
Word = Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_.:-]*$(?!\n)")]
Event = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]*$(?!\n)")]
ThreadId = Annotated[str, Meta(pattern=r"^cthr_[A-Za-z0-9_-]{1,128}$(?!\n)")]


class _Form(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Fields that we do not know are ignored: front ends are older or newer than we are."""


class AttributionForm(msgspec.Struct, frozen=True, kw_only=True):
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
    device_type: Word | None = None
    first_touch_at: Word | None = None
    last_touch_at: Word | None = None

    def message(self) -> Attribution:
        told = msgspec.structs.asdict(self)
        return Attribution(**{name: value for name, value in told.items() if value})


class SessionForm(_Form, frozen=True, kw_only=True):
    current: Annotated[str, Meta(max_length=4096, pattern=_VISIBLE)] | None = None
    """The secret that is about to end, as ChatKit hands it over; it proves nothing here."""
    locale: Locale | None = None
    page_url: Url | None = None
    user: Secret | None = None


class LeadForm(_Form, frozen=True, kw_only=True):
    thread_id: ThreadId
    reason: Annotated[str, Meta(max_length=64, pattern=_PROSE)] | None = None
    locale: Locale | None = None
    page_url: Url | None = None
    user: Secret | None = None
    attribution: AttributionForm | None = None


class SignalForm(_Form, frozen=True, kw_only=True):
    event: Event
    page_url: Url | None = None
    user: Secret | None = None
    locale: Locale | None = None
    click_url: Url | None = None
    provider: Annotated[str, Meta(max_length=64, pattern=_PROSE)] | None = None
    attribution: AttributionForm | None = None


class ChatForm(msgspec.Struct, frozen=True, kw_only=True):
    """The protocol's own JSON; only its kind is looked at here, the chat service reads the rest."""

    type: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9_.]*$(?!\n)")]


SESSION: Final = msgspec.json.Decoder(SessionForm)
LEAD: Final = msgspec.json.Decoder(LeadForm)
SIGNAL: Final = msgspec.json.Decoder(SignalForm)
CHAT: Final = msgspec.json.Decoder(ChatForm)
