"""Answers a request of the chat, and has the lead considered after every turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Final

from libs.conversations.store import Owner
from libs.errors import Unavailable
from libs.messages.chat import ChatChunk, ChatRefused, ChatReply, ChatRequest
from libs.messages.lead import ConsiderLead
from libs.runtime.log import Log
from libs.shops.profile import Shops
from libs.streams.port import Delivery, Publisher
from services.chat.ports import ChatProtocol, ChatRefusal, Visit
from services.chat.request import Operation, read_operation
from services.chat.turns import Turns

LATER_SECONDS: Final = 5
LOCALE_CHARACTERS: Final = 35
URL_CHARACTERS: Final = 2048


@dataclass(frozen=True)
class Chat:
    protocol: ChatProtocol
    turns: Turns
    shops: Shops
    publisher: Publisher
    log: Log

    async def answer(self, delivery: Delivery[ChatRequest]) -> None:
        """May run twice: the turn remembers what was heard and said (`turns.py`)."""
        voice = _Voice(self.publisher, delivery.reply_to)
        try:
            await self._answer(delivery, voice)
        finally:
            await voice.out()

    async def _answer(self, delivery: Delivery[ChatRequest], voice: _Voice) -> None:
        request = delivery.message
        visit: Visit | None = None
        try:
            operation = read_operation(request.body)
            visit = self._visit(request, operation)
            await self.turns.find_owner(visit, operation.params.thread_id)
            await self._respond(delivery, operation, visit, voice)
        except ChatRefusal as refusal:
            voice.say(_refused(refusal))
            return
        except Unavailable as down:
            self.log.warning("chat_unavailable", part=down.part, request_id=request.request_id)
            voice.say(_refused(_later()))
        if visit and visit.turn:
            await self._consider(request, operation, visit)
            voice.say(ChatChunk(data="", last=True))

    def _visit(self, request: ChatRequest, operation: Operation) -> Visit:
        shop = self.shops.by_slug.get(request.shop)
        if shop is None:
            raise ChatRefusal(403, "unknown_shop", "This shop is not served here.")
        if not request.visitor:
            raise ChatRefusal(401, "invalid_session", "This chat session is not valid.")
        visitors = (request.visitor, *request.earlier)
        owners = tuple(Owner(request.shop, visitor) for visitor in visitors)
        return Visit(
            owner=owners[0],
            owners=owners,
            shop=shop,
            locale=operation.told("locale", LOCALE_CHARACTERS) or request.locale,
            page_url=operation.told("page_url", URL_CHARACTERS) or request.page_url,
        )

    async def _respond(
        self, delivery: Delivery[ChatRequest], operation: Operation, visit: Visit, voice: _Voice
    ) -> None:
        body = delivery.message.body
        if not operation.speaks:
            data = await self.protocol.answer(body, visit)
            voice.say(ChatChunk(data=data, streaming=False, last=True))
            return
        way = await self.turns.take(delivery, operation, visit)
        if way == "again":
            await _say_all(self.protocol.repeat(visit, created=operation.creates), voice)
            return
        try:
            await _say_all(self.protocol.stream(body, visit), voice)
        except (ChatRefusal, Unavailable):  # a process that is stopped leaves its turn open
            await self.turns.settle(visit)
            raise
        await self.turns.settle(visit)

    async def _consider(self, request: ChatRequest, operation: Operation, visit: Visit) -> None:
        """Raises Unavailable: then the delivery comes again, and finds its turn taken.

        The session's own page is known already, and may be older than what another trigger told.
        """
        thread_id = visit.turn.thread_id if visit.turn else ""
        await self.publisher.publish(
            ConsiderLead(
                request_id=request.request_id,
                shop=request.shop,
                thread_id=thread_id,
                reason="auto",
                visitor=visit.owner.visitor,
                locale=visit.locale,
                page_url=operation.told("page_url", URL_CHARACTERS),
            )
        )
        self.log.info("chat_turn", thread_id=thread_id, request_id=request.request_id)


async def _say_all(events: AsyncGenerator[str], voice: _Voice) -> None:
    async with aclosing(events):
        async for data in events:
            voice.say(ChatChunk(data=data))


@dataclass
class _Voice:
    """The way back to the browser. Nobody who answers waits for it: what is said until a step is
    through goes with the next one. When it is gone, the answer is made and kept all the same.
    """

    publisher: Publisher
    reply_to: str
    _unsaid: list[ChatReply] = field(default_factory=list)
    _over: bool = False
    """The last was said: of a turn that was refused, that was the refusal."""
    _saying: asyncio.Task[None] | None = None
    """Stays when the way is gone: then nothing more is said."""

    def say(self, chunk: ChatReply) -> None:
        if self._over:
            return
        self._over = chunk.last
        self._unsaid.append(chunk)
        if self._saying is None:
            self._saying = asyncio.create_task(self._say())

    async def _say(self) -> None:
        """Begins in the next turn of the loop, with all that was said in this one."""
        with suppress(Unavailable):
            while chunks := self._unsaid:
                self._unsaid = []
                await self.publisher.reply(self.reply_to, *chunks)
            self._saying = None

    async def out(self) -> None:
        """Once all is said, or cannot be."""
        if self._saying:
            await self._saying


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
