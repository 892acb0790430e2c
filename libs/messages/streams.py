"""THE MAP: every stream, the message on it, who writes it and who reads it.

    gateway ── MintSession ──▶ session ── SessionReply ──▶ (reply)
    gateway ── ChatRequest ──▶ chat ── ChatReply chunks ──▶ (reply)
    gateway, chat, lead, mailer, ops ── ConsiderLead ──▶ lead ── LeadDecision ──▶ (reply)
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
    reader: str


SESSION_MINT: Final = Stream("session.mint", MintSession, "session")
CHAT_REQUEST: Final = Stream("chat.request", ChatRequest, "chat")
LEAD_CONSIDER: Final = Stream("lead.consider", ConsiderLead, "lead")
LEAD_SIGNAL: Final = Stream("lead.signal", RecordSignal, "lead")
MAIL_SEND: Final = Stream("mail.send", SendLeadMail, "mailer")
MAIL_EVENT: Final = Stream("mail.event", DeliveryEvent, "mailer")

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
