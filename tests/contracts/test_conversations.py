"""What every source of conversations promises: the same talk, whoever hosts it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as replaced

from libs.conversations import hosted as hosted_module
from libs.conversations.fakes import MemoryChatStore, MemoryConversations
from libs.conversations.hosted import HostedConversations
from libs.conversations.items import read_items
from libs.conversations.own import OwnConversations
from libs.errors import Unavailable
from libs.identity.visitors import hosted_user, visitor_id
from libs.model.openai_connection import OpenAIConnection
from tests.contracts.houses import SHOP, HostedHouse, House, MemoryHouse, OwnHouse
from tests.openai_server import CutOff, Failure, Garbage, Hang, OpenAIServer, Status, openai_server
from tests.openai_shapes import user_message
from tests.transcripts import load, names, own_items

THREAD = "cthr_0123456789"
VISITOR = "v_anna"


class ConversationsContract:
    @pytest.fixture
    async def house(self) -> House:
        raise NotImplementedError

    @pytest.mark.parametrize("name", names())
    async def test_same_conversation_is_the_same_transcript(self, house: House, name: str) -> None:
        transcript = load(name)
        await house.keep(THREAD, VISITOR, transcript)

        conversation = await house.source.read(SHOP, THREAD)

        expected = read_items(own_items(transcript, THREAD))
        assert conversation
        assert (conversation.thread_id, conversation.visitor) == (THREAD, VISITOR)
        assert conversation.title == transcript.title
        assert conversation.unknown_items == expected.unknown_items
        assert not conversation.truncated
        assert [_bare(item) for item in conversation.items] == [
            _bare(item) for item in expected.items
        ]

    @pytest.mark.parametrize("name", names())
    async def test_newest_item_is_the_transcripts_last(self, house: House, name: str) -> None:
        await house.keep(THREAD, VISITOR, load(name))

        conversation = await house.source.read(SHOP, THREAD)
        newest = await house.source.last_item_id(SHOP, THREAD)

        assert conversation
        assert newest == (conversation.items[-1].id if conversation.items else None)

    async def test_hidden_words_are_nowhere(self, house: House) -> None:
        await house.keep(THREAD, VISITOR, load("hidden_and_unknown"))

        assert "VIP" not in repr(await house.source.read(SHOP, THREAD))

    async def test_newest_item_that_is_hidden_is_not_the_last(self, house: House) -> None:
        shown = load("hidden_and_unknown")
        hidden_last = replaced(shown, turns=(*shown.turns[1:], shown.turns[0]))
        await house.keep(THREAD, VISITOR, hidden_last)

        conversation = await house.source.read(SHOP, THREAD)

        assert conversation
        assert await house.source.last_item_id(SHOP, THREAD) == conversation.items[-1].id

    async def test_unknown_thread_is_none(self, house: House) -> None:
        assert await house.source.read(SHOP, "cthr_nothing") is None
        assert await house.source.last_item_id(SHOP, "cthr_nothing") is None
        assert await house.source.owner(SHOP, "cthr_nothing") is None

    async def test_owner_is_whom_the_conversation_belongs_to(self, house: House) -> None:
        await house.keep(THREAD, VISITOR, load("empty"))

        assert await house.source.owner(SHOP, THREAD) == VISITOR

    async def test_threads_of_a_visitor_newest_first(self, house: House) -> None:
        for number in range(3):
            await house.keep(f"cthr_{number}", VISITOR, load("empty"))
        await house.keep("cthr_other", "v_other", load("empty"))

        found = await house.source.threads_of(SHOP, VISITOR)

        assert found == ["cthr_2", "cthr_1", "cthr_0"]
        assert await house.source.threads_of(SHOP, "v_nobody") == []

    async def test_forgotten_thread_is_gone(self, house: House) -> None:
        await house.keep(THREAD, VISITOR, load("civic_seat"))

        assert await house.source.forget(SHOP, THREAD)
        assert not await house.source.forget(SHOP, THREAD)
        assert await house.source.read(SHOP, THREAD) is None


def _bare(item: Any) -> tuple[object, ...]:
    """Ids of answers and links aside."""
    photos = [(each.id, each.name, each.mime_type) for each in item.attachments]
    return item.speaker, item.text, item.quoted, item.at, photos


class TestMemory(ConversationsContract):
    @pytest.fixture
    async def house(self) -> House:
        return MemoryHouse(MemoryConversations())


class TestOwn(ConversationsContract):
    @pytest.fixture
    async def house(self) -> House:
        store = MemoryChatStore()
        return OwnHouse(OwnConversations(store), store)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with openai_server() as running:
        yield running


@pytest.mark.slow
class TestHosted(ConversationsContract):
    @pytest.fixture
    async def house(self, server: OpenAIServer) -> AsyncIterator[House]:
        connection = OpenAIConnection("sk-test", server.url)
        yield HostedHouse(HostedConversations(connection), server)
        await connection.aclose()

    async def test_thread_of_another_shop_is_none(self, house: HostedHouse) -> None:
        """OpenAI keeps the threads of all shops together: an id alone must open none of another."""
        source = replace(house.source, alone=False)
        visitor = visitor_id("k" * 32, "u-1")
        user = hosted_user(visitor, SHOP, alone=False)
        house.server.add_thread(THREAD, user=user, items=[user_message("hello")])

        conversation = await source.read(SHOP, THREAD)

        assert conversation
        assert conversation.visitor == visitor == await source.owner(SHOP, THREAD)
        assert await source.threads_of(SHOP, visitor) == [THREAD]
        assert await source.read("another", THREAD) is None
        assert await source.owner("another", THREAD) is None
        assert await source.threads_of("another", visitor) == []

    async def test_threads_from_before_there_was_a_second_shop_are_found(
        self, house: HostedHouse
    ) -> None:
        source = replace(house.source, alone=False)
        await house.keep(THREAD, VISITOR, load("civic_seat"))

        assert await source.threads_of(SHOP, VISITOR) == [THREAD]
        assert await source.owner(SHOP, THREAD) == VISITOR

    async def test_pages_are_followed_to_the_end(self, house: HostedHouse) -> None:
        house.server.add_thread(
            THREAD, user=VISITOR, items=[user_message(f"line {n}") for n in range(250)]
        )

        conversation = await house.source.read(SHOP, THREAD)

        assert conversation
        assert [item.text for item in conversation.items] == [f"line {n}" for n in range(250)]
        assert [seen.query["order"] for seen in house.server.seen("items")] == ["asc"] * 3

    async def test_pages_are_followed_also_where_the_server_leaves_out_their_end(
        self, house: HostedHouse
    ) -> None:
        house.server.without_last_id = True
        house.server.add_thread(
            THREAD, user=VISITOR, items=[user_message(f"line {n}") for n in range(150)]
        )

        conversation = await house.source.read(SHOP, THREAD)

        assert conversation
        assert not conversation.truncated
        assert [item.text for item in conversation.items] == [f"line {n}" for n in range(150)]

    async def test_past_the_cap_the_newest_page_is_read_too(
        self, house: HostedHouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hosted_module, "PAGES", 2)
        house.server.add_thread(
            THREAD, user=VISITOR, items=[user_message(f"line {n}") for n in range(450)]
        )

        conversation = await house.source.read(SHOP, THREAD)

        assert conversation
        assert conversation.truncated
        expected = [*range(200), *range(350, 450)]
        assert [item.text for item in conversation.items] == [f"line {n}" for n in expected]

    async def test_server_that_never_ends_is_left_after_fifty_pages(
        self, house: HostedHouse
    ) -> None:
        house.server.endless = True
        house.server.add_thread(THREAD, user=VISITOR, items=[user_message("a"), user_message("b")])

        conversation = await house.source.read(SHOP, THREAD)

        assert conversation
        assert conversation.truncated
        assert [item.text for item in conversation.items] == ["a", "b"]
        assert len(house.server.seen("items")) <= 51

    async def test_rows_that_nobody_documented_cost_no_other(self, house: HostedHouse) -> None:
        house.server.add_thread(THREAD, user=VISITOR, items=[])
        said = {**user_message("hello"), "id": "cthi_1", "created_at": 10**400}
        strange = [None, 7, [], {"id": 5}, {"id": [], "type": 5}]
        page = {"data": [*strange, said], "has_more": False, "last_id": 7}
        house.server.failures["items"].append(Garbage(json.dumps(page)))

        conversation = await house.source.read(SHOP, THREAD)

        assert conversation
        assert [(item.text, item.at) for item in conversation.items] == [("hello", 0.0)]

    @pytest.mark.parametrize(
        ("failure", "times", "words"),
        [
            (Status(429, retry_after=0.01), 2, "429"),
            (Status(500), 2, "500"),
            (Status(503), 2, "503"),
            (Status(401), 1, "401"),
            (Status(403), 1, "403"),
            (CutOff(), 2, "reached"),
            (Garbage(), 1, "documented"),
            (Garbage("[]"), 1, "documented"),
        ],
    )
    @pytest.mark.parametrize("route", ["thread", "items"])
    async def test_failure_means_come_back_later(
        self, house: HostedHouse, route: str, failure: Failure, times: int, words: str
    ) -> None:
        await house.keep(THREAD, VISITOR, load("civic_seat"))
        house.server.fail(route, failure, times=times)

        with pytest.raises(Unavailable, match=words) as caught:
            await house.source.read(SHOP, THREAD)

        assert caught.value.part == "conversations"
        assert "sk-" not in str(caught.value)

    async def test_one_hiccup_is_tried_again_at_once(self, house: HostedHouse) -> None:
        await house.keep(THREAD, VISITOR, load("civic_seat"))
        house.server.fail("thread", Status(500))

        assert await house.source.read(SHOP, THREAD)

    async def test_hanging_server_is_left(
        self, house: HostedHouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hosted_module, "READ_SECONDS", 0.2)
        await house.keep(THREAD, VISITOR, load("civic_seat"))
        house.server.fail("items", Hang(110))

        async with asyncio.timeout(60):
            with pytest.raises(Unavailable, match="timed out"):
                await house.source.read(SHOP, THREAD)

    async def test_malformed_id_is_an_unknown_thread(self, house: HostedHouse) -> None:
        house.server.fail("thread", Status(400))

        assert await house.source.read(SHOP, THREAD) is None

    async def test_provider_says_when_to_come_back(self, house: HostedHouse) -> None:
        await house.keep(THREAD, VISITOR, load("civic_seat"))
        house.server.fail("thread", Status(429, retry_after=0), times=1)
        house.server.fail("thread", Status(429, retry_after=7), times=1)

        with pytest.raises(Unavailable) as caught:
            await house.source.read(SHOP, THREAD)

        assert caught.value.after_seconds == 7

    async def test_logs_link_names_the_thread(self, house: HostedHouse) -> None:
        await house.keep(THREAD, VISITOR, load("civic_seat"))

        conversation = await house.source.read(SHOP, THREAD)

        assert conversation
        assert conversation.logs_url.endswith(THREAD)
