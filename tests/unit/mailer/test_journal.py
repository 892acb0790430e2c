"""Receipts on disk: there when `write` returns, found by thread, gone when the record has them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from libs.errors import Unavailable
from libs.ledger.record import LeadKey, State
from services.mailer.adapters.journal import SqliteJournal, open_journal
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


class TestSqlite(JournalContract):
    @pytest.fixture
    async def journal(self, tmp_path: Path) -> AsyncIterator[Journal]:
        async with open_journal(tmp_path / "journal") as journal:
            yield journal

    async def test_survives_its_process(self, tmp_path: Path) -> None:
        async with open_journal(tmp_path / "journal") as journal:
            await journal.write(RECEIPT)

        async with open_journal(tmp_path / "journal") as journal:
            assert await journal.receipts() == [RECEIPT]

    async def test_many_processes_share_it(self, tmp_path: Path) -> None:
        receipts = [
            Receipt(shop="craigs", thread_id=f"cthr_{n}", attempt=1, at=float(n)) for n in range(20)
        ]
        async with (
            open_journal(tmp_path / "journal") as one,
            open_journal(tmp_path / "journal") as two,
        ):
            await asyncio.gather(
                *((one, two)[at % 2].write(each) for at, each in enumerate(receipts))
            )

            found = await one.receipts()
        assert sorted(found, key=lambda each: each.at) == receipts

    async def test_what_was_dropped_after_a_newer_receipt_leaves_that(
        self, journal: Journal
    ) -> None:
        old = Receipt(shop="craigs", thread_id="cthr_one", attempt=1, at=1.0)
        await journal.write(old)
        await journal.write(RECEIPT)

        await journal.drop(old)

        assert await journal.receipts() == [RECEIPT]

    async def test_a_disk_that_fails_says_so(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("libs.databases.sqlite.BUSY_SECONDS", 0.05)
        with pytest.raises(Unavailable, match="journal"):
            async with locked_journal(tmp_path) as journal:
                await journal.write(RECEIPT)


@asynccontextmanager
async def locked_journal(folder: Path) -> AsyncIterator[SqliteJournal]:
    async with open_journal(folder / "journal") as journal:
        with closing(sqlite3.connect(folder / "journal", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield journal


async def test_a_journal_that_fails_does_not_stop_the_receipt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.databases.sqlite.BUSY_SECONDS", 0.05)
    room = Mailroom()
    await room.pending()

    async with locked_journal(tmp_path) as room.journal:  # type: ignore[assignment]
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


async def test_a_mark_that_does_not_name_the_attempt_proves_nothing() -> None:
    """A Redis that makes one up, or gives that of an earlier attempt, must not lose the lead."""
    from libs.leases.port import SentMark
    from services.mailer.ports import Unknown
    from tests.unit.mailer.test_handlers import answering

    room = Mailroom()
    await room.pending()
    room.provider.fault = answering(send=Unknown("timeout"))
    await room.handlers().send(room.wish())
    made_up = SentMark(visitor="v_1", sent_at=room.clock.now(), lid="of another attempt")
    await room.marks.mark(KEY.shop, KEY.thread_id, made_up)

    await room.handlers().send(room.wish(attempt=2))

    assert room.record.state is State.SENDING
