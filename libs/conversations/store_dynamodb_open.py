"""Opens the DynamoDB table of our own chat; makes it where a stand-in has none."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from libs.conversations.store_dynamodb import DynamoChatStore
from libs.ledger.dynamodb import dynamodb_client
from libs.runtime.aws import use_table


@contextlib.asynccontextmanager
async def open_dynamodb(
    *, table: str, region: str, endpoint_url: str, create: bool
) -> AsyncIterator[DynamoChatStore]:
    """Raises SettingsError when the table is missing and we were not told to create it."""
    async with dynamodb_client(region, endpoint_url) as client:
        await use_table(client, table, create_table if create else None)
        yield DynamoChatStore(client, table)


async def create_table(client: Any, table: str) -> None:
    """The table, unless it is there; its time to live is on `expires_at`."""
    with contextlib.suppress(client.exceptions.ResourceInUseException):
        await client.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
        )
    await client.get_waiter("table_exists").wait(TableName=table)
