"""The SDK's store over ours: every call stays with the visitor that the request came from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, NoReturn

import msgspec
from pydantic import AnyUrl, TypeAdapter

from libs.attachments.records import clean_name
from libs.conversations.ids import new_thread_id, next_item_id
from libs.conversations.store import (
    PAGE_LIMIT,
    AttachmentRow,
    ChatStore,
    ItemRow,
    ThreadMissingError,
    ThreadRow,
)
from libs.runtime.clock import Clock
from libs.runtime.ids import NewId
from services.chat.adapters.sdk import store as sdk_store
from services.chat.adapters.sdk import types as sdk
from services.chat.ports import Announced, Attachments, Visit
from services.chat.turns import is_lost

TITLE_CHARACTERS: Final = 120

_items: TypeAdapter[Any] = TypeAdapter(sdk.ThreadItem)
_attachment: TypeAdapter[Any] = TypeAdapter(sdk.Attachment)


class TurnLostError(Exception):
    """Another turn took over; what we say now must not be kept."""


class KeptThreads(sdk_store.Store[Visit]):
    """A customer's own words are never deleted: they are what a lead is made of."""

    def __init__(
        self, kept: ChatStore, attachments: Attachments, clock: Clock, new_id: NewId
    ) -> None:
        self._kept = kept
        self._attachments = attachments
        self._clock = clock
        self._new_id = new_id

    def generate_thread_id(self, context: Visit) -> str:
        return context.turn.thread_id if context.turn else new_thread_id(self._new_id)

    def generate_item_id(
        self, item_type: sdk_store.StoreItemType, thread: sdk.ThreadMetadata, context: Visit
    ) -> str:
        """The SDK asks for a `message` once a turn: for the visitor's own."""
        if item_type == "message" and context.turn:
            return context.turn.message_id
        return self.next_item_id(context)

    def next_item_id(self, context: Visit) -> str:
        context.newest_id = next_item_id(self._clock.now(), self._new_id, after=context.newest_id)
        return context.newest_id

    def moment(self, stamped: datetime, context: Visit) -> datetime:
        """The SDK stamps what it makes with the machine's local time, anew at every try; what was
        said in a turn was said when it came.
        """
        at = context.turn.at if context.turn else self._clock.now()
        return stamped if stamped.tzinfo else datetime.fromtimestamp(at, UTC)

    async def load_thread(self, thread_id: str, context: Visit) -> sdk.ThreadMetadata:
        row = await self._kept.thread(context.owner, thread_id)
        if row is None or row.hidden:
            _missing("thread")
        return sdk.ThreadMetadata.model_validate_json(row.body)

    async def save_thread(self, thread: sdk.ThreadMetadata, context: Visit) -> None:
        if thread.title and len(thread.title) > TITLE_CHARACTERS:
            thread.title = thread.title[:TITLE_CHARACTERS]
        kept = thread.model_copy(update={"created_at": self.moment(thread.created_at, context)})
        await self._kept.put_thread(
            context.owner,
            ThreadRow(
                id=kept.id,
                created_at=kept.created_at.timestamp(),
                title=kept.title or "",
                body=kept.model_dump_json(exclude={"items"}),
            ),
        )

    async def load_threads(
        self, limit: int, after: str | None, order: str, context: Visit
    ) -> sdk.Page[sdk.ThreadMetadata]:
        """Threads under an older site key are older: one list goes on where the other ends."""
        rows: list[ThreadRow] = []
        most, newest_first = _bounded(limit), order == "desc"
        for owner in context.owners if newest_first else reversed(context.owners):
            if after and await self._kept.thread(owner, after) is None:
                continue
            page = await self._kept.threads(
                owner, after=after or "", limit=most + 1 - len(rows), newest_first=newest_first
            )
            rows += page.rows
            after = None
            if len(rows) > most:
                break
        threads = [sdk.ThreadMetadata.model_validate_json(row.body) for row in rows[:most]]
        return _sdk_page(threads, len(rows) > most)

    async def delete_thread(self, thread_id: str, context: Visit) -> None:
        """Out of the visitor's sight; the shop keeps what it was told until the retention ends."""
        row = await self._kept.thread(context.owner, thread_id)
        if row is None or row.hidden:
            _missing("thread")
        await self._kept.put_thread(context.owner, msgspec.structs.replace(row, hidden=True))

    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: Visit
    ) -> sdk.Page[Any]:
        await self.load_thread(thread_id, context)
        page = await self._kept.items(
            context.owner,
            thread_id,
            after=after or "",
            limit=_bounded(limit),
            newest_first=order == "desc",
        )
        return _sdk_page([self.item_of(row) for row in page.rows], page.has_more)

    async def load_item(self, thread_id: str, item_id: str, context: Visit) -> Any:
        await self.load_thread(thread_id, context)
        row = await self._kept.item(context.owner, thread_id, item_id)
        if row is None:
            _missing("item")
        return self.item_of(row)

    def item_of(self, row: ItemRow) -> Any:
        """As it was kept, but for its links to pictures, which end within a day."""
        item = _items.validate_json(row.body)
        if item.type == "user_message":
            item.attachments = [self._seen(each) for each in item.attachments]
        return item

    def _seen(self, attachment: Any) -> Any:
        if attachment.type != "image":
            return attachment
        link = AnyUrl(self._attachments.preview(attachment.id))
        return attachment.model_copy(update={"preview_url": link})

    async def add_thread_item(self, thread_id: str, item: Any, context: Visit) -> None:
        """Looks again once it is written: only then has whoever takes the turn over seen it."""
        item.created_at = self.moment(item.created_at, context)
        await self._put(thread_id, item, item.created_at.timestamp(), context)
        if not _is_customers(item) and await is_lost(self._kept, context):
            await self._kept.delete_item(context.owner, thread_id, item.id)
            raise TurnLostError(thread_id)

    async def save_item(self, thread_id: str, item: Any, context: Visit) -> None:
        """What changes is changed later than it was said, even where a clock stands still."""
        changed_at = max(self._clock.now(), item.created_at.timestamp() + 0.001)
        await self._put(thread_id, item, changed_at, context)

    async def _put(self, thread_id: str, item: Any, changed_at: float, context: Visit) -> None:
        if not _is_customers(item) and await is_lost(self._kept, context):
            raise TurnLostError(thread_id)
        row = ItemRow(
            id=item.id,
            kind=item.type,
            at=item.created_at.timestamp(),
            changed_at=changed_at,
            body=item.model_dump_json(),
        )
        try:
            await self._kept.put_item(context.owner, thread_id, row)
        except ThreadMissingError as error:
            raise sdk_store.NotFoundError("thread") from error

    async def delete_thread_item(self, thread_id: str, item_id: str, context: Visit) -> None:
        row = await self._kept.item(context.owner, thread_id, item_id)
        if row and not _is_customers(_items.validate_json(row.body)):
            await self._kept.delete_item(context.owner, thread_id, item_id)

    async def save_attachment(self, attachment: Any, context: Visit) -> None:
        body = attachment.model_copy(update={"upload_descriptor": None}).model_dump_json()
        row = AttachmentRow(
            id=attachment.id,
            at=self._clock.now(),
            body=body,
            thread_id=attachment.thread_id or "",
        )
        await self._kept.put_attachment(context.owner, row)

    async def load_attachment(self, attachment_id: str, context: Visit) -> Any:
        for owner in context.owners:
            if row := await self._kept.attachment(owner, attachment_id):
                return self._seen(_attachment.validate_json(row.body))
            if found := await self._attachments.find(owner, attachment_id):
                return shown(found)
        raise sdk_store.NotFoundError("attachment")

    async def delete_attachment(self, attachment_id: str, context: Visit) -> None:
        for owner in context.owners:
            row = await self._kept.attachment(owner, attachment_id)
            if row and not row.thread_id:
                await self._attachments.take_back(owner, attachment_id)
            await self._kept.delete_attachment(owner, attachment_id)


