"""Minting a chat session for a visitor."""

from __future__ import annotations

from libs.messages.base import Attribution, Message


class MintSession(Message, tag="session.mint.v1", frozen=True, kw_only=True):
    """Wish: give this visitor a client secret. Dropped once its deadline has passed."""

    shop: str
    user: str = ""
    """The bearer secret the browser keeps; empty for a visitor we have never seen."""
    locale: str = "en"
    """Empty: the page told none."""
    page_url: str = ""
    attribution: Attribution | None = None


class SessionMinted(Message, tag="session.minted.v1", frozen=True, kw_only=True):
    client_secret: str
    expires_at: int
    user: str
    mode: str
    """`hosted` or `own`."""


class SessionRefused(Message, tag="session.refused.v1", frozen=True, kw_only=True):
    status: int
    error: str
    detail: str
    """One helpful sentence; no secret, no upstream text."""
    retry_after_seconds: int = 0


SessionReply = SessionMinted | SessionRefused
