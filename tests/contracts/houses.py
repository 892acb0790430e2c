"""Where conversations live: each source with the way in which they come to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Protocol

from libs.conversations.fakes import MemoryChatStore, MemoryConversations
from libs.conversations.hosted import HostedConversations
from libs.conversations.items import epoch_seconds, read_items
from libs.conversations.own import OwnConversations
from libs.conversations.port import Conversation, Conversations
from libs.conversations.store import ItemRow, Owner, ThreadRow
from tests.openai_server import OpenAIServer
from tests.transcripts import Transcript, hosted_items, own_items

SHOP = "craigs"


class House(Protocol):
    """A source, and the way in which conversations come to it."""

    source: Conversations

    async def keep(self, thread_id: str, visitor: str, transcript: Transcript) -> None: ...


@dataclass
class MemoryHouse:
    source: MemoryConversations

    async def keep(self, thread_id: str, visitor: str, transcript: Transcript) -> None:
        reading = read_items(own_items(transcript, thread_id))
        self.source.put(
            SHOP,
            Conversation(
                thread_id=thread_id, visitor=visitor, title=transcript.title, items=reading.items,
                unknown_items=reading.unknown_items,
            ),
        )  # fmt: skip


@dataclass
class HostedHouse:
    source: HostedConversations
    server: OpenAIServer

    async def keep(self, thread_id: str, visitor: str, transcript: Transcript) -> None:
        at = 1_790_000_000 + len(self.server.threads)
        self.server.add_thread(
            thread_id, user=visitor, items=hosted_items(transcript), title=transcript.title or None,
            created_at=at,
        )  # fmt: skip


@dataclass
class OwnHouse:
    source: OwnConversations
    store: MemoryChatStore
    kept: int = 0

    async def keep(self, thread_id: str, visitor: str, transcript: Transcript) -> None:
        owner = Owner(SHOP, visitor)
        self.kept += 1
        row = ThreadRow(id=thread_id, created_at=float(self.kept), title=transcript.title)
        await self.store.put_thread(owner, row)
        for raw in own_items(transcript, thread_id):
            at = epoch_seconds(raw["created_at"])
            row_of_item = ItemRow(
                id=raw["id"], kind=raw["type"], at=at, changed_at=at, body=json.dumps(raw)
            )
            await self.store.put_item(owner, thread_id, row_of_item)
