"""Conversations of our own chat, read from its store by other services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from libs.conversations.items import read_items
from libs.conversations.port import Conversation
from libs.conversations.store import PAGE_LIMIT, ChatStore, ItemRow, Opened, Owner
from libs.errors import Unavailable

PAGES: Final = 50
FEW: Final = 5

_decode = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True)
class OwnConversations:
    """Conversations. What a visitor removed from their own list is still read here."""

    kept: ChatStore

    async def read(self, shop: str, thread_id: str) -> Conversation | None:
        opened = await self.kept.opened(shop, thread_id, limit=PAGE_LIMIT)
        if opened is None:
            return None
        rows, truncated = await self._rows(opened)
        reading = read_items(_raw(row) for row in rows)
        return Conversation(
            thread_id=thread_id,
            visitor=opened.owner.visitor,
            title=opened.thread.title,
            items=reading.items,
            unknown_items=reading.unknown_items,
            truncated=truncated,
        )

    async def last_item_id(self, shop: str, thread_id: str) -> str | None:
        """By the rules that `read` shows items by, or the two would never agree."""
        opened = await self.kept.opened(shop, thread_id, limit=FEW, newest_first=True)
        if opened is None:
            return None
        page = opened.page
        while not (shown := _first_shown(page.rows)) and page.has_more:
            page = await self.kept.items(
                opened.owner, thread_id, after=page.rows[-1].id, limit=FEW, newest_first=True
            )
        return shown

    async def owner(self, shop: str, thread_id: str) -> str | None:
        owner = await self.kept.owner_of(shop, thread_id)
        return owner.visitor if owner else None

    async def threads_of(self, shop: str, visitor: str) -> list[str]:
        try:
            page = await self.kept.threads(Owner(shop, visitor), limit=PAGE_LIMIT, hidden_too=True)
        except msgspec.DecodeError as error:  # one that is spoiled must not end whoever looks
            raise Unavailable("conversations", "a thread cannot be read") from error
        return [thread.id for thread in page.rows]

    async def forget(self, shop: str, thread_id: str) -> bool:
        owner = await self.kept.owner_of(shop, thread_id)
        return owner is not None and await self.kept.forget(owner, thread_id)

    async def _rows(self, opened: Opened) -> tuple[list[ItemRow], bool]:
        """All pages up to a cap, and then the newest one, where the phone number stands."""
        thread = opened.owner, opened.thread.id
        rows, more = list(opened.page.rows), opened.page.has_more
        for _ in range(PAGES - 1):
            if not more:
                break
            page = await self.kept.items(*thread, after=rows[-1].id, limit=PAGE_LIMIT)
            rows, more = rows + list(page.rows), page.has_more
        if not more:
            return rows, False
        newest = await self.kept.items(*thread, limit=PAGE_LIMIT, newest_first=True)
        return rows + [row for row in reversed(newest.rows) if row.id > rows[-1].id], True


def _first_shown(rows: Sequence[ItemRow]) -> str | None:
    return next((item.id for row in rows for item in read_items([_raw(row)]).items), None)


def _raw(row: ItemRow) -> dict[str, Any]:
    """The item as it was said.

    One answered in place gets the answer's time and an id of its own, or a phone number typed into
    a field would look like nothing new.
    """
    raw = _decode(row.body)
    if row.kind == "structured_input" and raw.get("status") == "answered":
        raw["id"] = f"{row.id}.answer"
        raw["created_at"] = row.changed_at
    return raw
