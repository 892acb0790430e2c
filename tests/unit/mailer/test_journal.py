"""Receipts on disk: there when `write` returns, found by thread, gone when the record has them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from libs.errors import Unavailable
from libs.ledger.record import LeadKey, State
from services.mailer.adapters.journal import FolderJournal
from services.mailer.fakes import MemoryJournal
from services.mailer.ports import Journal, Receipt
from tests.unit.mailer.parts import KEY, Mailroom

RECEIPT = Receipt(
    shop="craigs", thread_id="cthr_one", attempt=2, at=7.5, visitor="v_1", message_id="ses-1"
)
OTHER = Receipt(shop="craigs", thread_id="cthr_two", attempt=1, at=8.0)


class JournalContract:
    @pytest.fixture
    def journal(self) -> Journal:
        raise NotImplementedError

    async def test_what_was_written_is_found(self, journal: Journal) -> None:
        await journal.write(RECEIPT)

        assert await journal.find(RECEIPT.key) == RECEIPT
        assert await journal.find(OTHER.key) is None

    async def test_lists_all(self, journal: Journal) -> None:
        await journal.write(RECEIPT)
        await journal.write(OTHER)

        assert sorted(await journal.receipts(), key=lambda each: each.at) == [RECEIPT, OTHER]

    async def test_a_later_receipt_of_a_thread_replaces_the_earlier(self, journal: Journal) -> None:
        await journal.write(Receipt(shop="craigs", thread_id="cthr_one", attempt=1, at=1.0))
        await journal.write(RECEIPT)

        assert await journal.receipts() == [RECEIPT]

    async def test_dropping_twice_is_harmless(self, journal: Journal) -> None:
        await journal.write(RECEIPT)

        await journal.drop(RECEIPT)
        await journal.drop(RECEIPT)

        assert await journal.receipts() == []

    async def test_is_empty_at_first(self, journal: Journal) -> None:
        assert await journal.receipts() == []
        assert await journal.find(LeadKey("craigs", "cthr_one")) is None


class TestMemory(JournalContract):
    @pytest.fixture
    def journal(self) -> Journal:
        return MemoryJournal()


class TestFolder(JournalContract):
    @pytest.fixture
    def journal(self, tmp_path: Path) -> Journal:
        return FolderJournal(tmp_path / "journal")

    async def test_survives_its_process(self, tmp_path: Path) -> None:
        await FolderJournal(tmp_path).write(RECEIPT)

        assert await FolderJournal(tmp_path).receipts() == [RECEIPT]

    def test_names_no_thread_in_its_folder(self, tmp_path: Path) -> None:
        assert "cthr" not in FolderJournal(tmp_path)._path(RECEIPT.key).name

    async def test_a_draft_that_a_crash_left_is_no_receipt(self, tmp_path: Path) -> None:
        (tmp_path / "abc.123.draft").write_bytes(b'{"shop": "cra')

        assert await FolderJournal(tmp_path).receipts() == []

    async def test_many_writers_share_it(self, tmp_path: Path) -> None:
        receipts = [
            Receipt(shop="craigs", thread_id=f"cthr_{n}", attempt=1, at=float(n)) for n in range(20)
        ]

        await asyncio.gather(*(FolderJournal(tmp_path).write(each) for each in receipts))

        found = await FolderJournal(tmp_path).receipts()
        assert sorted(found, key=lambda each: each.at) == receipts

    async def test_a_disk_that_fails_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "journal").touch()

        with pytest.raises(Unavailable, match="journal"):
            await FolderJournal(tmp_path / "journal").write(RECEIPT)


async def test_a_journal_that_fails_does_not_stop_the_receipt(tmp_path: Path) -> None:
    room = Mailroom()
    await room.pending()
    (tmp_path / "journal").touch()
    room.journal = FolderJournal(tmp_path / "journal")  # type: ignore[assignment]

    await room.handlers().send(room.wish())

    assert room.record.state is State.SENT
    assert "Lead dedupe mark sent failed" in room.logged


async def test_replay_settles_and_is_harmless_when_it_is_not_needed(tmp_path: Path) -> None:
    room = Mailroom()
    await room.pending()
    await room.handlers().send(room.wish())
    before = room.records.leads[KEY]
    await room.journal.write(Receipt(shop=KEY.shop, thread_id=KEY.thread_id, attempt=1, at=1.0))

    assert await room.handlers().receipts.replay() == 1
    assert room.records.leads[KEY] == before
    assert room.journal.kept == {}


async def test_a_mark_from_before_the_record_existed_proves_nothing() -> None:
    from libs.leases.port import SentMark
    from services.mailer.ports import Unknown
    from tests.unit.mailer.test_handlers import answering

    room = Mailroom()
    await room.pending()
    room.provider.fault = answering(send=Unknown("timeout"))
    await room.handlers().send(room.wish())
    old = SentMark(visitor="v_1", sent_at=room.clock.now() - 86_400)
    await room.marks.mark(KEY.shop, KEY.thread_id, old)

    await room.handlers().send(room.wish(attempt=2))

    assert room.record.state is State.SENDING
