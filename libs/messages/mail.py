"""Sending a lead's mail, and what became of it."""

from __future__ import annotations

from libs.messages.base import Message


class SendLeadMail(Message, tag="mail.send.v1", frozen=True, kw_only=True):
    """Wish: send this snapshot of a lead, once. The gateway's reply address travels on with it."""

    shop: str
    thread_id: str
    snapshot: str
    """Blob key of the fixed snapshot: everything the mail says."""
    last_item_id: str
    kind: str
    """`full` or `partial`."""
    reason: str
    """What triggered it; echoed in the answer."""
    visitor: str = ""
    lease: str = ""
    """The lead worker's nonce: the mailer takes that lease over by comparing it."""


class LeadMailSent(Message, tag="mail.sent.v1", frozen=True, kw_only=True):
    thread_id: str
    reason: str
    sent_at: float
    visitor: str = ""
    possible_duplicate: bool = False


class LeadMailHeld(Message, tag="mail.held.v1", frozen=True, kw_only=True):
    """The mail did not leave now: `in_progress`, `cooldown` or `held`."""

    thread_id: str
    reason: str
    visitor: str = ""
    retry_after: float | None = None


class DeliveryEvent(Message, tag="mail.event.v1", frozen=True, kw_only=True):
    """Fact from the provider about an attempt we tagged."""

    shop: str
    thread_id: str
    attempt: int
    event: str
    """`send`, `delivery`, `bounce`, `complaint`, `reject` or `delay`."""
    message_id: str = ""
    at: float = 0.0
    detail: str = ""
    """The provider's code, never an address."""
