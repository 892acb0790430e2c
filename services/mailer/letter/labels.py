"""What every mail says of itself, one table for each language of a shop; English for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

Heading = Literal[
    "glance", "actions", "photos", "summary", "steps", "questions", "script", "drafts",
    "attribution", "transcript", "diagnostics",
]  # fmt: skip
Name = Literal[
    "customer", "visitor", "note", "language", "phone", "email", "check", "also_given", "location",
    "vehicle", "project", "timeline", "photos", "text_message", "email_subject", "conversation",
]  # fmt: skip
Tap = Literal["call", "text", "email", "draft", "page", "logs", "thread"]
Origin = Literal[
    "device_type", "gclid", "gbraid", "wbraid", "utm_source", "utm_medium", "utm_campaign",
    "utm_term", "utm_content", "landing_page", "referrer",
]  # fmt: skip
Diagnostic = Literal[
    "thread", "trigger", "visitor", "missing", "locale", "language", "page", "decided", "request",
    "removed", "logs",
]  # fmt: skip
Fact = Literal["customer_name", "vehicle", "project", "timeline", "phone"]
Why = Literal[
    "missing", "unreadable", "not_uploaded", "no_file", "too_large", "too_many_uploads",
    "unavailable", "unreachable", "unsupported_type", "no_room",
]  # fmt: skip


class Notices(msgspec.Struct, frozen=True, kw_only=True):
    """What to know before reading on."""

    possible_copy: str
    partial: str
    missing: str
    by_rules: str
    without_summary: str
    without_attachments: str
    linked: str
    shortest: str
    operator: str
    """Who can do something about the shortest form, before the command."""


class PhotoWords(msgspec.Struct, frozen=True, kw_only=True):
    alt: str
    similar: str
    shown: str
    in_small: str
    sheet: str
    more: str
    linked: str
    not_shown: str
    attached: str
    full_size: str


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask the customer, and how to reach them."""

    photo_again: str
    file_again: str
    photos_again: str
    files_again: str
    phone_again: str
    email_again: str
    ask_for: str
    and_: str
    facts: Mapping[Fact, str]
    call: str
    write: str


class Notes(msgspec.Struct, frozen=True, kw_only=True):
    """What the printed conversation leaves out."""

    cut_attached: str
    cut: str
    short_attached: str
    short: str
    middle: str
    unknown: str
    file: str
    too_long: str


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    days: tuple[str, ...]
    """From Monday on."""
    months: tuple[str, ...]
    halves: tuple[str, str]
    day: str
    moment: str

    def day_and_time(self, when: datetime) -> tuple[str, str]:
        month = self.months[when.month - 1]
        day = self.day.format(weekday=self.days[when.weekday()], month=month, day=when.day)
        return day, self._clock(when)

    def moment_of(self, when: datetime) -> str:
        day, time = self.day_and_time(when)
        return self.moment.format(day=day, year=when.year, time=f"{time} {when:%Z}")

    def _clock(self, when: datetime) -> str:
        half = self.halves[when.hour >= 12]  # noqa: PLR2004 - noon
        return f"{when.hour % 12 or 12}:{when:%M} {half}"


class Labels(msgspec.Struct, frozen=True, kw_only=True):
    """Whatever stands in braces is a name, a number or a customer's words: nothing may bend it."""

    lang: str
    lead: str
    """How the subject begins: the same words each time, for a rule of the mailbox."""
    partial: str
    possible_copy: str
    header: str
    draft_below: str
    first_visit_of: str
    first_visit: str
    latest_visit: str
    on_the_page: str
    on: str
    external: str
    more_given: str
    removed: str
    headings: Mapping[Heading, str]
    names: Mapping[Name, str]
    taps: Mapping[Tap, str]
    notices: Notices
    photos: PhotoWords
    why: Mapping[Why, str]
    asking: Asking
    notes: Notes
    origins: Mapping[Origin, str]
    signals: Mapping[str, str]
    """What somebody did on the page; what is not here is shown as it came."""
    reasons: Mapping[str, str]
    """Why it was decided now; `other` for what is not here."""
    diagnostics: Mapping[Diagnostic, str]
    calendar: Calendar
