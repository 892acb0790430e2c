"""Our own chat's threads and items, kept until their retention ends.

Whose a thread is stands in its key: a read or write under another shop or visitor finds nothing.
Item ids sort in the order of the conversation (`libs/conversations/ids.py`), so a store is no more
than sorted keys.
"""

from __future__ import annotations

from typing import Final, Generic, Literal, Protocol, TypeVar

import msgspec

RETENTION_SECONDS: Final = 365 * 86400.0
TURN_SECONDS: Final = 7 * 86400.0
"""How long a repeated request is recognised."""
PAGE_LIMIT: Final = 100


class Owner(msgspec.Struct, frozen=True):
    """Who may see a thread: one visitor of one shop."""

    shop: str
    visitor: str


class ThreadRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    created_at: float
    title: str = ""
    body: str = "{}"
    """The protocol's own JSON."""
    hidden: bool = False
    """The visitor removed it from their history; the shop still reads it."""


class ItemRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    kind: str
    at: float
    changed_at: float
    """Later than `at` when an item was answered in place."""
    body: str


class AttachmentRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    at: float
    body: str
    thread_id: str = ""
    """Empty until a message carries it."""


class TurnRow(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a visitor, so that its second delivery is not a second message."""

    key: str
    thread_id: str
    message_id: str
    """The id its message has or would have."""
    at: float
    reply_to: str = ""
    """The same for every delivery of one request; a browser that repeats it gets another."""
    state: Literal["open", "cut", "settled"] = "open"
    """`cut`: another delivery took over; whoever was answering must add nothing more."""


def encode_row(row: msgspec.Struct) -> str:
    return msgspec.json.encode(row).decode()


decode_thread: Final = msgspec.json.Decoder(ThreadRow).decode
decode_item: Final = msgspec.json.Decoder(ItemRow).decode
decode_attachment: Final = msgspec.json.Decoder(AttachmentRow).decode
decode_turn: Final = msgspec.json.Decoder(TurnRow).decode

R = TypeVar("R")


class Page(msgspec.Struct, Generic[R], frozen=True):
    rows: tuple[R, ...]
    has_more: bool


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A thread with its first page of items."""

    owner: Owner
    thread: ThreadRow
    page: Page[ItemRow]


class ThreadMissingError(LookupError):
    """The owner has no such thread: never there, forgotten, or somebody else's."""


class ChatStore(Protocol):
    """Every method raises Unavailable("conversations", ...) when the store does not answer."""

    async def put_thread(self, owner: Owner, thread: ThreadRow) -> None:
        """Write or replace; `created_at` stays as it was first written, also of two at once."""
        ...

    async def thread(self, owner: Owner, thread_id: str) -> ThreadRow | None: ...

    async def threads(
        self,
        owner: Owner,
        *,
        after: str = "",
        limit: int = 20,
        newest_first: bool = True,
        hidden_too: bool = False,
    ) -> Page[ThreadRow]:
        """By creation; `after` is the last id of the page before (behind an id that is not there
        comes nothing).
        """
        ...

    async def put_item(self, owner: Owner, thread_id: str, item: ItemRow) -> None:
        """Write or replace. Raises ThreadMissingError."""
        ...

    async def item(self, owner: Owner, thread_id: str, item_id: str) -> ItemRow | None: ...

    async def items(
        self,
        owner: Owner,
        thread_id: str,
        *,
        after: str = "",
        limit: int = 20,
        newest_first: bool = False,
    ) -> Page[ItemRow]: ...

    async def delete_item(self, owner: Owner, thread_id: str, item_id: str) -> None: ...

    async def put_attachment(self, owner: Owner, attachment: AttachmentRow) -> None:
        """Write or replace."""
        ...

    async def attachment(self, owner: Owner, attachment_id: str) -> AttachmentRow | None: ...

    async def delete_attachment(self, owner: Owner, attachment_id: str) -> None: ...

    async def open_turn(self, owner: Owner, turn: TurnRow) -> TurnRow | None:
        """None when `turn` was written; else the one that was there before."""
        ...

    async def turn(self, owner: Owner, key: str) -> TurnRow | None: ...

    async def put_turn(self, owner: Owner, turn: TurnRow) -> None:
        """Replace."""
        ...

    async def owner_of(self, shop: str, thread_id: str) -> Owner | None:
        """For the pipeline, which knows a thread but not whose it is."""
        ...

    async def opened(
        self, shop: str, thread_id: str, *, limit: int, newest_first: bool = False
    ) -> Opened | None:
        """As `owner_of`, `thread` and `items`, without the way to the store for each."""
        ...

    async def forget(self, owner: Owner, thread_id: str) -> bool:
        """Remove the thread, its items and attachments for good, and uploads of the owner that no
        message carries; False when there was no such thread.
        """
        ...

    async def expire(self, before: float) -> int:
        """Forget threads, turns and attachments untouched since `before`; how many threads went.

        A store that ages by itself returns 0.
        """
        ...
