"""A chat in memory: the real handlers, SDK and practice agent around fakes, by a clock of ours."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from libs.blobs.fakes import MemoryBlobs
from libs.conversations.fakes import MemoryChatStore
from libs.conversations.own import OwnConversations
from libs.conversations.store import ChatStore, Owner
from libs.messages.chat import ChatChunk, ChatRefused, ChatRequest
from libs.runtime.log import Log
from libs.shops.profile import load_shops
from libs.streams.fakes import RememberingPublisher
from libs.streams.port import Delivery
from services.chat.adapters.attachments import BlobAttachments
from services.chat.adapters.chatkit import ChatKit
from services.chat.adapters.kept import KeptThreads, SdkAttachments
from services.chat.adapters.speaking import Speaking
from services.chat.handlers import Chat
from services.chat.ports import Agent, Moment, PhoneField
from services.chat.practice import PracticeAgent
from services.chat.turns import Turns
from tests.clock import HandClock

SHOPS = load_shops(Path(__file__).parents[3] / "deploy" / "shops")
KEYS = ("k" * 40,)
FRIDAY_NOON = 1_795_204_800.0
"""2026-11-20 12:00 in Los Angeles: open until 5 PM."""

Json = dict[str, Any]


@dataclass
class Scripted:
    """Agent that says what it is told to, and remembers what it was asked."""

    pieces: tuple[str | PhoneField | BaseException, ...] = ("Sure", ", tell me more.")
    moments: list[Moment] = field(default_factory=list)

    async def answer(self, moment: Moment) -> AsyncIterator[str | PhoneField]:
        self.moments.append(moment)
        for piece in self.pieces:
            if isinstance(piece, BaseException):
                raise piece
            yield piece


@dataclass
class Answer:
    """What came back for one request."""

    events: list[Json]
    json: Json | None = None
    refused: ChatRefused | None = None

    def of(self, kind: str) -> list[Json]:
        return [event for event in self.events if event["type"] == kind]

    @property
    def items(self) -> list[Json]:
        return [e["item"] for e in self.events if e["type"] == "thread.item.done"]

    @property
    def said(self) -> str:
        """The assistant's text of this answer."""
        texts = [
            part["text"]
            for item in self.items
            if item["type"] == "assistant_message"
            for part in item["content"]
        ]
        return " ".join(texts)

    @property
    def thread_id(self) -> str:
        return str(self.of("thread.created")[0]["thread"]["id"])


class World:
    def __init__(self, agent: Agent | None = None, kept: ChatStore | None = None) -> None:
        self.clock = HandClock(FRIDAY_NOON)
        self.kept = kept or MemoryChatStore()
        self.blobs = MemoryBlobs()
        self.publisher = RememberingPublisher()
        self.agent = agent or PracticeAgent()
        self.conversations = OwnConversations(self.kept)
        self.logged = io.StringIO()
        self._numbers = itertools.count(1)
        self.chat = self.process()

    def process(self, agent: Agent | None = None, kept: ChatStore | None = None) -> Chat:
        """Another process of the same service on the same store."""
        kept = kept or self.kept
        attachments = BlobAttachments(
            self.blobs, KEYS, "https://chat.example", self.clock, self.new_id
        )
        threads = KeptThreads(kept, attachments, self.clock, self.new_id)
        speaking = Speaking(
            threads,
            SdkAttachments(attachments),
            kept=kept,
            agent=agent or self.agent,
            clock=self.clock,
            log=Log("chat", level="error", out=self.logged),
        )
        return Chat(
            protocol=ChatKit(speaking),
            turns=Turns(kept, self.clock, self.new_id),
            shops=SHOPS,
            publisher=self.publisher,
            log=Log("chat", level="error", out=self.logged),
        )

    def new_id(self) -> str:
        return f"{next(self._numbers):022}"

    async def ask(self, body: Json | str, **more: Any) -> Answer:
        return await self.deliver(self.delivery(body, **more))

    def delivery(self, body: Json | str, **more: Any) -> Delivery[ChatRequest]:
        text = body if isinstance(body, str) else json.dumps(body)
        given = {"shop": "craigs", "visitor": "v_ana", "locale": "en", **more}
        number = next(self._numbers)
        given.setdefault("request_id", f"request-{number}")
        return Delivery(
            message=ChatRequest(body=text, **given),
            entry_id=f"{number}-0",
            reply_to=f"reply-{number}",
        )

    async def deliver(self, delivery: Delivery[ChatRequest], chat: Chat | None = None) -> Answer:
        before = len(self.publisher.replies)
        await (chat or self.chat).answer(delivery)
        chunks = [chunk for _, chunk in self.publisher.replies[before:]]
        return read_answer(chunks)

    async def threads_of(self, visitor: str) -> list[str]:
        return [t.id for t in (await self.kept.threads(Owner("craigs", visitor))).rows]


def read_answer(chunks: list[Any]) -> Answer:
    """Held to what the gateway relies on: one last chunk, and it is the last."""
    assert [getattr(chunk, "last", False) for chunk in chunks] == [False] * (len(chunks) - 1) + [
        True
    ]
    if isinstance(chunks[-1], ChatRefused):
        return Answer([], refused=chunks[-1])
    assert all(isinstance(chunk, ChatChunk) for chunk in chunks)
    if not chunks[-1].streaming:
        return Answer([], json=json.loads(chunks[-1].data))
    return Answer([json.loads(chunk.data) for chunk in chunks if chunk.data])


def message(text: str, *attachments: str, quoted: str | None = None) -> Json:
    return {
        "content": [{"type": "input_text", "text": text}],
        "attachments": list(attachments),
        "quoted_text": quoted,
        "inference_options": {},
    }


def create(text: str, *attachments: str, conversation: object = "") -> Json:
    return {
        "type": "threads.create",
        "params": {"input": message(text, *attachments)},
        "metadata": {"conversation": conversation} if conversation else {},
    }


def add(thread_id: str, text: str, *attachments: str) -> Json:
    params = {"thread_id": thread_id, "input": message(text, *attachments)}
    return {"type": "threads.add_user_message", "params": params}


def retry(thread_id: str, item_id: str) -> Json:
    return {
        "type": "threads.retry_after_item",
        "params": {"thread_id": thread_id, "item_id": item_id},
    }


def answer_field(thread_id: str, item_id: str, value: str | None) -> Json:
    given = {"values": [value]} if value is not None else {"skipped": True}
    status = "answered" if value is not None else "skipped"
    submitted = {"status": status, "answers": {"phone": given}}
    params = {"thread_id": thread_id, "item_id": item_id, "input": submitted}
    return {"type": "threads.add_structured_input", "params": params}
