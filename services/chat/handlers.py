"""Answers a request of the chat, and lets the lead be considered after every turn."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

import msgspec

from libs.conversations.ids import new_thread_id, next_item_id
from libs.conversations.store import ChatStore, Owner, TurnRow
from libs.errors import Unavailable
from libs.messages.base import Message
from libs.messages.chat import ChatChunk, ChatRefused, ChatRequest
from libs.messages.lead import ConsiderLead
from libs.runtime.clock import Clock
from libs.runtime.ids import NewId
from libs.runtime.log import Log
from libs.shops.profile import Shops
from libs.streams.port import Delivery, Publisher
from services.chat.ports import ChatProtocol, ChatRefusal, Visit
from services.chat.request import Operation, read_operation


@dataclass(frozen=True)
class Chat:
    protocol: ChatProtocol
    kept: ChatStore
    shops: Shops
    publisher: Publisher
    clock: Clock
    new_id: NewId
    log: Log

    async def answer(self, delivery: Delivery[ChatRequest]) -> None:
        """May run twice: the turn remembers the ids of its message and thread, so a message is kept
        once and answered once. A turn that was cut off ends with an error that offers a retry.
        """
        request = delivery.message
        voice = _Voice(self.publisher, delivery.reply_to)
        try:
            operation = read_operation(request.body)
            visit = self._visit(request, operation)
            if operation.speaks:
                await self._take_turn(delivery, operation, visit, voice)
            else:
                data = await self.protocol.answer(request.body, visit)
                await voice.say(ChatChunk(data=data, streaming=False, last=True))
        except ChatRefusal as refusal:
            await voice.say(_refused(refusal))
            return
        except Unavailable as down:
            self.log.warning("chat_unavailable", part=down.part, request_id=request.request_id)
            await voice.say(_refused(_LATER, retry_after_seconds=5))
            return
        if visit.turn:
            await self._consider(request, visit, visit.turn.thread_id)
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

    async def _take_turn(
        self,
        delivery: Delivery[ChatRequest],
        operation: Operation,
        visit: Visit,
        voice: _Voice,
    ) -> None:
        before = await self._open_turn(delivery, operation, visit)
        turn = visit.turn
        if before and await self._was_heard(operation, visit):
            cut = before.state != "settled"
            if cut:
                await self._mark(visit, before, "cut")
            events = self.protocol.repeat(visit, created=operation.creates, cut=cut)
        else:
            cut = False
            events = self.protocol.stream(delivery.message.body, visit)
        await _pass_on(events, voice)
        if turn and not cut:
            await self._mark(visit, turn, "settled")

    async def _open_turn(
        self, delivery: Delivery[ChatRequest], operation: Operation, visit: Visit
    ) -> TurnRow | None:
        """Gives the visit its turn; returns the one of an earlier delivery, which then counts."""
        thread_id = operation.params.thread_id
        if operation.creates:
            thread_id = new_thread_id(self.new_id)
        else:
            visit.newest_id = await self._newest(visit.owner, thread_id)
        now = self.clock.now()
        visit.newest_id = next_item_id(now, self.new_id, after=visit.newest_id)
        visit.turn = TurnRow(
            key=_turn_key(delivery), thread_id=thread_id, message_id=visit.newest_id, at=now
        )
        before = await self.kept.open_turn(visit.owner, visit.turn)
        if before:
            visit.turn = before
            visit.newest_id = max(visit.newest_id, before.message_id)
        return before

    async def _newest(self, owner: Owner, thread_id: str) -> str:
        if not thread_id:
            raise ChatRefusal(400, "invalid_request", "The field params.thread_id is missing.")
        thread = await self.kept.thread(owner, thread_id)
        if thread is None or thread.hidden:
            raise ChatRefusal(404, "not_found", "There is no such thread.")
        newest = await self.kept.items(owner, thread_id, limit=1, newest_first=True)
        return newest.rows[0].id if newest.rows else ""

    async def _was_heard(self, operation: Operation, visit: Visit) -> bool:
        """Whether the earlier delivery kept what the visitor said; else it is simply taken now."""
        if visit.turn is None:
            return False
        thread_id, item_id = visit.turn.thread_id, operation.params.item_id or ""
        if operation.brings_message:
            item_id = visit.turn.message_id
        item = await self.kept.item(visit.owner, thread_id, item_id)
        if operation.type == "threads.add_structured_input":
            return item is not None and item.changed_at > item.at
        return item is not None or not operation.brings_message

    async def _mark(self, visit: Visit, turn: TurnRow, state: str) -> None:
        await self.kept.put_turn(visit.owner, msgspec.structs.replace(turn, state=state))

    async def _consider(self, request: ChatRequest, visit: Visit, thread_id: str) -> None:
        await self.publisher.publish(
            ConsiderLead(
                request_id=request.request_id,
                shop=request.shop,
                thread_id=thread_id,
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


async def _pass_on(events: AsyncIterator[str], voice: _Voice) -> None:
    async with aclosing(events) as open_events:  # type: ignore[type-var]
        async for data in open_events:
            await voice.say(ChatChunk(data=data))


def _turn_key(delivery: Delivery[ChatRequest]) -> str:
    """A browser that repeats a request keeps its id; without one the delivery has its own."""
    request = delivery.message
    name = request.request_id or delivery.reply_to or delivery.entry_id
    return hashlib.blake2b(f"{name}\n{request.body}".encode(), digest_size=16).hexdigest()


_LATER = ChatRefusal(503, "unavailable", "The chat cannot be reached for a moment; try again.")


def _refused(refusal: ChatRefusal, *, retry_after_seconds: int = 0) -> ChatRefused:
    return ChatRefused(
        status=refusal.status,
        error=refusal.code,
        detail=refusal.detail,
        retry_after_seconds=retry_after_seconds,
    )
