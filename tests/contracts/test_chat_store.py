"""What every chat store promises: order, ownership, idempotence, forgetting."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.conversations.fakes import MemoryChatStore
from libs.conversations.store import (
    RETENTION_SECONDS,
    TURN_SECONDS,
    AttachmentRow,
    ChatStore,
    ItemRow,
    Opened,
    Owner,
    ThreadMissingError,
    ThreadRow,
    TurnRow,
)
from libs.conversations.store_dynamodb import DynamoChatStore
from libs.conversations.store_open import open_chat_store
from libs.conversations.store_sqlite import open_sqlite
from libs.errors import SettingsError
from libs.runtime.settings import CommonSettings

ANA = Owner("craigs", "v_ana")
BEN = Owner("craigs", "v_ben")
ANA_ELSEWHERE = Owner("other", "v_ana")


def thread(name: str, at: float = 1.0, **more: object) -> ThreadRow:
    return ThreadRow(id=f"cthr_{name}", created_at=at, **more)  # type: ignore[arg-type]


def item(number: int, body: str = "{}", changed_at: float = 0.0) -> ItemRow:
    at = float(number)
    return ItemRow(
        id=f"cthi_{number:04}", kind="user_message", at=at, changed_at=changed_at or at, body=body
    )


def turn(key: str = "k", message_id: str = "cthi_1") -> TurnRow:
    return TurnRow(key=key, thread_id="cthr_a", message_id=message_id, at=1.0)


class ChatStoreContract:
    @pytest.fixture
    async def store(self) -> ChatStore:
        raise NotImplementedError

    async def test_keeps_a_thread_as_it_was_written_last(self, store: ChatStore) -> None:
        await store.put_thread(ANA, thread("a", 5.0, title="Sofá", body='{"x":1}'))
        await store.put_thread(ANA, thread("a", 5.0, title="Stuhl \U0001f4ba", body='{"x":2}'))

        assert await store.thread(ANA, "cthr_a") == thread(
            "a", 5.0, title="Stuhl \U0001f4ba", body='{"x":2}'
        )
        assert await store.thread(ANA, "cthr_b") is None

    async def test_of_two_who_begin_a_thread_the_first_says_when(self, store: ChatStore) -> None:
        """Of each other they know nothing: a list by creation would have it twice."""
        first = [thread("a", 2.0), thread("a", 1.0, title="Seats"), thread("b", 3.0)]
        await asyncio.gather(*(store.put_thread(ANA, each) for each in first))
        listed = await store.threads(ANA, newest_first=False)
        behind = await store.threads(ANA, newest_first=False, after="cthr_a")

        assert [row.id for row in listed.rows] == ["cthr_a", "cthr_b"]
        assert await store.thread(ANA, "cthr_a") == listed.rows[0]
        assert [row.id for row in behind.rows] == ["cthr_b"]
        at = listed.rows[0].created_at
        await store.put_thread(ANA, thread("a", 9.0, title="Seats"))
        assert await store.thread(ANA, "cthr_a") == thread("a", at, title="Seats")

    async def test_pages_threads_by_age_in_both_directions(self, store: ChatStore) -> None:
        for name, at in (("a", 1.0), ("b", 3.0), ("c", 2.0), ("d", 3.0)):
            await store.put_thread(ANA, thread(name, at))

        first = await store.threads(ANA, limit=3)
        rest = await store.threads(ANA, limit=3, after=first.rows[-1].id)
        oldest = await store.threads(ANA, limit=2, newest_first=False)
        none = await store.threads(ANA, after="cthr_nobody")

        assert [row.id for row in first.rows] == ["cthr_d", "cthr_b", "cthr_c"]
        assert first.has_more
        assert [row.id for row in rest.rows] == ["cthr_a"]
        assert not rest.has_more
        assert [row.id for row in oldest.rows] == ["cthr_a", "cthr_c"]
        assert none.rows == ()

    async def test_leaves_hidden_threads_out_of_the_list_only(self, store: ChatStore) -> None:
        await store.put_thread(ANA, thread("a"))
        await store.put_thread(ANA, thread("b", hidden=True))

        assert [row.id for row in (await store.threads(ANA)).rows] == ["cthr_a"]
        assert len((await store.threads(ANA, hidden_too=True)).rows) == 2
        assert (await store.thread(ANA, "cthr_b")) == thread("b", hidden=True)

    async def test_pages_items_in_order_of_their_ids(self, store: ChatStore) -> None:
        await store.put_thread(ANA, thread("a"))
        for number in (3, 1, 5, 2, 4):
            await store.put_item(ANA, "cthr_a", item(number))

        first = await store.items(ANA, "cthr_a", limit=2)
        then = await store.items(ANA, "cthr_a", limit=3, after=first.rows[-1].id)
        newest = await store.items(ANA, "cthr_a", limit=2, newest_first=True)
        before = await store.items(
            ANA, "cthr_a", limit=9, newest_first=True, after=newest.rows[-1].id
        )

        assert [row.at for row in first.rows] == [1, 2]
        assert first.has_more
        assert [row.at for row in then.rows] == [3, 4, 5]
        assert not then.has_more
        assert [row.at for row in newest.rows] == [5, 4]
        assert [row.at for row in before.rows] == [3, 2, 1]

    async def test_writing_an_item_twice_keeps_one(self, store: ChatStore) -> None:
        await store.put_thread(ANA, thread("a"))
        await store.put_item(ANA, "cthr_a", item(1, "old"))
        await store.put_item(ANA, "cthr_a", item(1, "new", changed_at=9.0))

        assert (await store.items(ANA, "cthr_a")).rows == (item(1, "new", changed_at=9.0),)
        assert await store.item(ANA, "cthr_a", "cthi_0001") == item(1, "new", changed_at=9.0)

    async def test_deleting_an_item_twice_is_harmless(self, store: ChatStore) -> None:
        await store.put_thread(ANA, thread("a"))
        await store.put_item(ANA, "cthr_a", item(1))
        await store.delete_item(ANA, "cthr_a", "cthi_0001")
        await store.delete_item(ANA, "cthr_a", "cthi_0001")

        assert await store.item(ANA, "cthr_a", "cthi_0001") is None

    async def test_takes_no_item_for_a_thread_that_is_not_there(self, store: ChatStore) -> None:
        await store.put_thread(BEN, thread("a"))

        with pytest.raises(ThreadMissingError):
            await store.put_item(ANA, "cthr_a", item(1))
        assert (await store.items(BEN, "cthr_a")).rows == ()

    @pytest.mark.parametrize("stranger", [BEN, ANA_ELSEWHERE], ids=["visitor", "shop"])
    async def test_a_stranger_finds_nothing(self, store: ChatStore, stranger: Owner) -> None:
        await store.put_thread(ANA, thread("a"))
        await store.put_item(ANA, "cthr_a", item(1))
        await store.put_attachment(ANA, AttachmentRow(id="att_1", at=1, body="{}"))
        await store.open_turn(ANA, turn())

        await store.delete_item(stranger, "cthr_a", "cthi_0001")
        await store.delete_attachment(stranger, "att_1")

        assert await store.thread(stranger, "cthr_a") is None
        assert (await store.threads(stranger)).rows == ()
        assert (await store.items(stranger, "cthr_a")).rows == ()
        assert await store.item(stranger, "cthr_a", "cthi_0001") is None
        assert await store.attachment(stranger, "att_1") is None
        assert await store.turn(stranger, "k") is None
        assert not await store.forget(stranger, "cthr_a")
        assert await store.item(ANA, "cthr_a", "cthi_0001") == item(1)
        assert await store.attachment(ANA, "att_1")

    async def test_knows_whose_a_thread_is(self, store: ChatStore) -> None:
        await store.put_thread(ANA, thread("a"))

        assert await store.owner_of("craigs", "cthr_a") == ANA
        assert await store.owner_of("other", "cthr_a") is None
        assert await store.owner_of("craigs", "cthr_b") is None

    async def test_opens_a_thread_with_its_first_items(self, store: ChatStore) -> None:
        await store.put_thread(ANA, thread("a", title="Seats"))
        await store.put_thread(BEN, thread("b"))
        for number in (2, 1, 3):
            await store.put_item(ANA, "cthr_a", item(number))
        await store.put_item(BEN, "cthr_b", item(4))

        whole = await store.opened("craigs", "cthr_a", limit=3)
        newest = await store.opened("craigs", "cthr_a", limit=2, newest_first=True)

        page = await store.items(ANA, "cthr_a", limit=3)
        assert whole == Opened(owner=ANA, thread=thread("a", title="Seats"), page=page)
        assert newest
        assert newest.page == await store.items(ANA, "cthr_a", limit=2, newest_first=True)
        assert await store.opened("other", "cthr_a", limit=3) is None
        await store.forget(ANA, "cthr_a")
        assert await store.opened("craigs", "cthr_a", limit=3) is None

    async def test_keeps_attachments(self, store: ChatStore) -> None:
        new = AttachmentRow(id="att_1", at=1.5, body='{"name":"é.jpg"}')
        sent = AttachmentRow(id="att_1", at=1.5, body='{"name":"é.jpg"}', thread_id="cthr_a")
        await store.put_attachment(ANA, new)
        await store.put_attachment(ANA, sent)

        assert await store.attachment(ANA, "att_1") == sent
        await store.delete_attachment(ANA, "att_1")
        assert await store.attachment(ANA, "att_1") is None

    async def test_a_turn_is_opened_once(self, store: ChatStore) -> None:
        assert await store.open_turn(ANA, turn()) is None
        assert await store.open_turn(ANA, turn(message_id="cthi_2")) == turn()
        assert await store.open_turn(BEN, turn()) is None

        settled = TurnRow(key="k", thread_id="cthr_a", message_id="m", at=1.0, state="settled")
        await store.put_turn(ANA, settled)
        assert await store.turn(ANA, "k") == settled

    async def test_of_many_at_once_one_opens_the_turn(self, store: ChatStore) -> None:
        names = [f"cthi_{n}" for n in range(20)]
        found = await asyncio.gather(*(store.open_turn(ANA, turn(message_id=n)) for n in names))

        assert found.count(None) == 1
        assert len({row.message_id for row in found if row}) == 1

    async def test_forgets_a_thread_with_all_that_hangs_on_it(self, store: ChatStore) -> None:
        for name in ("a", "b"):
            await store.put_thread(ANA, thread(name))
            await store.put_item(ANA, f"cthr_{name}", item(1))
        await store.put_attachment(
            ANA, AttachmentRow(id="att_1", at=1, body="{}", thread_id="cthr_a")
        )
        await store.put_attachment(ANA, AttachmentRow(id="att_unsent", at=1, body="{}"))
        other = AttachmentRow(id="att_2", at=1, body="{}", thread_id="cthr_b")
        await store.put_attachment(ANA, other)
        await store.open_turn(ANA, turn())

        assert await store.forget(ANA, "cthr_a")
        assert not await store.forget(ANA, "cthr_a")

        assert await store.thread(ANA, "cthr_a") is None
        assert (await store.items(ANA, "cthr_a")).rows == ()
        assert [row.id for row in (await store.threads(ANA)).rows] == ["cthr_b"]
        assert await store.owner_of("craigs", "cthr_a") is None
        assert await store.attachment(ANA, "att_1") is None
        assert await store.attachment(ANA, "att_unsent") is None
        assert await store.attachment(ANA, "att_2") == other
        assert await store.turn(ANA, "k") is None
        assert await store.item(ANA, "cthr_b", "cthi_0001") == item(1)
        with pytest.raises(ThreadMissingError):
            await store.put_item(ANA, "cthr_a", item(2))


class AgingContract(ChatStoreContract):
    """Stores that do not age by themselves."""

    async def test_expires_what_nobody_touched(self, store: ChatStore) -> None:
        await store.put_thread(ANA, thread("a", 1.0))
        await store.put_thread(ANA, thread("b", 1.0))
        await store.put_item(ANA, "cthr_b", item(50))
        await store.put_attachment(ANA, AttachmentRow(id="att_1", at=1.0, body="{}"))
        await store.open_turn(ANA, turn())

        assert await store.expire(before=20.0) == 1

        assert await store.thread(ANA, "cthr_a") is None
        assert await store.thread(ANA, "cthr_b")
        assert await store.attachment(ANA, "att_1") is None
        assert await store.turn(ANA, "k") is None


class TestMemoryChatStore(AgingContract):
    @pytest.fixture
    async def store(self) -> ChatStore:
        return MemoryChatStore()


class TestSqliteChatStore(AgingContract):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[ChatStore]:
        async with open_sqlite(tmp_path / "chat.sqlite3") as store:
            yield store

    async def test_two_processes_share_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "chat.sqlite3"
        async with open_sqlite(path) as here, open_sqlite(path) as there:
            await here.put_thread(ANA, thread("a"))
            numbers = range(1, 41)

            await asyncio.gather(
                *((here, there)[n % 2].put_item(ANA, "cthr_a", item(n)) for n in numbers)
            )

            assert [row.at for row in (await there.items(ANA, "cthr_a", limit=99)).rows] == [
                float(n) for n in numbers
            ]

    async def test_a_folder_that_cannot_be_used_stops_the_start(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("not a folder")

        with pytest.raises(SettingsError, match="HANDOFF_DATA"):
            async with open_sqlite(tmp_path / "file" / "chat.sqlite3"):
                pass


@pytest.mark.slow
class TestDynamoChatStore(ChatStoreContract):
    @pytest.fixture
    async def store(self, moto_url: str) -> AsyncIterator[ChatStore]:
        settings = CommonSettings(
            records="dynamodb", aws_endpoint_url=moto_url, dynamodb_table=f"t{uuid.uuid4().hex}"
        )
        async with contextlib.AsyncExitStack() as stack:
            yield await open_chat_store(settings, stack)

    async def test_every_row_ages(self, store: DynamoChatStore) -> None:
        await store.put_thread(ANA, thread("a"))
        await store.put_item(ANA, "cthr_a", item(7))
        await store.put_attachment(ANA, AttachmentRow(id="att_1", at=1.0, body="{}"))
        await store.open_turn(ANA, turn())

        rows = (await store._call("scan"))["Items"]

        assert len(rows) == 6
        assert all(float(row["expires_at"]["N"]) > TURN_SECONDS for row in rows)

    async def test_of_a_thread_that_two_began_nothing_stays(self, store: DynamoChatStore) -> None:
        await asyncio.gather(*(store.put_thread(ANA, thread("a", at)) for at in (1.1, 1.3)))
        await store.forget(ANA, "cthr_a")

        assert (await store._call("scan"))["Items"] == []

    async def test_a_thread_whose_owner_was_noted_without_a_time_keeps_its_own(
        self, store: DynamoChatStore
    ) -> None:
        """As all were before the time was kept there."""
        await store._put("owner#craigs#cthr_a", "owner", 1e9, {"visitor": {"S": "v_ana"}})
        await store.put_thread(ANA, thread("a", 5.0))

        assert await store.opened("craigs", "cthr_a", limit=1)
        assert (await store.threads(ANA)).rows == (thread("a", 5.0),)

    async def test_a_thread_lives_as_long_as_its_newest_item(self, store: DynamoChatStore) -> None:
        await store.put_thread(ANA, thread("a"))
        await store.put_item(ANA, "cthr_a", item(7))

        rows = (await store._call("scan"))["Items"]

        ages = {row["sk"]["S"]: float(row["expires_at"]["N"]) for row in rows}
        assert ages["thread"] == 7 + RETENTION_SECONDS
