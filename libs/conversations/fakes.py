"""Conversations in memory, with a hook where a source can misbehave."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from libs.conversations.port import Conversation

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
