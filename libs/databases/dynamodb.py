"""One DynamoDB table: opened, made where a stand-in has none, and asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from libs.errors import SettingsError, Unavailable
from libs.runtime.aws import aws_client, is_stand_in
from libs.runtime.settings import CommonSettings

CONNECT_SECONDS: Final = 2
READ_SECONDS: Final = 4
START_SECONDS: Final = 30.0
"""For a DynamoDB that starts together with us."""
_PAUSE_SECONDS: Final = 0.5

Item = dict[str, Any]  # botocore's own shape: {"attribute": {"S": value}}
Layout = Mapping[str, Any]
"""Keys and indexes, as `create_table` takes them."""


class ConditionFailedError(Exception):
    """Nothing was written: the condition did not hold."""


@dataclass(frozen=True)
class DynamoTable:
    """No call is retried here: a lost reply is read back."""

    client: Any
    name: str
    part: str
    """`records` or `conversations`: what is Unavailable."""

    async def call(self, operation: str, **arguments: Any) -> Item:
        """The one table of DynamoDB's errors. Raises ConditionFailedError, Unavailable."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            async with asyncio.timeout(CONNECT_SECONDS + READ_SECONDS):
                answer: Item = await getattr(self.client, operation)(
                    TableName=self.name, **arguments
                )
        except ClientError as error:
            code = str(error.response["Error"]["Code"])
            if code == "ConditionalCheckFailedException":
                raise ConditionFailedError(code) from error
            raise Unavailable(self.part, code) from error
        except (BotoCoreError, TimeoutError, OSError) as error:
            raise Unavailable(self.part, type(error).__name__) from error
        return answer


@contextlib.asynccontextmanager
async def open_table(
    settings: CommonSettings, part: str, name: str, layout: Layout
) -> AsyncIterator[DynamoTable]:
    """Made where it is missing, but not in Amazon's own. Raises SettingsError."""
    opened = aws_client(
        "dynamodb",
        settings.aws_region,
        settings.dynamodb_url,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": 1},
        max_pool_connections=50,
    )
    async with opened as client:
        await use_table(client, name, layout if is_stand_in(settings.dynamodb_url) else None)
        yield DynamoTable(client, name, part)


async def use_table(client: Any, name: str, layout: Layout | None) -> None:
    """Create the table where we may, and see that it is there. Raises SettingsError."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    deadline = asyncio.get_running_loop().time() + START_SECONDS
    while True:
        try:
            if layout:
                await create_table(client, name, layout)
            await client.describe_table(TableName=name)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise SettingsError(f"The DynamoDB table {name} cannot be used: {code}.") from error
        except NoCredentialsError as error:
            raise SettingsError(
                "RECORDS=dynamodb needs credentials of AWS, and none were found."
            ) from error
        except BotoCoreError as error:
            if asyncio.get_running_loop().time() > deadline:
                raise SettingsError(f"DynamoDB cannot be reached: {error}.") from error
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return


async def create_table(client: Any, name: str, layout: Layout) -> None:
    """Unless it is there."""
    with contextlib.suppress(client.exceptions.ResourceInUseException):
        await client.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **layout)
    await client.get_waiter("table_exists").wait(TableName=name)
