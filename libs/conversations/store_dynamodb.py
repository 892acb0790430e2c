"""The chat store of many machines: one DynamoDB table, keys only, no transactions needed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final, TypeVar

import msgspec

from libs.conversations.store import (
    RETENTION_SECONDS,
    TURN_SECONDS,
    AttachmentRow,
    ItemRow,
    Opened,
    Owner,
    Page,
    ThreadMissingError,
    ThreadRow,
    TurnRow,
    decode_attachment,
    decode_item,
    decode_thread,
    decode_turn,
    encode_row,
)
from libs.databases.dynamodb import ConditionFailedError, DynamoTable, Item

LAYOUT: Final = {
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
    ],
}

R = TypeVar("R", bound=msgspec.Struct)


class DynamoChatStore:
    """ChatStore.

    Partition `visitor#…` holds a visitor's list of threads, attachments and turns; `thread#…` (the
    visitor in it) the thread and its items; `owner#…` says whose a thread is.
    Each row carries `expires_at`, by which the table forgets it: nobody has to call `expire`.
    """

    def __init__(self, table: DynamoTable) -> None:
        self._call = table.call

    async def put_thread(self, owner: Owner, thread: ThreadRow) -> None:
        """The thread last: one that is listed but not there is passed over, the reverse is lost."""
        created_at = await self._note_owner(owner, thread)
        thread = msgspec.structs.replace(thread, created_at=created_at)
        expires = thread.created_at + RETENTION_SECONDS
        await self._put(_visitor(owner), _listed(thread), expires, {"id": {"S": thread.id}})
        await self._put(_place(owner, thread.id), "thread", expires, _body(thread))

    async def thread(self, owner: Owner, thread_id: str) -> ThreadRow | None:
        return await self._get(_place(owner, thread_id), "thread", decode_thread)

    async def threads(
        self, owner: Owner, *,
        after: str = "", limit: int = 20, newest_first: bool = True, hidden_too: bool = False,
    ) -> Page[ThreadRow]:  # fmt: skip
        start = ""
        if after:
            last = await self.thread(owner, after)
            if last is None:
                return Page((), False)
            start = _listed(last)
        found: list[ThreadRow] = []
        listed = self._under(_visitor(owner), "thread#", start, newest_first=newest_first)
        async with contextlib.aclosing(listed) as rows:
            async for row in rows:
                thread = await self.thread(owner, row["id"]["S"])
                if thread and (hidden_too or not thread.hidden):
                    found.append(thread)
                if len(found) > limit:
                    break
        return Page(tuple(found[:limit]), len(found) > limit)

    async def put_item(self, owner: Owner, thread_id: str, item: ItemRow) -> None:
        """The thread's row lives as long as its newest item, and must be there."""
        place, expires = _place(owner, thread_id), item.changed_at + RETENTION_SECONDS
        try:
            await self._call(
                "update_item",
                Key=_key(place, "thread"),
                UpdateExpression="SET expires_at = :expires",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":expires": {"N": str(int(expires))}},
            )
        except ConditionFailedError as error:
            raise ThreadMissingError(thread_id) from error
        await self._put(place, f"item#{item.id}", expires, _body(item))

    async def item(self, owner: Owner, thread_id: str, item_id: str) -> ItemRow | None:
        return await self._get(_place(owner, thread_id), f"item#{item_id}", decode_item)

    async def items(
        self, owner: Owner, thread_id: str, *,
        after: str = "", limit: int = 20, newest_first: bool = False,
    ) -> Page[ItemRow]:  # fmt: skip
        found: list[ItemRow] = []
        start = f"item#{after}" if after else ""
        place = _place(owner, thread_id)
        listed = self._under(place, "item#", start, newest_first=newest_first, page=limit + 1)
        async with contextlib.aclosing(listed) as rows:
            async for row in rows:
                found.append(decode_item(row["body"]["S"]))
                if len(found) > limit:
                    break
        return Page(tuple(found[:limit]), len(found) > limit)

    async def delete_item(self, owner: Owner, thread_id: str, item_id: str) -> None:
        await self._delete(_place(owner, thread_id), f"item#{item_id}")

    async def put_attachment(self, owner: Owner, attachment: AttachmentRow) -> None:
        expires = attachment.at + RETENTION_SECONDS
        sort = f"attachment#{attachment.id}"
        await self._put(_visitor(owner), sort, expires, _body(attachment))

    async def attachment(self, owner: Owner, attachment_id: str) -> AttachmentRow | None:
        return await self._get(_visitor(owner), f"attachment#{attachment_id}", decode_attachment)

    async def delete_attachment(self, owner: Owner, attachment_id: str) -> None:
        await self._delete(_visitor(owner), f"attachment#{attachment_id}")

    async def open_turn(self, owner: Owner, turn: TurnRow) -> TurnRow | None:
        try:
            await self._put_turn(owner, turn, ConditionExpression="attribute_not_exists(pk)")
        except ConditionFailedError:
            return await self.turn(owner, turn.key)
        return None

    async def turn(self, owner: Owner, key: str) -> TurnRow | None:
        return await self._get(_visitor(owner), f"turn#{key}", decode_turn)

    async def put_turn(self, owner: Owner, turn: TurnRow) -> None:
        await self._put_turn(owner, turn)

    async def _put_turn(self, owner: Owner, turn: TurnRow, **condition: str) -> None:
        sort, expires = f"turn#{turn.key}", turn.at + TURN_SECONDS
        await self._put(_visitor(owner), sort, expires, _body(turn), **condition)

    async def owner_of(self, shop: str, thread_id: str) -> Owner | None:
        owner = await self._noted_owner(shop, thread_id)
        return owner if owner and await self.thread(owner, thread_id) else None

    async def opened(
        self, shop: str, thread_id: str, *, limit: int, newest_first: bool = False
    ) -> Opened | None:
        owner = await self._noted_owner(shop, thread_id)
        if owner is None:
            return None
        thread, page = await asyncio.gather(
            self.thread(owner, thread_id),
            self.items(owner, thread_id, limit=limit, newest_first=newest_first),
        )
        return Opened(owner=owner, thread=thread, page=page) if thread else None

    async def _note_owner(self, owner: Owner, thread: ThreadRow) -> float:
        """When the thread was created: its place in the list, which only one of two decides."""
        place, created_at = f"owner#{owner.shop}#{thread.id}", thread.created_at
        row = {"visitor": {"S": owner.visitor}, "created_at": {"N": repr(created_at)}}
        first = {"ConditionExpression": "attribute_not_exists(pk)"}
        try:
            await self._put(place, "owner", created_at + RETENTION_SECONDS, row, **first)
        except ConditionFailedError:
            answer = await self._call("get_item", Key=_key(place, "owner"), ConsistentRead=True)
            noted = answer.get("Item", {}).get("created_at")  # an older row has none
            return float(noted["N"]) if noted else created_at
        return created_at

    async def _noted_owner(self, shop: str, thread_id: str) -> Owner | None:
        """Of a thread that may be gone."""
        key = _key(f"owner#{shop}#{thread_id}", "owner")
        answer = await self._call("get_item", Key=key, ConsistentRead=True)
        return Owner(shop, answer["Item"]["visitor"]["S"]) if "Item" in answer else None

    async def forget(self, owner: Owner, thread_id: str) -> bool:
        """The thread's own row last, so that a forget cut short can be asked for again."""
        thread = await self.thread(owner, thread_id)
        if thread is None:
            return False
        place = _place(owner, thread_id)
        visitor = _visitor(owner)
        for prefix, decode, hangs_on in (
            ("attachment#", decode_attachment, {thread_id, ""}),
            ("turn#", decode_turn, {thread_id}),
        ):
            async for row in self._under(visitor, prefix):
                if decode(row["body"]["S"]).thread_id in hangs_on:
                    await self._delete(visitor, row["sk"]["S"])
        async for row in self._under(place, "item#"):
            await self._delete(place, row["sk"]["S"])
        await self._delete(visitor, _listed(thread))
        await self._delete(f"owner#{owner.shop}#{thread_id}", "owner")
        await self._delete(place, "thread")
        return True

    async def expire(self, before: float) -> int:
        return 0

    async def _put(
        self, partition: str, sort: str, expires: float, attributes: Item, **more: Any
    ) -> None:
        age = {"expires_at": {"N": str(int(expires))}}
        await self._call("put_item", Item=_key(partition, sort) | age | attributes, **more)

    async def _get(self, partition: str, sort: str, decode: Callable[[str], R]) -> R | None:
        answer = await self._call("get_item", Key=_key(partition, sort), ConsistentRead=True)
        return decode(answer["Item"]["body"]["S"]) if "Item" in answer else None

    async def _delete(self, partition: str, sort: str) -> None:
        await self._call("delete_item", Key=_key(partition, sort))

    async def _under(
        self, partition: str, prefix: str, start: str = "", *,
        newest_first: bool = False, page: int = 100,
    ) -> AsyncGenerator[Item]:  # fmt: skip
        """Rows whose sort key has the prefix, behind `start`; `~` sorts after every id."""
        low, high = (
            (prefix, start or prefix + "~") if newest_first else (start or prefix, prefix + "~")
        )
        position: Item = {}
        while True:
            answer = await self._call(
                "query",
                KeyConditionExpression="pk = :pk AND sk BETWEEN :low AND :high",
                ExpressionAttributeValues={
                    ":pk": {"S": partition}, ":low": {"S": low}, ":high": {"S": high},
                },
                ScanIndexForward=not newest_first,
                ConsistentRead=True,
                Limit=page + 1,
                **position,
            )  # fmt: skip
            for row in answer["Items"]:
                if row["sk"]["S"] != start:
                    yield row
            if "LastEvaluatedKey" not in answer:
                return
            position = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _visitor(owner: Owner) -> str:
    return f"visitor#{owner.shop}#{owner.visitor}"


def _place(owner: Owner, thread_id: str) -> str:
    return f"thread#{owner.shop}#{owner.visitor}#{thread_id}"


def _listed(thread: ThreadRow) -> str:
    """Sorts by creation, to the microsecond."""
    return f"thread#{int(thread.created_at * 1e6):020}#{thread.id}"


def _key(partition: str, sort: str) -> Item:
    return {"pk": {"S": partition}, "sk": {"S": sort}}


def _body(row: msgspec.Struct) -> Item:
    return {"body": {"S": encode_row(row)}}
