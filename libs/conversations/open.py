"""Opens the conversation source that the settings name."""

from __future__ import annotations

from contextlib import AsyncExitStack

from libs.conversations.port import Conversations
from libs.errors import SettingsError
from libs.runtime.settings import CommonSettings
from libs.shops.profile import load_shops


async def open_conversations(settings: CommonSettings, stack: AsyncExitStack) -> Conversations:
    """Closed with `stack`. Raises SettingsError."""
    if settings.conversations == "own":
        from libs.conversations.own import OwnConversations
        from libs.conversations.store_open import open_chat_store

        return OwnConversations(await open_chat_store(settings, stack))
    if not settings.openai_api_key:
        raise SettingsError(
            "OPENAI_API_KEY is not set, and CONVERSATIONS=hosted cannot do without."
        )
    from libs.conversations.hosted import HostedConversations
    from libs.model.openai_connection import OpenAIConnection

    connection = OpenAIConnection(settings.openai_api_key, settings.openai_base_url)
    stack.push_async_callback(connection.aclose)
    return HostedConversations(connection, alone=len(load_shops(settings.shops).by_slug) == 1)
