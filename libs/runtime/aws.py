"""What every adapter of AWS needs to know at its start."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

from libs.errors import SettingsError

START_SECONDS: Final = 30.0
"""For a DynamoDB that starts together with us."""
_PAUSE_SECONDS: Final = 0.5


def is_stand_in(endpoint_url: str) -> bool:
    """DynamoDB local, moto, an S3 server of one's own: nobody else creates there what we need."""
    host = urlsplit(endpoint_url).hostname or ""
    return bool(host) and not host.endswith(("amazonaws.com", "amazonaws.com.cn"))


async def use_table(
    client: Any, table: str, create: Callable[[Any, str], Awaitable[None]] | None
) -> None:
    """Create the table where we may, and see that it is there. Raises SettingsError."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    deadline = asyncio.get_running_loop().time() + START_SECONDS
    while True:
        try:
            if create:
                await create(client, table)
            await client.describe_table(TableName=table)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise SettingsError(f"The DynamoDB table {table} cannot be used: {code}.") from error
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
