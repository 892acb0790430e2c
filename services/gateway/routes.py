"""The table of what the gateway answers; a test holds `openapi.json` to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from libs.web.edge import Route
from libs.web.health import Health
from services.gateway import attachments, message_page
from services.gateway.attachments import AttachmentProxy
from services.gateway.chat import Chat
from services.gateway.front import Front, Loaded
from services.gateway.handlers import Leads, Sessions, Signals
from services.gateway.message_html import apology, apology_page
from services.gateway.message_page import MessageLinks


@dataclass(frozen=True)
class Parts:
    sessions: Sessions
    leads: Leads
    signals: Signals
    chat: Chat
    photos: AttachmentProxy
    links: MessageLinks
    front: Front
    files: Sequence[Loaded]
    ops: Health
    guests: frozenset[str]
    """Origins of the frame of OpenAI's chat runtime: it uploads by signed link on its own."""


def routes(parts: Parts) -> tuple[Route, ...]:
    photos, photo, front, guests = parts.photos, attachments.PATH, parts.front, parts.guests
    links = parts.links
    return (
        Route("POST", "/api/chatkit/session", parts.sessions.mint, "session"),
        Route("POST", "/api/chatkit/lead", parts.leads.consider, "lead"),
        Route("POST", "/api/lead-signal", parts.signals.record, "lead_signal"),
        Route("POST", "/api/chatkit", parts.chat.answer, "chat", whole=False),
        Route("POST", photo, photos.upload, "upload", whole=False, also_from=guests),
        Route("PUT", photo, photos.upload, "upload", whole=False, also_from=guests),
        Route("GET", photo, photos.view, "attachment", whole=False, apology=apology),
        Route("GET", message_page.PAGE, links.page, "message_page", apology=apology_page),
        Route("GET", message_page.API, links.api, "message_link"),
        Route("GET", "/amplify_outputs.json", front.endpoints, "amplify_outputs"),
        Route("GET", "/handoff.json", front.config, "config"),
        Route("GET", "/inbox", front.inbox, "inbox"),
        *(Route("GET", loaded.file.path, loaded.serve, "static") for loaded in parts.files),
        *parts.ops.routes(),
    )
