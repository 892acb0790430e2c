"""Conversations in memory, with a hook where a source can misbehave; and a chat store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from libs.conversations.port import Conversation
from libs.conversations.store import (
    AttachmentRow,
    ItemRow,
    Opened,
    Owner,
    Page,
    R,
    ThreadMissingError,
    ThreadRow,
    TurnRow,
)

Hook = Callable[[str, str], Awaitable[None]]
"""Called as (method, thread or visitor) before each call; may wait or raise Unavailable."""


class MemoryConversations:
    """Conversations: `threads` is a plain dict; `reads` counts transcripts handed out."""

    def __init__(self, hook: Hook | None = None) -> None:
        self.threads: dict[tuple[str, str], Conversation] = {}
        self._hook = hook
        self.reads = 0

    def put(self, shop: str, conversation: Conversation) -> None:
        self.threads[shop, conversation.thread_id] = conversation

    async def read(self, shop: str, thread_id: str) -> Conversation | None:
        await self._before("read", thread_id)
        self.reads += 1
        return self.threads.get((shop, thread_id))

    async def last_item_id(self, shop: str, thread_id: str) -> str | None:
        await self._before("last_item_id", thread_id)
        conversation = self.threads.get((shop, thread_id))
        return conversation.items[-1].id if conversation and conversation.items else None

    async def owner(self, shop: str, thread_id: str) -> str | None:
        await self._before("owner", thread_id)
        conversation = self.threads.get((shop, thread_id))
        return conversation.visitor if conversation else None

    async def threads_of(self, shop: str, visitor: str) -> list[str]:
        await self._before("threads_of", visitor)
        return [
            thread_id
            for (of_shop, thread_id), conversation in reversed(self.threads.items())
            if of_shop == shop and conversation.visitor == visitor
        ]

    async def forget(self, shop: str, thread_id: str) -> bool:
        await self._before("forget", thread_id)
        return self.threads.pop((shop, thread_id), None) is not None

    async def _before(self, method: str, about: str) -> None:
        if self._hook is not None:
            await self._hook(method, about)


class MemoryChatStore:
    """ChatStore: four dictionaries."""

    def __init__(self) -> None:
        self._threads: dict[tuple[Owner, str], ThreadRow] = {}
        self._items: dict[tuple[Owner, str], dict[str, ItemRow]] = {}
        self._attachments: dict[tuple[Owner, str], AttachmentRow] = {}
        self._turns: dict[tuple[Owner, str], TurnRow] = {}

    async def put_thread(self, owner: Owner, thread: ThreadRow) -> None:
        first = self._threads.get((owner, thread.id), thread)
        self._threads[owner, thread.id] = msgspec.structs.replace(
            thread, created_at=first.created_at
        )
        self._items.setdefault((owner, thread.id), {})

    async def thread(self, owner: Owner, thread_id: str) -> ThreadRow | None:
        return self._threads.get((owner, thread_id))

    async def threads(
        self,
        owner: Owner,
        *,
        after: str = "",
        limit: int = 20,
        newest_first: bool = True,
        hidden_too: bool = False,
    ) -> Page[ThreadRow]:
        mine = [row for (whose, _), row in self._threads.items() if whose == owner]
        ordered = sorted(mine, key=lambda row: (row.created_at, row.id), reverse=newest_first)
        rest = _behind([(row.id, row) for row in ordered], after)
        return _page([row for row in rest if hidden_too or not row.hidden], limit)

    async def put_item(self, owner: Owner, thread_id: str, item: ItemRow) -> None:
        if (owner, thread_id) not in self._threads:
            raise ThreadMissingError(thread_id)
        self._items[owner, thread_id][item.id] = item

    async def item(self, owner: Owner, thread_id: str, item_id: str) -> ItemRow | None:
        return self._items.get((owner, thread_id), {}).get(item_id)

    async def items(
        self,
        owner: Owner,
        thread_id: str,
        *,
        after: str = "",
        limit: int = 20,
        newest_first: bool = False,
    ) -> Page[ItemRow]:
        rows = self._items.get((owner, thread_id), {})
        ordered = sorted(rows.items(), reverse=newest_first)
        if after:
            ordered = [(i, row) for i, row in ordered if (i < after if newest_first else i > after)]
        return _page([row for _, row in ordered], limit)

    async def delete_item(self, owner: Owner, thread_id: str, item_id: str) -> None:
        self._items.get((owner, thread_id), {}).pop(item_id, None)

    async def put_attachment(self, owner: Owner, attachment: AttachmentRow) -> None:
        self._attachments[owner, attachment.id] = attachment

    async def attachment(self, owner: Owner, attachment_id: str) -> AttachmentRow | None:
        return self._attachments.get((owner, attachment_id))

    async def delete_attachment(self, owner: Owner, attachment_id: str) -> None:
        self._attachments.pop((owner, attachment_id), None)

    async def open_turn(self, owner: Owner, turn: TurnRow) -> TurnRow | None:
        before = self._turns.get((owner, turn.key))
        if before is None:
            self._turns[owner, turn.key] = turn
        return before

    async def turn(self, owner: Owner, key: str) -> TurnRow | None:
        return self._turns.get((owner, key))

    async def put_turn(self, owner: Owner, turn: TurnRow) -> None:
        self._turns[owner, turn.key] = turn

    async def owner_of(self, shop: str, thread_id: str) -> Owner | None:
        found = (o for o, t in self._threads if o.shop == shop and t == thread_id)
        return next(found, None)

    async def opened(
        self, shop: str, thread_id: str, *, limit: int, newest_first: bool = False
    ) -> Opened | None:
        owner = await self.owner_of(shop, thread_id)
        if owner is None:
            return None
        page = await self.items(owner, thread_id, limit=limit, newest_first=newest_first)
        return Opened(owner=owner, thread=self._threads[owner, thread_id], page=page)

    async def forget(self, owner: Owner, thread_id: str) -> bool:
        _drop(self._turns, owner, lambda turn: turn.thread_id == thread_id)
        _drop(self._attachments, owner, lambda each: each.thread_id in {thread_id, ""})
        self._items.pop((owner, thread_id), None)
        return self._threads.pop((owner, thread_id), None) is not None

    async def expire(self, before: float) -> int:
        stale = [
            key
            for key, row in self._threads.items()
            if max([row.created_at, *(i.changed_at for i in self._items[key].values())]) < before
        ]
        for owner, thread_id in stale:
            await self.forget(owner, thread_id)
        for owner in {whose for whose, _ in (*self._attachments, *self._turns)}:
            _drop(self._attachments, owner, lambda attachment: attachment.at < before)
            _drop(self._turns, owner, lambda turn: turn.at < before)
        return len(stale)


def _drop(rows: dict[tuple[Owner, str], R], owner: Owner, goes: Callable[[R], bool]) -> None:
    for key in [key for key, row in rows.items() if key[0] == owner and goes(row)]:
        del rows[key]


def _behind(rows: list[tuple[str, R]], after: str) -> list[R]:
    names = [name for name, _ in rows]
    start = names.index(after) + 1 if after in names else len(rows) * bool(after)
    return [row for _, row in rows[start:]]


def _page(rows: list[R], limit: int) -> Page[R]:
    return Page(tuple(rows[:limit]), len(rows) > limit)
