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
        from libs.conversations.store_sqlite import open_sqlite

        return await stack.enter_async_context(open_sqlite(settings.data_path / SQLITE_FILE))
    from libs.conversations.store_dynamodb import LAYOUT, DynamoChatStore
    from libs.databases.dynamodb import open_table

    name = f"{settings.dynamodb_table}-chat"
    opening = open_table(settings, "conversations", name, LAYOUT)
    return DynamoChatStore(await stack.enter_async_context(opening))
