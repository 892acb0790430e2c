"""The gateway's own routes without a connection: what is asked, answered, passed on and logged."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from libs.blobs.fakes import MemoryBlobs
from libs.identity.sessions import Session, mint_session_token
from libs.identity.visitors import visitor_ids
from libs.ledger.fakes import MemoryRecords
from libs.limits.fakes import MemoryLimits
from libs.messages.base import Message
from libs.messages.chat import ChatChunk, ChatRequest
from libs.messages.lead import ConsiderLead, LeadDecision
from libs.messages.session import MintSession, SessionMinted
from libs.runtime.settings import load
from libs.shops.profile import load_shops
from libs.streams.fakes import RememberingPublisher
from libs.web.answers import Answer
from libs.web.edge import Edge
from libs.web.health import Health
from services.gateway.admission import Admission
from services.gateway.attachments import AttachmentProxy
from services.gateway.chat import Chat
from services.gateway.front import Front, load_phrases, static_files
from services.gateway.front import load as load_file
from services.gateway.handlers import Leads, Sessions, Signals
from services.gateway.message_page import MessageLinks
from services.gateway.origins import Origins
from services.gateway.routes import Parts, routes
from services.gateway.settings import GatewaySettings
from services.gateway.visitors import Visitors
from tests.gateway import KEYS, ORIGIN, SHOP, UNLIMITED
from tests.unit.web.calls import Recorder, call

SETTINGS: Final = load(GatewaySettings, UNLIMITED)
ORIGINS: Final = Origins(load_shops(Path(__file__).parents[2] / "deploy" / "shops"), ())
FILES: Final = tuple(load_file(file) for file in static_files(()))
PHRASES: Final = load_phrases()
ANSWERS: Final[dict[type[Message], Message]] = {
    MintSession: SessionMinted(client_secret="s", expires_at=1, user="u", mode="own"),
    ConsiderLead: LeadDecision(thread_id="cthr_a", sent=False, reason="held"),
    ChatRequest: ChatChunk(data="{}", streaming=False, last=True),
}


LOGGED: Final = {
    "timestamp", "level", "service", "event", "request_id", "route", "status", "seconds", "outcome",
    "thread_id", "shop",
}  # fmt: skip
"""Of a request."""


def session_token(now: float) -> str:
    visitors = visitor_ids(KEYS, "u-1")
    session = Session(shop=SHOP, visitors=visitors, expires=int(now) + 600, locale="", page_url="")
    return mint_session_token(KEYS, session)


class Behind(RememberingPublisher):
    """The services: they say the same to everybody."""

    async def ask(self, wish: Message, *, timeout_seconds: float) -> Message:
        await self.publish(wish)
        return ANSWERS[type(wish)]

    async def ask_many(
        self, wish: Message, *, timeout_seconds: float, resume: str = "", owner: str = ""
    ) -> AsyncIterator[tuple[str, Message]]:
        yield "1", await self.ask(wish, timeout_seconds=timeout_seconds)


class FrontDoor:
    def __init__(self) -> None:
        self.recorder = Recorder()
        self.behind = Behind()
        recorder, behind, clock = self.recorder, self.behind, self.recorder.clock
        admission = Admission(MemoryLimits(clock), 0, recorder.metrics, recorder.log)
        visitors = Visitors(KEYS, clock)
        blobs, records, nobody = MemoryBlobs(), MemoryRecords(clock), Any
        parts = Parts(
            sessions=Sessions(behind, admission, SETTINGS),
            leads=Leads(behind, behind, admission, visitors, SETTINGS),
            signals=Signals(behind, admission, visitors, SETTINGS, clock),
            chat=Chat(behind, admission, visitors, SETTINGS),
            photos=AttachmentProxy(nobody, admission, visitors, SETTINGS, ""),
            links=MessageLinks(blobs, records, admission, SETTINGS, clock, ORIGINS.shops, KEYS),
            front=Front(ORIGINS.shops, SETTINGS, clock, (), PHRASES),
            files=FILES,
            guests=frozenset(),
            ops=Health((), recorder.requests),
        )
        self.edge = Edge(routes(parts), recorder.log, recorder.requests, ORIGINS.shop_of)

    async def get(self, target: str) -> tuple[int, str]:
        answer = await self.edge.answer(call("GET", target))
        assert isinstance(answer, Answer)
        return answer.status, answer.body.decode()

    async def post(self, path: str, body: str | bytes, **headers: str) -> tuple[int, Any]:
        """By a page of the shop, and for the chat, where it is needed, with a session."""
        usual = {"Origin": ORIGIN, "Content_Type": "application/json"}
        if path == "/api/chatkit":
            usual["Authorization"] = f"Bearer {session_token(self.recorder.clock.now())}"
        raw = body if isinstance(body, bytes) else body.encode()
        asked = call("POST", path, raw, **{**usual, **headers})
        answer = await self.edge.answer(asked)
        assert isinstance(answer, Answer)
        return answer.status, json.loads(answer.body)

    def passed_on(self) -> list[Message]:
        """Since it was last asked."""
        published, self.behind.published = self.behind.published, []
        return published

    def log_lines(self) -> list[dict[str, Any]]:
        self.recorder.requests.flush()
        return [json.loads(line) for line in self.recorder.text.getvalue().splitlines()]
