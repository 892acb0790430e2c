"""Opens the store of our own chat that the settings name."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Final

from libs.conversations.store import ChatStore
from libs.runtime.settings import CommonSettings

SQLITE_FILE: Final = "chat.sqlite3"


async def open_chat_store(settings: CommonSettings, stack: AsyncExitStack) -> ChatStore:
    """Where the lead records live, there live the chats. Raises SettingsError."""
    if settings.records == "sqlite":
        from libs.conversations.store_sqlite_open import open_sqlite

        return await stack.enter_async_context(open_sqlite(settings.data_path / SQLITE_FILE))
    from libs.conversations.store_dynamodb_open import open_dynamodb
    from libs.runtime.aws import is_stand_in

    return await stack.enter_async_context(
        open_dynamodb(
            table=f"{settings.dynamodb_table}-chat",
            region=settings.aws_region,
            endpoint_url=settings.dynamodb_url,
            create=is_stand_in(settings.dynamodb_url),
        )
    )
