"""Considering whether a conversation is a lead, and what was decided."""

from __future__ import annotations

from typing import Final

from libs.messages.base import Attribution, Message

BROWSER_REASONS: Final = frozenset({"idle", "pagehide", "chat_closed", "auto"})
REASONS: Final = BROWSER_REASONS | {"quiet", "watch", "operator"}
"""The last three are ours, and not a browser's to say."""
NOT_READY: Final = frozenset(
    {"missing_contact", "missing_project_details", "missing_vehicle_context", "not_ready"}
)
"""Why a conversation is no lead yet, as its summary says it."""


def thread_name(shop: str, thread_id: str) -> str:
    """Of a thread's one lease and its one timer: newer activity moves it."""
    return f"{shop}:{thread_id}"


class ConsiderLead(Message, tag="lead.consider.v1", frozen=True, kw_only=True):
    """Wish: decide this thread. Never dropped, however late it is."""

    shop: str
    thread_id: str
    reason: str
    """One of `REASONS`; anything else counts as `other`, and obeys every guard."""
    visitor: str = ""
    """`v_…`, empty when the trigger did not prove who it is."""
    locale: str = ""
    page_url: str = ""
    attribution: Attribution | None = None
    also: tuple[str, ...] = ()
    """The same visitor under older site keys; a thread keeps the id that it began with."""


class LeadDecision(Message, tag="lead.decided.v1", frozen=True, kw_only=True):
    """Reply: what the gates said. The gateway hides details from strangers."""

    thread_id: str
    sent: bool
    reason: str
    visitor: str = ""
    """Whom the thread belongs to; only they see the details below."""
    sent_at: float | None = None
    retry_after: float | None = None
    last_activity_at: float | None = None
    idle_seconds: float | None = None
    seconds_since_last_activity: float | None = None
    scheduled_for: float | None = None
    missing_info: tuple[str, ...] = ()
    known: bool = True
    """False: no conversation has this id (404)."""


class RecordSignal(Message, tag="lead.signal.v1", frozen=True, kw_only=True):
    """Wish: keep what the visitor did on the page (a click on the phone number, say)."""

    shop: str
    event: str
    visitor: str
    page_url: str = ""
    locale: str = ""
    click_url: str = ""
    provider: str = ""
    attribution: Attribution | None = None
    at: float = 0.0
    also: tuple[str, ...] = ()
    """The same visitor under older site keys."""
    name: str = ""
    """Of the file that it was done to."""
