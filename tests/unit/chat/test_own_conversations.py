"""Our own chat as other services read it: whole, in order, and forgotten when asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import pytest

from libs.conversations import own
from libs.conversations.fakes import MemoryChatStore
from libs.conversations.own import OwnConversations
from libs.conversations.store import ChatStore, ItemRow, Owner, ThreadRow
from libs.conversations.store_sqlite import open_sqlite
from libs.databases.sqlite import SqliteThread, Work
from libs.errors import Unavailable

ANA = Owner("craigs", "v_ana")


def said(number: int, text: str, kind: str = "user_message") -> ItemRow:
    name = f"cthi_{number:06}"
    body = {"id": name, "type": kind, "content": [{"text": text}], "created_at": float(number)}
    return ItemRow(id=name, kind=kind, at=1.0, changed_at=1.0, body=json.dumps(body))


async def a_thread(kept: ChatStore, *items: ItemRow) -> None:
    await kept.put_thread(ANA, ThreadRow(id="cthr_a", created_at=1.0, title="Seats"))
    for item in items:
        await kept.put_item(ANA, "cthr_a", item)


@pytest.fixture
def kept() -> MemoryChatStore:
    return MemoryChatStore()


@pytest.fixture
def conversations(kept: MemoryChatStore) -> OwnConversations:
    return OwnConversations(kept)


async def test_reads_a_conversation_of_many_pages(
    kept: MemoryChatStore, conversations: OwnConversations
) -> None:
    await a_thread(kept, *(said(n, f"line {n}") for n in range(350)))
    conversation = await conversations.read("craigs", "cthr_a")

    assert conversation
    assert [item.text for item in conversation.items] == [f"line {n}" for n in range(350)]
    assert not conversation.truncated
    assert conversation.title == "Seats"
    assert conversation.visitor == "v_ana"


async def test_a_short_conversation_is_one_visit_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits, visit = list[str](), SqliteThread.run

    async def noted(thread: SqliteThread, work: Work[Any], **kept: bool) -> Any:
        visits.append(thread._thread.name)
        return await visit(thread, work, **kept)

    async with open_sqlite(tmp_path / "chat") as kept:
        await a_thread(kept, said(1, "Torn seat"), said(2, "Civic"))
        monkeypatch.setattr(SqliteThread, "run", noted)

        assert await OwnConversations(kept).read("craigs", "cthr_a")
        assert len(visits) == 1
        assert await OwnConversations(kept).last_item_id("craigs", "cthr_a") == "cthi_000002"
        assert len(visits) == 2


async def test_a_thread_that_cannot_be_read_ends_nobody_who_looks_for_threads() -> None:
    class Spoiled(MemoryChatStore):
        async def threads(self, *_: object, **__: object) -> NoReturn:
            raise msgspec.DecodeError

    with pytest.raises(Unavailable, match="conversations"):
        await OwnConversations(Spoiled()).threads_of("craigs", "v_ana")


async def test_an_endless_conversation_keeps_its_beginning_and_its_newest_page(
    kept: MemoryChatStore, conversations: OwnConversations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "PAGES", 2)
    await a_thread(kept, *(said(n, f"line {n}") for n in range(1000)))
    conversation = await conversations.read("craigs", "cthr_a")

    assert conversation
    assert conversation.truncated
    texts = [item.text for item in conversation.items]
    assert texts[0] == "line 0"
    assert texts[-1] == "line 999"
    assert len(texts) == len(set(texts)) == 300


async def test_the_cap_counts_no_line_twice(
    kept: MemoryChatStore, conversations: OwnConversations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "PAGES", 2)
    await a_thread(kept, *(said(n, f"line {n}") for n in range(220)))
    conversation = await conversations.read("craigs", "cthr_a")

    assert conversation
    assert [item.text for item in conversation.items] == [f"line {n}" for n in range(220)]


async def test_the_last_item_is_the_last_one_that_is_shown(
    kept: MemoryChatStore, conversations: OwnConversations
) -> None:
    await a_thread(kept, said(1, "Hello"))
    for number in range(2, 20):
        await kept.put_item(ANA, "cthr_a", said(number, "SECRET", "hidden_context_item"))

    conversation = await conversations.read("craigs", "cthr_a")
    assert conversation
    assert await conversations.last_item_id("craigs", "cthr_a") == conversation.items[-1].id


async def test_an_empty_thread_has_no_last_item(
    kept: MemoryChatStore, conversations: OwnConversations
) -> None:
    await a_thread(kept)

    assert await conversations.last_item_id("craigs", "cthr_a") is None
    conversation = await conversations.read("craigs", "cthr_a")
    assert conversation
    assert conversation.items == ()


async def test_what_is_not_there_is_not_there(conversations: OwnConversations) -> None:
    assert await conversations.read("craigs", "cthr_a") is None
    assert await conversations.last_item_id("craigs", "cthr_a") is None
    assert await conversations.threads_of("craigs", "v_ana") == []
    assert not await conversations.forget("craigs", "cthr_a")


async def test_another_shop_reads_nothing(
    kept: MemoryChatStore, conversations: OwnConversations
) -> None:
    await a_thread(kept, said(1, "Hello"))

    assert await conversations.read("other", "cthr_a") is None
    assert not await conversations.forget("other", "cthr_a")
    assert await conversations.read("craigs", "cthr_a")


async def test_forgets_for_good(kept: MemoryChatStore, conversations: OwnConversations) -> None:
    await a_thread(kept, said(1, "408 555 0199"))

    assert await conversations.forget("craigs", "cthr_a")
    assert not await conversations.forget("craigs", "cthr_a")
    assert "0199" not in repr(vars(kept))


async def test_an_unknown_item_is_counted(
    kept: MemoryChatStore, conversations: OwnConversations
) -> None:
    await a_thread(kept, said(1, "Hello"), said(2, "?", "hologram"))
    conversation = await conversations.read("craigs", "cthr_a")

    assert conversation
    assert conversation.unknown_items == 1
    assert len(conversation.items) == 1
