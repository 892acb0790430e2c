"""Lead records in one DynamoDB table: conditional puts of single items, nothing else is needed."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any, Final

from libs.databases.dynamodb import ConditionFailedError, DynamoTable, Item
from libs.errors import Unavailable
from libs.ledger.port import Held, Overdue, Place
from libs.ledger.record import LeadKey, LeadRecord, State, Watch
from libs.ledger.stored import decode_lead, decode_watch, encode, held, overdue
from libs.runtime.clock import Clock

FRESH_SECONDS: Final = 10
"""A skew measured longer ago than this is measured again."""
PAGE: Final = 100

_NO_INDEX: Final = ("ValidationException", "ResourceNotFoundException")
"""What a query of one is answered with, by Amazon's own and by a stand-in."""
_HELD: Final = {"held": {"S": "held"}}
_ATTRIBUTES: Final = {
    "pk": "S", "due_kind": "S", "due_at": "N", "shop": "S", "thread_id": "S", "held": "S",
}  # fmt: skip
_INDEXES: Final = {
    "by_due": ("due_kind", "due_at", "ALL"),
    "by_shop": ("shop", "thread_id", "KEYS_ONLY"),
    "by_held": ("held", "thread_id", "ALL"),
}
LAYOUT: Final = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": kind} for name, kind in _ATTRIBUTES.items()
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": name,
            "KeySchema": [
                {"AttributeName": hashed, "KeyType": "HASH"},
                {"AttributeName": ranged, "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": projection},
        }
        for name, (hashed, ranged, projection) in _INDEXES.items()
    ],
}


class DynamoLeadRecords:
    """LeadRecords. An item has `due_kind` and `due_at` only while it is due for something, so the
    index `by_due` holds nothing but open work; `by_held` holds nothing but what is held.
    """

    def __init__(self, table: DynamoTable, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._skew = 0.0
        self._measured_at = float("-inf")

    async def read(self, key: LeadKey) -> LeadRecord | None:
        answer = await self._call("get_item", Key={"pk": {"S": str(key)}}, ConsistentRead=True)
        return decode_lead(key, answer["Item"]["body"]["S"]) if "Item" in answer else None

    async def write(self, record: LeadRecord, *, expected_version: int | None) -> bool:
        item: Item = {
            "pk": {"S": str(record.key)},
            "shop": {"S": record.key.shop},
            "thread_id": {"S": record.key.thread_id},
            "version": {"N": str(record.version)},
            "body": {"S": encode(record).decode()},
        }
        if record.due_at is not None:
            item |= _due("lead", record.due_at)
        if record.state is State.HELD:
            item |= _HELD
        if expected_version is None:
            return await self._put_if(item, "attribute_not_exists(pk)", {})
        return await self._put_if(
            item, "version = :expected", {":expected": {"N": str(expected_version)}}
        )

    async def due(self, now: float, limit: int, after: Place | None = None) -> Overdue:
        start = _due("lead", after.due_at) | {"pk": {"S": str(after.key)}} if after else {}
        items = await self._overdue("lead", now, limit, start)
        return overdue(((_place(item), item["body"]["S"]) for item in items), limit)

    async def put_watch(self, watch: Watch) -> None:
        item = {"pk": {"S": str(watch)}, "body": {"S": encode(watch).decode()}}
        await self._call("put_item", Item=item | _due("watch", watch.due_at))

    async def due_watches(self, now: float, limit: int) -> list[Watch]:
        items = await self._overdue("watch", now, limit, {})
        return [
            decode_watch(*_named(item), float(item["due_at"]["N"]), item["body"]["S"])
            for item in items
        ]

    async def end_watch(self, watch: Watch) -> bool:
        return await self._conditional(
            "delete_item",
            Key={"pk": {"S": str(watch)}},
            ConditionExpression="due_at = :due_at",
            ExpressionAttributeValues={":due_at": {"N": repr(watch.due_at)}},
        )

    async def held(self, limit: int) -> Held:
        items = await self._query("by_held", "held = :held", {":held": _HELD["held"]}, limit, {})
        return held((LeadKey(*_named(item)), item["body"]["S"]) for item in items)

    async def list_keys(self, shop: str, *, after: str = "", limit: int = 100) -> list[LeadKey]:
        condition, values = "shop = :shop", {":shop": {"S": shop}}
        if after:
            condition += " AND thread_id > :after"
            values[":after"] = {"S": after}
        items = await self._query("by_shop", condition, values, limit, {})
        return [LeadKey(item["shop"]["S"], item["thread_id"]["S"]) for item in items]

    async def clock_skew(self) -> float | None:
        if self._clock.boot() - self._measured_at > FRESH_SECONDS:
            await self._call("get_item", Key={"pk": {"S": "clock"}})
        return self._skew

    async def _overdue(self, kind: str, now: float, limit: int, start: Item) -> list[Item]:
        values = {":kind": {"S": kind}, ":now": {"N": repr(now)}}
        condition = "due_kind = :kind AND due_at <= :now"
        return await self._query("by_due", condition, values, limit, start)

    async def _query(
        self, index: str, condition: str, values: Item, limit: int, start: Item
    ) -> list[Item]:
        found: list[Item] = []
        while len(found) < limit:
            try:
                answer = await self._call(
                    "query",
                    IndexName=index,
                    KeyConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    Limit=min(PAGE, limit - len(found)),
                    **({"ExclusiveStartKey": start} if start else {}),
                )
            except Unavailable as error:
                raise _explained(error, index) from error
            found += answer["Items"]
            start = answer.get("LastEvaluatedKey", {})
            if not start:
                break
        return found

    async def _put_if(self, item: Item, condition: str, values: Item) -> bool:
        extra = {"ExpressionAttributeValues": values} if values else {}
        return await self._conditional(
            "put_item", Item=item, ConditionExpression=condition, **extra
        )

    async def _conditional(self, operation: str, **arguments: Any) -> bool:
        try:
            await self._call(operation, **arguments)
        except ConditionFailedError:
            return False
        return True

    async def _call(self, operation: str, **arguments: Any) -> Item:
        answer = await self._table.call(operation, **arguments)
        self._measure(answer["ResponseMetadata"]["HTTPHeaders"].get("date", ""))
        return answer

    def _measure(self, date: str) -> None:
        """Date counts whole seconds: on average the store's clock is half a second further."""
        if date:
            self._skew = self._clock.now() - parsedate_to_datetime(date).timestamp() - 0.5
            self._measured_at = self._clock.boot()


def _explained(error: Unavailable, index: str) -> Unavailable:
    """What we ask is always valid, but of a table that an earlier release made."""
    if not error.reason.endswith(_NO_INDEX):
        return error
    return Unavailable("records", f"has its table the index {index} (deploy/infra/aws.yaml)?")


def _place(item: Item) -> Place:
    return Place(float(item["due_at"]["N"]), LeadKey(*_named(item)))


def _named(item: Item) -> tuple[str, str]:
    """Whose it is; a watch has nothing but its key to tell it."""
    _, shop, thread_or_visitor = item["pk"]["S"].split("#", 2)
    return shop, thread_or_visitor


def _due(kind: str, due_at: float) -> Item:
    return {"due_kind": {"S": kind}, "due_at": {"N": repr(due_at)}}
