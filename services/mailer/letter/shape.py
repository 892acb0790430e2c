"""What a lead's mail says, fact by fact: text and HTML both print this and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Literal

import msgspec

from libs.leads.snapshot import Photo
from services.mailer.letter.labels import Labels
from services.mailer.letter.language import Words, words
from services.mailer.letter.photos import MailFile, MailPhoto, MissingPhoto


class Rung(IntEnum):
    """How much of the mail is risked; a delivery that keeps failing goes down one."""

    FULL = 0
    WITHOUT_ATTACHMENTS = 1
    WITHOUT_SUMMARY = 2
    PLAIN = 3


class PhotoPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Where each picture and file of the conversation went."""

    shown: tuple[MailPhoto, ...] = ()
    files: tuple[MailFile, ...] = ()
    left_out: tuple[MailPhoto | MailFile | Photo, ...] = ()
    """Too large for this mail, or not risked in it."""
    missing: tuple[MissingPhoto, ...] = ()
    sheet: MailPhoto | None = None
    """Small versions of what was left out."""
    pictures: int = 0
    """How many the customer sent."""


class MailContext(msgspec.Struct, frozen=True, kw_only=True):
    """What the mail says beside the snapshot."""

    rung: Rung = Rung.FULL
    possible_duplicate: bool = False
    photos: PhotoPlan = PhotoPlan()
    originals: dict[str, str] = {}
    """Signed link to each picture's original, by its id."""
    text_link: str = ""
    """The page that opens the phone's messenger; empty: no way to text."""
    transcript_bytes: int = 50_000
    """How much of the conversation may stand in the mail itself."""


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What every part of one mail is printed by."""

    zone: str
    mark: Callable[[str], str]
    """Says of links that lead away from the shop that they do."""
    lang: str
    """The customer's."""
    shop_lang: str
    labels: Labels

    def said(self, text: str) -> Words:
        """The customer's own words, and where their links lead."""
        return words(self.mark(text), self.lang)

    def ours(self, text: str) -> Words:
        """What we say, or show as it is."""
        return words(text, self.labels.lang)


class Row(msgspec.Struct, frozen=True):
    label: str
    words: Words
    href: str = ""


class Action(msgspec.Struct, frozen=True):
    """A thing to tap. `shown` is its target as a person reads it."""

    kind: Literal["call", "text", "email", "draft", "page", "logs"]
    label: str
    shown: str
    href: str


class ShownPhoto(msgspec.Struct, frozen=True):
    cid: str
    alt: str
    width: int
    height: int
    href: str = ""


class Photos(msgspec.Struct, frozen=True, kw_only=True):
    shown: tuple[ShownPhoto, ...] = ()
    sheet: ShownPhoto | None = None
    note: str = ""
    """`5 of 6 shown`."""
    linked: tuple[tuple[str, str], ...] = ()
    """Name and link of what did not fit."""
    missing: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[tuple[ShownPhoto, ...], ...]:
        """Two by two, tall beside tall; only an odd tall one and an odd wide one share a row."""
        rows: list[tuple[ShownPhoto, ...]] = []
        waiting: dict[bool, ShownPhoto] = {}
        for photo in self.shown:
            tall = photo.height > photo.width
            if alike := waiting.pop(tall, None):
                rows.append((alike, photo))
            else:
                waiting[tall] = photo
        rest = tuple(waiting.values())
        return (*rows, rest) if rest else tuple(rows)


class Drafts(msgspec.Struct, frozen=True):
    """Ready to copy, in the customer's language, signed by the shop."""

    message: Words
    """Empty where there is no phone that can be texted."""
    email_subject: Words
    email_body: Words


class TurnLine(msgspec.Struct, frozen=True):
    words: Words
    quoted: Words
    attachments: tuple[str, ...] = ()


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What one speaker says until another one does."""

    speaker: Literal["customer", "assistant", "note"]
    name: str
    day: str
    """Only where it differs from the turn before."""
    time: str
    lines: tuple[TurnLine, ...]


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    turns: tuple[Turn, ...]
    note: str = ""
    """What is not here, and where it is."""
    attached: bool = False
    """The whole conversation hangs on the mail as `transcript.txt`."""


class ShopCard(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    phone: str
    address: str
    colour: str
    on_colour: str
    """Black or white: what can be read on the colour."""


class MailView(msgspec.Struct, frozen=True, kw_only=True):
    """In the order in which it is read."""

    labels: Labels
    shop: ShopCard
    subject: str
    notices: tuple[str, ...]
    name: Words
    need: Words
    gist: Words
    """What is needed in the shop's language, where `need` is in another."""
    buttons: tuple[Action, ...]
    glance: tuple[Row, ...]
    chips: tuple[Action, ...]
    photos: Photos
    summary: Words
    next_steps: tuple[Words, ...]
    questions: tuple[Words, ...]
    script: tuple[Words, ...]
    drafts: Drafts
    attribution: tuple[Row, ...]
    transcript: Transcript
    diagnostics: tuple[Row, ...]
