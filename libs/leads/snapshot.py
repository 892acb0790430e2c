"""A lead, fixed: everything its mail says. Written once by lead, read by mailer and ops.

It holds personal data, so it lives in the blob store under a retention, never in the record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from libs.messages.base import Attribution


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """A way to reach the customer, with the place in their own words that it stands at."""

    kind: Literal["phone", "email"]
    value: str
    """E.164 for phones (with `;ext=` where given; the digits as they were written where it is no
    number that we know, and doubted), lower-case domain for emails."""
    shown: str
    """As a person of the shop's region writes it."""
    item_id: str
    start: int
    end: int
    doubt: str = ""
    """Why to ask again, such as `gmial.com looks like gmail.com`."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the transcript."""

    item_id: str
    speaker: Literal["customer", "assistant", "note"]
    name: str
    text: str
    at: float
    quoted: str = ""
    attachments: tuple[str, ...] = ()


class Photo(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment of the conversation, in order of appearance."""

    id: str
    name: str
    mime_type: str
    blob_key: str = ""
    """Key of the cleaned original; its renditions hang off it. Empty: not in our store."""
    failed: str = ""
    """Why the mail cannot show it."""
    fingerprint: str = ""
    """What the picture looks like; empty: nobody knows."""

    @property
    def is_picture(self) -> bool:
        """A photo, also when the mail cannot show it. A refused file is of no type we trust."""
        return self.mime_type.startswith("image/")


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """How many files the customer sent, told alike by the mail, the story and the export."""

    pictures: int = 0
    files: int = 0
    refused: int = 0

    @classmethod
    def count(cls, photos: Iterable[Photo]) -> Sent:
        once = {photo.id: photo for photo in photos}.values()
        others = [photo for photo in once if not photo.is_picture]
        refused = sum(bool(photo.failed) for photo in others)
        files = len(others) - refused
        return cls(pictures=len(once) - len(others), files=files, refused=refused)

    def __str__(self) -> str:
        said = [f"{self.pictures} photo{'' if self.pictures == 1 else 's'}"]
        if self.files:
            said.append(f"{self.files} file{'' if self.files == 1 else 's'}")
        if self.refused:
            said.append(f"{self.refused} refused")
        return ", ".join(said)


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The facts, grounded: nothing in here is made up."""

    customer_name: str | None = None
    customer_phone: str | None = None
    customer_email: str | None = None
    customer_location: str | None = None
    customer_language: str | None = None
    vehicle: str | None = None
    item: str | None = None
    """A boat or a sofa, where it is that; of these no year and model need be asked."""
    project: str | None = None
    timeline: str | None = None
    handoff_ready: bool = False
    handoff_reason: str = ""
    summary: str = ""
    next_steps: tuple[str, ...] = ()
    follow_up_questions: tuple[str, ...] = ()
    call_script_prompts: tuple[str, ...] = ()
    missing_info: tuple[str, ...] = ()
    outreach_message: str | None = None
    source: Literal["model", "rules"] = "rules"
    language: str = "en"
    """In which the words to the shop are written."""
    removed: int = 0
    """Ungrounded phones, emails, URLs and prices that were taken out."""


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """What the visitor did on the page."""

    event: str
    at: float
    page_url: str = ""
    click_url: str = ""
    provider: str = ""
    name: str = ""
    """Of the file that it was done to."""


class LeadSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    shop: str
    thread_id: str
    visitor: str
    title: str
    kind: Literal["full", "partial"]
    reason: str
    """The trigger."""
    request_id: str
    """The first trigger's."""
    last_item_id: str
    fixed_at: float
    """Epoch seconds; the mail's Date."""
    locale: str = ""
    page_url: str = ""
    logs_url: str = ""
    summary: Summary
    contacts: tuple[Contact, ...] = ()
    """The one to use first; superseded ones left out."""
    lines: tuple[Line, ...]
    unknown_items: int = 0
    truncated: bool = False
    photos: tuple[Photo, ...] = ()
    attribution: Attribution | None = None
    signals: tuple[Signal, ...] = ()

    def encode(self) -> bytes:
        return msgspec.json.encode(self)


SNAPSHOTS: Final = "snapshots/"


def snapshots_folder(shop: str, thread_id: str) -> str:
    """All snapshots of a conversation begin with this."""
    return f"{SNAPSHOTS}{shop}/{thread_id}/"


def snapshot_key(shop: str, thread_id: str, encoded: bytes) -> str:
    return snapshots_folder(shop, thread_id) + f"{hashlib.sha256(encoded).hexdigest()[:32]}.json"


def decode_snapshot(encoded: bytes) -> LeadSnapshot:
    return msgspec.json.decode(encoded, type=LeadSnapshot)
