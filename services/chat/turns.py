"""Turns: what makes a request that is delivered twice one message and one answer."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from libs.conversations.ids import THREAD_PREFIX, new_thread_id, next_item_id
from libs.conversations.store import ChatStore, Owner, TurnRow
from libs.errors import Unavailable
from libs.messages.chat import ChatRequest
from libs.runtime.clock import Clock
from libs.runtime.ids import NewId
from libs.streams.port import Delivery
from services.chat.ports import ChatRefusal, Visit
from services.chat.request import Operation

ANSWER_SECONDS: Final = 240.0
"""The longest a turn may take: above both tries of a model that takes all its time."""

Way = Literal["new", "again"]
"""`new`: answer it. `again`: tell what was kept of it, and that it broke off if it did."""


@dataclass(frozen=True)
class Turns:
    """A turn is written before anything else, with the ids its thread and message will have.

    first delivery     turn ─ thread ─ message ─ answer ─ settled
    second delivery    finds the turn:
                         no message kept   → `new`, under the same ids; the turn is open again
                         settled           → `repeat` what was kept
                         else              → `cut`: whoever still answers must keep nothing more
    trying again    lays the thread's floor: an answer of a turn below it is not kept. It cannot
                    wait for the answer under way, whose process may be dead.
    """

    kept: ChatStore
    clock: Clock
    new_id: NewId

    async def find_owner(self, visit: Visit, thread_id: str) -> None:
        """A thread stays with the name that its visitor had when it began."""
        for owner in visit.owners[1:] if thread_id else ():
            if await self.kept.thread(owner, thread_id):
                visit.owner = owner

    async def take(
        self, delivery: Delivery[ChatRequest], operation: Operation, visit: Visit
    ) -> Way:
        """Gives the visit its turn. Raises ChatRefusal, Unavailable."""
        turn = await self._drafted(delivery, operation, visit)
        before = await self.kept.open_turn(visit.owner, turn)
        visit.turn = before or turn
        if before is None:
            if operation.tries_again:
                await self._lay_floor(visit, turn)
            return "new"
        visit.newest_id = max(visit.newest_id, before.message_id)
        repeated = before.state == "open" and before.reply_to != delivery.reply_to
        if repeated and turn.at - before.at < ANSWER_SECONDS:
            raise ChatRefusal(
                409, "in_progress", "This message is being answered already.", retry_after_seconds=2
            )
        if not await self._was_heard(operation, visit.owner, before):
            visit.turn = msgspec.structs.replace(
                before, at=turn.at, reply_to=delivery.reply_to, state="open"
            )
            await self.kept.put_turn(visit.owner, visit.turn)
            return "new"
        if before.state == "open":
            await self.kept.put_turn(visit.owner, msgspec.structs.replace(before, state="cut"))
        return "again"

    async def settle(self, visit: Visit) -> None:
        """Nobody answers it any more. Best effort: a turn whose answer is kept is repeated, settled
        or not; one that failed before its message was kept is refused for a while otherwise.
        """
        if visit.turn:
            settled = msgspec.structs.replace(visit.turn, state="settled")
            with suppress(Unavailable):
                await self.kept.put_turn(visit.owner, settled)

    async def _lay_floor(self, visit: Visit, turn: TurnRow) -> None:
        """Before the items are listed that the new answer replaces."""
        visit.tries_again = True
        floor = msgspec.structs.replace(turn, key=_floor(turn.thread_id))
        await self.kept.put_turn(visit.owner, floor)

    async def _drafted(
        self, delivery: Delivery[ChatRequest], operation: Operation, visit: Visit
    ) -> TurnRow:
        thread_id = operation.params.thread_id
        if operation.creates:
            thread_id = await self._begun_by(operation, visit)
        if visit.begun or not operation.creates:
            visit.newest_id = await self._newest(visit.owner, thread_id)
        now = self.clock.now()
        visit.newest_id = next_item_id(now, self.new_id, after=visit.newest_id)
        return TurnRow(
            key=_key(delivery),
            thread_id=thread_id,
            message_id=visit.newest_id,
            at=now,
            reply_to=delivery.reply_to,
        )

    async def _begun_by(self, operation: Operation, visit: Visit) -> str:
        """All first messages of a conversation begin one thread, in whatever order they come, and
        also when the site keys are rotated in between.
        """
        name = operation.conversation
        if not name:
            return new_thread_id(self.new_id)
        for owner in visit.owners:
            if await self.kept.thread(owner, _named(name, owner)):
                visit.owner, visit.begun = owner, True
                break
        return _named(name, visit.owner)

    async def _newest(self, owner: Owner, thread_id: str) -> str:
        if not thread_id:
            raise ChatRefusal(400, "invalid_request", "The field params.thread_id is missing.")
        thread, newest, floor = await asyncio.gather(
            self.kept.thread(owner, thread_id),
            self.kept.items(owner, thread_id, limit=1, newest_first=True),
            self.kept.turn(owner, _floor(thread_id)),
        )
        if thread is None or thread.hidden:
            raise ChatRefusal(404, "not_found", "There is no such thread.")
        return max(newest.rows[0].id if newest.rows else "", floor.message_id if floor else "")

    async def _was_heard(self, operation: Operation, owner: Owner, turn: TurnRow) -> bool:
        """Whether what the visitor said is kept; if not, they saw no answer to it either."""
        if operation.brings_message:
            return await self.kept.item(owner, turn.thread_id, turn.message_id) is not None
        if operation.type == "threads.add_structured_input":
            item = await self.kept.item(owner, turn.thread_id, operation.params.item_id or "")
            return item is not None and item.changed_at > item.at
        return True


async def is_lost(kept: ChatStore, visit: Visit) -> bool:
    """Whether another delivery took this turn over, or somebody tried again since.

    Of two who try again, the one whose floor stays is the one whose answer does.
    """
    mine = visit.turn
    if mine is None:
        return False
    turn, floor = await asyncio.gather(
        kept.turn(visit.owner, mine.key), kept.turn(visit.owner, _floor(mine.thread_id))
    )
    if turn and turn.state == "cut":
        return True
    if floor is None:
        return False
    if visit.tries_again:
        return floor.message_id != mine.message_id
    return floor.message_id > mine.message_id


def _named(conversation: str, owner: Owner) -> str:
    return THREAD_PREFIX + _digest(owner.shop, owner.visitor, conversation)


def _floor(thread_id: str) -> str:
    return f"floor.{thread_id}"


def _key(delivery: Delivery[ChatRequest]) -> str:
    """A browser that repeats a request keeps its id; without one the delivery has its own."""
    request = delivery.message
    name = request.request_id or delivery.reply_to or delivery.entry_id
    return _digest(name, request.body)


def _digest(*words: str) -> str:
    return hashlib.blake2b("\n".join(words).encode(), digest_size=16).hexdigest()
