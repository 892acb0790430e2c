"""A conversation as lead, mailer and ops see it, whoever hosted it."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

Speaker = Literal["customer", "assistant", "note"]


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    mime_type: str
    preview_url: str = ""
    """Only ever fetched through the allow-list, and only where the provider keeps the file."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    speaker: Speaker
    """`note`: a widget, task or tool call turned into text; never customer speech."""
    text: str
    at: float
    attachments: tuple[Attachment, ...] = ()
    quoted: str = ""
    """Text the customer quoted: shown, but not their speech."""


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    thread_id: str
    visitor: str
    """`v_…`: whom it belongs to."""
    title: str
    items: tuple[Item, ...]
    """Oldest first, hidden items left out."""
    unknown_items: int = 0
    truncated: bool = False
    logs_url: str = ""

    def customer_items_after(self, item_id: str) -> int:
        """0 as well when no item has this id (any more): nobody can count from it then."""
        ids = [item.id for item in self.items]
        if item_id not in ids:
            return 0
        newer = self.items[ids.index(item_id) + 1 :]
        return sum(item.speaker == "customer" for item in newer)


class Conversations(Protocol):
    """Raises Unavailable("conversations", ...)."""

    async def read(self, shop: str, thread_id: str) -> Conversation | None: ...

    async def last_item_id(self, shop: str, thread_id: str) -> str | None:
        """The newest item, cheaply: the mailer asks just before it arms."""
        ...

    async def owner(self, shop: str, thread_id: str) -> str | None:
        """Whose thread it is, without reading it."""
        ...

    async def threads_of(self, shop: str, visitor: str) -> list[str]:
        """Newest first; for watches."""
        ...

    async def forget(self, shop: str, thread_id: str) -> bool: ...