class SdkAttachments(sdk_store.AttachmentStore[Visit]):
    """The SDK's view of a visitor's attachments."""

    def __init__(self, attachments: Attachments) -> None:
        self._attachments = attachments

    async def create_attachment(self, input: sdk.AttachmentCreateParams, context: Visit) -> Any:  # noqa: A002 - the SDK's name
        announced = await self._attachments.announce(
            context.owner,
            name=clean_name(input.name),
            mime_type=input.mime_type,
            size_bytes=input.size,
        )
        return shown(announced)

    async def delete_attachment(self, attachment_id: str, context: Visit) -> None:
        """The row goes; bytes already sent stay with the message that may carry them."""


def shown(announced: Announced) -> Any:
    upload = announced.upload_url and {"url": announced.upload_url, "method": "POST"}
    return _attachment.validate_python(
        {
            "type": "image" if announced.is_image else "file",
            "id": announced.id,
            "name": announced.name,
            "mime_type": announced.mime_type,
            "upload_descriptor": upload or None,
            **({"preview_url": announced.preview_url} if announced.is_image else {}),
        }
    )


def _is_customers(item: Any) -> bool:
    kind: str = item.type
    return kind == "user_message" or (kind == "structured_input" and item.status == "answered")


def _bounded(limit: int) -> int:
    return max(1, min(limit, PAGE_LIMIT))


def _sdk_page(rows: list[Any], has_more: bool) -> sdk.Page[Any]:  # noqa: FBT001 - the SDK's word
    return sdk.Page(data=rows, has_more=has_more, after=rows[-1].id if has_more else None)


def _missing(what: str) -> NoReturn:
    raise sdk_store.NotFoundError(what)
