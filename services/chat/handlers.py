"""Answers a request of the chat, and lets the lead be considered after every turn."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from libs.conversations.store import Owner
from libs.errors import Unavailable
from libs.messages.base import Message
from libs.messages.chat import ChatChunk, ChatRefused, ChatRequest
from libs.messages.lead import ConsiderLead
from libs.runtime.log import Log
from libs.shops.profile import Shops
from libs.streams.port import Delivery, Publisher
from services.chat.ports import ChatProtocol, ChatRefusal, Visit
from services.chat.request import Operation, read_operation
from services.chat.turns import Turns

LATER_SECONDS: Final = 5


@dataclass(frozen=True)
class Chat:
    protocol: ChatProtocol
    turns: Turns
    shops: Shops
    publisher: Publisher
    log: Log

    async def answer(self, delivery: Delivery[ChatRequest]) -> None:
        """May run twice: the turn remembers what was heard and said (`turns.py`)."""
        request = delivery.message
        voice = _Voice(self.publisher, delivery.reply_to)
        try:
            operation = read_operation(request.body)
            visit = self._visit(request, operation)
            if not operation.speaks:
                data = await self.protocol.answer(request.body, visit)
                await voice.say(ChatChunk(data=data, streaming=False, last=True))
                return
            await self._speak(delivery, operation, visit, voice)
        except ChatRefusal as refusal:
            await voice.say(_refused(refusal))
            return
        except Unavailable as down:
            self.log.warning("chat_unavailable", part=down.part, request_id=request.request_id)
            await voice.say(_refused(_later()))
            return
        await self._consider(request, visit)
        await voice.say(ChatChunk(data="", last=True))

    def _visit(self, request: ChatRequest, operation: Operation) -> Visit:
        shop = self.shops.by_slug.get(request.shop)
        if shop is None:
            raise ChatRefusal(403, "unknown_shop", "This shop is not served here.")
        if not request.visitor:
            raise ChatRefusal(401, "invalid_session", "This chat session is not valid.")
        return Visit(
            owner=Owner(request.shop, request.visitor),
            shop=shop,
            locale=operation.metadata.locale or request.locale,
            page_url=operation.metadata.page_url or request.page_url,
        )

    async def _speak(
        self, delivery: Delivery[ChatRequest], operation: Operation, visit: Visit, voice: _Voice
    ) -> None:
        way = await self.turns.take(delivery, operation, visit)
        if way == "new":
            events = self.protocol.stream(delivery.message.body, visit)
        else:
            created = operation.creates
            events = self.protocol.repeat(visit, created=created, cut=way == "cut")
        async with aclosing(events):
            async for data in events:
                await voice.say(ChatChunk(data=data))
        if way == "new":
            await self.turns.settle(visit)

    async def _consider(self, request: ChatRequest, visit: Visit) -> None:
        """Raises Unavailable: then the delivery comes again, and finds its turn settled."""
        await self.publisher.publish(
            ConsiderLead(
                request_id=request.request_id,
                shop=request.shop,
                thread_id=visit.turn.thread_id if visit.turn else "",
                reason="auto",
                visitor=request.visitor,
                locale=visit.locale,
                page_url=visit.page_url,
            )
        )


@dataclass
class _Voice:
    """The way back to the browser. When it is gone, the answer is made and kept all the same."""

    publisher: Publisher
    reply_to: str
    unheard: bool = False

    async def say(self, chunk: Message) -> None:
        if not self.unheard:
            try:
                await self.publisher.reply(self.reply_to, chunk)
            except Unavailable:
                self.unheard = True


def _later() -> ChatRefusal:
    detail = "The chat cannot be reached for a moment; please try again."
    return ChatRefusal(503, "unavailable", detail, retry_after_seconds=LATER_SECONDS)


def _refused(refusal: ChatRefusal) -> ChatRefused:
    return ChatRefused(
        status=refusal.status,
        error=refusal.code,
        detail=refusal.detail,
        retry_after_seconds=refusal.retry_after_seconds,
    )
