"""The durable record of one lead: the truth about whether its mail may leave.

It holds no names, phones or addresses and is kept for ever.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class State(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    ERROR = "error"
    HELD = "held"
    CLOSED = "closed"


class LeadKey(msgspec.Struct, frozen=True, order=True):
    shop: str
    thread_id: str

    def __str__(self) -> str:
        return f"lead#{self.shop}#{self.thread_id}"


class Step(msgspec.Struct, frozen=True, array_like=True):
    """One line of the record's own history, for `handoff why`."""

    at: float
    what: str
    detail: str = ""


class LeadRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    key: LeadKey
    state: State
    version: int = 1
    """Grows with every write; each write is conditional on the version it read."""
    visitor: str = ""
    trigger: str = ""
    """What asked first."""
    request_id: str = ""
    """And with which request, of at most 64 letters: the visitor saw it as *Reference*, and the
    mail names it, whoever asks later.
    """
    kind: str = ""
    attempt: int = 0
    lid: str = ""
    """Nonce of the current attempt."""
    armed_at: float = 0.0
    due_at: float | None = None
    """When the sweeper looks again: the durable timer. None: never."""
    ambiguous: tuple[int, ...] = ()
    """Attempts whose fate nobody knows."""
    ambiguous_lids: dict[str, int] = {}
    """Their numbers by their nonces: a receipt that turns up late proves which one was taken. Of
    records older than this field, some are missing.
    """
    possible_duplicate: bool = False
    last_item_id: str = ""
    snapshot: str = ""
    """Blob key of what was armed last, or refused since while no mail may have arrived;
    `last_item_id` and `kind` are its own.
    """
    wanted: str | None = None
    """The snapshot that a person who sent it again looked at; empty: none was left, but one they
    want. Stands until it is sent, held or closed. None: nobody asked.
    """
    content_hash: str = ""
    passed_over: str = ""
    """What was said to recipients whom the current attempt leaves out, or one before it that may
    have left instead.
    """
    message_id: str = ""
    sent_by: str = ""
    sent_at: float | None = None
    tries: int = 0
    """Refusals of this very mail."""
    plainer: int = 0
    """Those of what it says or carries: so many rungs down the ladder the next attempt begins."""
    reason: str = ""
    delivery: str = ""
    """What went wrong with it after it was sent."""
    arrival: str = ""
    """What the provider said of it beside that: `delay`, then `delivery`."""
    newer_items: int = 0
    first_error_at: float | None = None
    """Of the refusals that, after a day, put it before a person."""
    refused_since: float | None = None
    """Of refusals of whatever kind, with no other wait between them: by their age the waits grow
    that no try counts.
    """
    created_at: float = 0.0
    updated_at: float = 0.0
    history: tuple[Step, ...] = ()
    """The newest steps, oldest first; bounded."""


class Watch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A promise to look at a visitor's conversations even if their browser never speaks again."""

    shop: str
    visitor: str
    due_at: float
    session_expires: float = 0.0
    """Read by processes of an earlier release only: they decode no watch without it."""
    locale: str = ""
    page_url: str = ""
    request_id: str = ""
    """That of the session it was written for."""
    version: int = 1
    also: tuple[str, ...] = ()
    """The visitor's ids under older site keys: what began under one goes on under it."""

    def __str__(self) -> str:
        return f"watch#{self.shop}#{self.visitor}"
