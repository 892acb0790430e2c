"""THE MAP: every stream, the message on it, who writes it and who reads it.

    gateway ── MintSession ──▶ session ── SessionReply ──▶ (reply)
    gateway ── ChatRequest ──▶ chat ── ChatReply chunks ──▶ (reply)
    gateway, chat, session, sweeper, timers ── ConsiderLead ──▶ lead ── LeadDecision ──▶ (reply)
    lead, sweeper ── SendLeadMail ──▶ mailer ── LeadMailSent | LeadMailHeld ──▶ (reply)
    gateway ── RecordSignal ──▶ lead
    mailer (from the provider's queue) ── DeliveryEvent ──▶ mailer

One reader group per stream; a second reader gets a stream of its own.
"""

from __future__ import annotations

from typing import Final

import msgspec

from libs.messages.base import Message
from libs.messages.chat import ChatChunk, ChatRefused, ChatRequest
from libs.messages.lead import ConsiderLead, LeadDecision, RecordSignal
from libs.messages.mail import DeliveryEvent, LeadMailHeld, LeadMailSent, SendLeadMail
from libs.messages.session import MintSession, SessionMinted, SessionRefused


class Stream(msgspec.Struct, frozen=True):
    """A line of the map."""

    name: str
    message: type[Message]
    writers: tuple[str, ...]
    reader: str


SESSION_MINT: Final = Stream("session.mint", MintSession, ("gateway",), "session")
CHAT_REQUEST: Final = Stream("chat.request", ChatRequest, ("gateway",), "chat")
LEAD_CONSIDER: Final = Stream(
    "lead.consider", ConsiderLead, ("gateway", "chat", "session", "lead", "mailer"), "lead"
)
LEAD_SIGNAL: Final = Stream("lead.signal", RecordSignal, ("gateway",), "lead")
MAIL_SEND: Final = Stream("mail.send", SendLeadMail, ("lead", "mailer"), "mailer")
MAIL_EVENT: Final = Stream("mail.event", DeliveryEvent, ("mailer",), "mailer")

STREAMS: Final = (
    SESSION_MINT,
    CHAT_REQUEST,
    LEAD_CONSIDER,
    LEAD_SIGNAL,
    MAIL_SEND,
    MAIL_EVENT,
)

STREAM_OF: Final = {stream.message: stream for stream in STREAMS}
"""Where a wish or fact goes: its type decides."""

Reply = (
    SessionMinted
    | SessionRefused
    | ChatChunk
    | ChatRefused
    | LeadDecision
    | LeadMailSent
    | LeadMailHeld
)
"""Everything that travels on a reply address."""
