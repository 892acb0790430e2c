"""The start on DynamoDB: what waiting cannot mend is said at once."""

from __future__ import annotations

import pytest
from botocore.exceptions import NoCredentialsError

from libs.databases.dynamodb import use_table
from libs.errors import SettingsError


class Nobody:
    """A client that has no credentials."""

    def __init__(self) -> None:
        self.asked = 0

    async def describe_table(self, **_: object) -> None:
        self.asked += 1
        raise NoCredentialsError


async def test_no_credentials_end_the_start_at_once() -> None:
    client = Nobody()

    with pytest.raises(SettingsError, match="credentials"):
        await use_table(client, "handoff", None)

    assert client.asked == 1
