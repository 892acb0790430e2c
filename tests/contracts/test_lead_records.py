"""What every store of lead records promises: memory, SQLite and DynamoDB."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from libs.databases.dynamodb import DynamoTable, create_table, use_table
from libs.errors import Rejected, SettingsError, Unavailable
from libs.ledger.dynamodb import LAYOUT, DynamoLeadRecords
from libs.ledger.fakes import MemoryRecords
from libs.ledger.open import open_records
from libs.ledger.port import LeadRecords, Overdue
from libs.ledger.record import LeadKey, LeadRecord, State, Step, Watch
from libs.ledger.sqlite import HELD, SqliteLeadRecords
from libs.ledger.sweep import Sweep
from libs.messages.lead import thread_name
from libs.runtime.aws import aws_client
from libs.runtime.clock import SystemClock
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.runtime.settings import CommonSettings
from libs.streams.fakes import RememberingPublisher
from tests.clock import HandClock
from tests.servers import free_port

NOW = 1_800_000_000.123456


class LaterWatch(Watch, frozen=True, kw_only=True):
    """As a later release writes it."""

    from_2030: str = ""


def lead(thread: str = "cthr_1", *, shop: str = "craigs", due_at: float | None = NOW) -> LeadRecord:
    return LeadRecord(
        key=LeadKey(shop, thread),
        state=State.PENDING,
        visitor="v_1",
        trigger="pagehide",
        request_id="req-1",
        due_at=due_at,
        ambiguous=(1, 2),
        ambiguous_lids={"one": 1, "two": 2},
        created_at=0.1 + 0.2,
        history=(Step(NOW, "considered", "idle"),),
    )


def newer(record: LeadRecord, **changes: object) -> LeadRecord:
    return msgspec.structs.replace(record, version=record.version + 1, **changes)


def watch(visitor: str = "v_1", *, due_at: float = NOW, version: int = 1) -> Watch:
    return Watch(shop="craigs", visitor=visitor, due_at=due_at, version=version)


def threads(page: Overdue) -> list[str]:
    return [record.key.thread_id for record in page.records]


async def race(records: LeadRecords, record: LeadRecord, expected: int | None) -> bool:
    """Whether it won; a reply that got lost on a busy machine is read back, as `apply` does."""
    try:
        return await records.write(record, expected_version=expected)
    except Unavailable:
        for _ in range(10):
            with contextlib.suppress(Unavailable):
                return await records.read(record.key) == record
        raise


class LeadRecordsContract:
    """Inherited by one class per adapter; `records` is the adapter, empty."""

    racers = 200

    async def spoil(self, records: LeadRecords, key: LeadKey) -> None:
        """As a broken disk or a foreign hand leaves it: each adapter's heir knows how."""
        raise NotImplementedError

    async def test_reads_back_exactly_what_was_written(self, records: LeadRecords) -> None:
        assert await records.write(lead(), expected_version=None)

        assert await records.read(lead().key) == lead()

    async def test_knows_nothing_of_an_unknown_thread(self, records: LeadRecords) -> None:
        assert await records.read(LeadKey("craigs", "cthr_unknown")) is None

    async def test_keeps_shops_apart(self, records: LeadRecords) -> None:
        await records.write(lead(shop="craigs"), expected_version=None)

        assert await records.read(LeadKey("other", "cthr_1")) is None
        assert await records.write(lead(shop="other"), expected_version=None)

    async def test_creates_once(self, records: LeadRecords) -> None:
        assert await records.write(lead(), expected_version=None)
        assert not await records.write(lead(due_at=None), expected_version=None)

        assert await records.read(lead().key) == lead()

    async def test_replaces_only_the_version_it_expects(self, records: LeadRecords) -> None:
        await records.write(lead(), expected_version=None)
        second = newer(lead(), reason="second")

        assert await records.write(second, expected_version=1)
        assert not await records.write(newer(lead(), reason="late"), expected_version=1)
        assert await records.read(second.key) == second

    async def test_replaces_nothing_that_is_absent(self, records: LeadRecords) -> None:
        assert not await records.write(newer(lead()), expected_version=1)

        assert await records.read(lead().key) is None

    async def test_one_of_many_racers_wins(self, records: LeadRecords) -> None:
        await records.write(lead(), expected_version=None)
        racers = [newer(lead(), lid=f"nonce{n}") for n in range(self.racers)]

        won = await asyncio.gather(*(race(records, racer, 1) for racer in racers))

        assert won.count(True) == 1
        assert await records.read(lead().key) == racers[won.index(True)]

    async def test_one_of_many_creators_wins(self, records: LeadRecords) -> None:
        creators = [lead(due_at=NOW + n) for n in range(self.racers)]

        won = await asyncio.gather(*(race(records, creator, None) for creator in creators))

        assert won.count(True) == 1
        assert await records.read(lead().key) == creators[won.index(True)]

    async def test_lists_what_is_due_longest_overdue_first(self, records: LeadRecords) -> None:
        for thread, due_at in (("a", NOW - 1), ("b", NOW - 9), ("c", NOW), ("d", NOW + 0.001)):
            await records.write(lead(thread, due_at=due_at), expected_version=None)
        await records.write(lead("never", due_at=None), expected_version=None)

        assert threads(await records.due(NOW, 10)) == ["b", "a", "c"]
        assert threads(await records.due(NOW, 2)) == ["b", "a"]

    async def test_pages_go_round_all_that_is_due(self, records: LeadRecords) -> None:
        """Of several that fell due in one moment none is passed over."""
        for thread, due_at in (("a", NOW), ("b", NOW), ("c", NOW), ("d", NOW - 9), ("e", NOW)):
            await records.write(lead(thread, due_at=due_at), expected_version=None)
        await records.write(lead("later", due_at=NOW + 1), expected_version=None)

        first = await records.due(NOW, 2)
        second = await records.due(NOW, 2, first.ends_at)
        third = await records.due(NOW, 2, second.ends_at)

        found = [*threads(first), *threads(second), *threads(third)]
        assert (found[0], sorted(found)) == ("d", ["a", "b", "c", "d", "e"])
        assert third.ends_at is None

    async def test_a_page_begins_behind_one_that_has_moved_on(self, records: LeadRecords) -> None:
        for thread, due_at in (("a", NOW - 2), ("b", NOW - 1)):
            await records.write(lead(thread, due_at=due_at), expected_version=None)
        first = await records.due(NOW, 1)
        await records.write(newer(first.records[0], due_at=None), expected_version=1)

        assert threads(await records.due(NOW, 1, first.ends_at)) == ["b"]

    async def test_a_spoiled_record_stops_no_other(self, records: LeadRecords) -> None:
        for thread, due_at in (("a", NOW - 2), ("b", NOW - 1)):
            await records.write(lead(thread, due_at=due_at), expected_version=None)
        await self.spoil(records, lead("a").key)

        page = await records.due(NOW, 10)

        assert (threads(page), page.unreadable) == (["b"], [lead("a").key])
        with pytest.raises(Rejected, match="the record of a cannot be read"):
            await records.read(lead("a").key)

    async def test_many_that_nobody_can_move_starve_no_other(self, records: LeadRecords) -> None:
        stuck = [lead(f"stuck{n:02}", due_at=NOW - 99) for n in range(20)]
        for record in (*stuck, lead("live", due_at=NOW - 1)):
            await records.write(record, expected_version=None)
        publisher, log = RememberingPublisher(), Log("lead", out=io.StringIO())
        sweep = Sweep(records, publisher, HandClock(NOW), log, Metrics(), limit=len(stuck))

        await sweep.once()
        await sweep.once()

        assert thread_name("craigs", "live") in publisher.scheduled

    async def test_a_settled_record_is_not_due(self, records: LeadRecords) -> None:
        await records.write(lead(), expected_version=None)
        await records.write(newer(lead(), due_at=None), expected_version=1)

        assert threads(await records.due(NOW, 10)) == []

    async def test_more_are_due_than_fit_a_page(self, records: LeadRecords) -> None:
        for n in range(120):
            await records.write(lead(f"t{n:03}", due_at=NOW - n), expected_version=None)

        assert len(threads(await records.due(NOW, 500))) == 120
        assert len(threads(await records.due(NOW, 110))) == 110

    async def test_a_watch_is_replaced_by_a_newer_session(self, records: LeadRecords) -> None:
        newer_session = msgspec.structs.replace(watch(due_at=NOW + 600), also=("v_old",))
        await records.put_watch(watch())
        await records.put_watch(newer_session)

        assert await records.due_watches(NOW, 10) == []
        assert await records.due_watches(NOW + 600, 10) == [newer_session]

    async def test_watches_fall_due_in_order(self, records: LeadRecords) -> None:
        await records.put_watch(watch("v_2", due_at=NOW - 1))
        await records.put_watch(watch("v_1", due_at=NOW - 2))
        await records.write(lead(), expected_version=None)

        assert [w.visitor for w in await records.due_watches(NOW, 10)] == ["v_1", "v_2"]
        assert [w.visitor for w in await records.due_watches(NOW, 1)] == ["v_1"]

    async def test_ends_a_watch_once(self, records: LeadRecords) -> None:
        await records.put_watch(watch())

        assert await records.end_watch(watch())
        assert not await records.end_watch(watch())
        assert await records.due_watches(NOW, 10) == []

    async def test_ends_a_watch_that_another_release_wrote(self, records: LeadRecords) -> None:
        await records.put_watch(
            LaterWatch(shop="craigs", visitor="v_1", due_at=NOW, from_2030="set")
        )

        [due] = await records.due_watches(NOW, 10)
        assert await records.end_watch(msgspec.convert(due, Watch, from_attributes=True))
        assert await records.due_watches(NOW, 10) == []

    async def test_keeps_a_watch_that_a_newer_session_moved(self, records: LeadRecords) -> None:
        await records.put_watch(watch())
        await records.put_watch(watch(due_at=NOW - 5))

        assert not await records.end_watch(watch())
        assert await records.due_watches(NOW, 10) == [watch(due_at=NOW - 5)]

    async def test_lists_what_is_held_of_all_shops_and_as_long_as_it_is(
        self, records: LeadRecords
    ) -> None:
        for shop in ("craigs", "other"):
            held = msgspec.structs.replace(lead(shop=shop, due_at=None), state=State.HELD)
            await records.write(held, expected_version=None)
        await records.write(lead("cthr_2", due_at=None), expected_version=None)
        untold = msgspec.structs.replace(lead("cthr_3"), state=State.HELD)
        await records.write(untold, expected_version=None)
        await records.write(newer(untold, state=State.PENDING), expected_version=1)
        await records.write(newer(lead("cthr_2"), state=State.HELD), expected_version=1)

        found = (await records.held(10)).records

        assert sorted(str(one.key) for one in found) == [
            "lead#craigs#cthr_1", "lead#craigs#cthr_2", "lead#other#cthr_1",
        ]  # fmt: skip
        assert {one.state for one in found} == {State.HELD}
        assert len((await records.held(2)).records) == 2

    async def test_a_held_record_that_is_spoiled_is_named(self, records: LeadRecords) -> None:
        for thread in ("a", "b"):
            held = msgspec.structs.replace(lead(thread, due_at=None), state=State.HELD)
            await records.write(held, expected_version=None)
        await self.spoil(records, lead("a").key)

        found = await records.held(10)

        assert [one.key.thread_id for one in found.records] == ["b"]
        assert found.unreadable == [lead("a").key]

    async def test_pages_through_a_shop_in_thread_order(self, records: LeadRecords) -> None:
        for thread in ("cthr_c", "cthr_a", "cthr_b"):
            await records.write(lead(thread, due_at=None), expected_version=None)
        await records.write(lead("cthr_x", shop="other"), expected_version=None)

        first = await records.list_keys("craigs", limit=2)
        rest = await records.list_keys("craigs", after=first[-1].thread_id)

        assert [key.thread_id for key in first + rest] == ["cthr_a", "cthr_b", "cthr_c"]


class TestMemoryRecords(LeadRecordsContract):
    @pytest.fixture
    def records(self) -> LeadRecords:
        return MemoryRecords()

    async def spoil(self, records: LeadRecords, key: LeadKey) -> None:
        assert isinstance(records, MemoryRecords)
        records.spoiled.add(key)


class TestSqliteRecords(LeadRecordsContract):
    @pytest.fixture
    async def records(self, tmp_path: Path) -> AsyncIterator[LeadRecords]:
        async with contextlib.AsyncExitStack() as stack:
            yield await open_records(CommonSettings(data=str(tmp_path / "new")), stack)

    async def spoil(self, records: LeadRecords, key: LeadKey) -> None:
        assert isinstance(records, SqliteLeadRecords)
        cut = "UPDATE leads SET body = substr(body, 1, length(body) - 1)"
        where = " WHERE shop = ? AND thread_id = ?"
        await records._writer.change(cut + where, (key.shop, key.thread_id))

    async def test_a_spoiled_watch_is_due_all_the_same(self, records: LeadRecords) -> None:
        assert isinstance(records, SqliteLeadRecords)
        await records.put_watch(watch())
        await records._writer.change("UPDATE watches SET body = ?", (b"{",))

        assert await records.due_watches(NOW, 10) == [watch()]
        assert await records.end_watch(watch())

    async def test_has_no_clock_of_its_own(self, records: LeadRecords) -> None:
        assert await records.clock_skew() is None

    async def test_survives_a_reopening(self, tmp_path: Path) -> None:
        settings = CommonSettings(data=str(tmp_path))
        async with contextlib.AsyncExitStack() as stack:
            await (await open_records(settings, stack)).write(lead(), expected_version=None)

        async with contextlib.AsyncExitStack() as stack:
            assert await (await open_records(settings, stack)).read(lead().key) == lead()

    async def test_refuses_a_folder_it_cannot_write(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("not a folder")

        with pytest.raises(SettingsError, match="HANDOFF_DATA"):
            async with contextlib.AsyncExitStack() as stack:
                await open_records(CommonSettings(data=str(tmp_path / "file")), stack)

    async def test_finds_what_is_held_without_reading_every_record(self, tmp_path: Path) -> None:
        import sqlite3

        async with contextlib.AsyncExitStack() as stack:
            await open_records(CommonSettings(data=str(tmp_path)), stack)
            with contextlib.closing(sqlite3.connect(tmp_path / "records.sqlite3")) as file:
                plan = file.execute(f"EXPLAIN QUERY PLAN {HELD}", (10,)).fetchall()

        assert "USING INDEX leads_held" in str(plan)

    async def test_refuses_a_network_disk(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("libs.databases.sqlite._disk_kind", lambda _: "nfs4")

        with pytest.raises(SettingsError, match="network file system"):
            async with contextlib.AsyncExitStack() as stack:
                await open_records(CommonSettings(data=str(tmp_path)), stack)

    async def test_says_when_the_file_is_locked_for_good(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import sqlite3

        monkeypatch.setattr("libs.databases.sqlite.BUSY_SECONDS", 0.05)
        async with contextlib.AsyncExitStack() as stack:
            records = await open_records(CommonSettings(data=str(tmp_path)), stack)
            with contextlib.closing(
                sqlite3.connect(tmp_path / "records.sqlite3", isolation_level=None)
            ) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(Unavailable, match="locked"):
                    await records.write(lead(), expected_version=None)
                other.execute("ROLLBACK")

            assert await records.write(lead(), expected_version=None)

    @pytest.mark.slow
    async def test_one_winner_among_processes_that_share_the_file(self, tmp_path: Path) -> None:
        racer = (
            "import asyncio, contextlib, sys\n"
            "from tests.contracts.test_lead_records import CommonSettings, lead, newer\n"
            "from libs.ledger.open import open_records\n"
            "async def race():\n"
            "    async with contextlib.AsyncExitStack() as stack:\n"
            "        records = await open_records(CommonSettings(data=sys.argv[1]), stack)\n"
            "        won = 0\n"
            "        for n in range(50):\n"
            "            await records.write(lead(f't{n}'), expected_version=None)\n"
            "            won += await records.write(newer(lead(f't{n}')), expected_version=1)\n"
            "        print(won)\n"
            "asyncio.run(race())\n"
        )
        processes = [
            subprocess.Popen(  # noqa: ASYNC220 - real processes are the point
                [sys.executable, "-c", racer, str(tmp_path)],
                stdout=subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": str(Path.cwd())},
            )
            for _ in range(4)
        ]

        outs = [await asyncio.to_thread(process.communicate, None, 60) for process in processes]

        assert sum(int(out) for out, _ in outs) == 50


async def spoil_item(records: LeadRecords, pk: str) -> None:
    assert isinstance(records, DynamoLeadRecords)
    await records._table.call(
        "update_item",
        Key={"pk": {"S": pk}},
        UpdateExpression="SET body = :body",
        ExpressionAttributeValues={":body": {"S": "{"}},
    )


@pytest.mark.slow
class TestDynamoRecords(LeadRecordsContract):
    @pytest.fixture
    async def records(self, moto_url: str) -> AsyncIterator[LeadRecords]:
        settings = CommonSettings(
            records="dynamodb", aws_endpoint_url=moto_url, dynamodb_table=f"t{uuid.uuid4().hex}"
        )
        async with contextlib.AsyncExitStack() as stack:
            yield await open_records(settings, stack)

    async def spoil(self, records: LeadRecords, key: LeadKey) -> None:
        await spoil_item(records, str(key))

    async def test_a_spoiled_watch_is_due_all_the_same(self, records: LeadRecords) -> None:
        await records.put_watch(watch())
        await spoil_item(records, str(watch()))

        assert await records.due_watches(NOW, 10) == [watch()]
        assert await records.end_watch(watch())

    async def test_measures_our_clock_against_the_stores(self, records: LeadRecords) -> None:
        skew = await records.clock_skew()

        assert skew is not None
        assert abs(skew) < 3

    async def test_notices_a_clock_that_is_wrong(self, moto_url: str) -> None:
        class AheadClock(SystemClock):
            def now(self) -> float:
                return time.time() + 90

        settings = CommonSettings(
            records="dynamodb", aws_endpoint_url=moto_url, dynamodb_table=f"t{uuid.uuid4().hex}"
        )
        async with contextlib.AsyncExitStack() as stack:
            records = await open_records(settings, stack, AheadClock())
            skew = await records.clock_skew()

        assert skew == pytest.approx(90, abs=3)

    async def test_opens_a_table_that_is_there(self, moto_url: str) -> None:
        settings = CommonSettings(
            records="dynamodb", aws_endpoint_url=moto_url, dynamodb_table=f"t{uuid.uuid4().hex}"
        )
        async with contextlib.AsyncExitStack() as stack:
            await (await open_records(settings, stack)).write(lead(), expected_version=None)
            again = await open_records(settings, stack)

            assert await again.read(lead().key) == lead()

    async def test_refuses_a_table_that_nobody_made(self, moto_url: str) -> None:
        async with aws_client("dynamodb", "us-east-1", moto_url) as client:
            with pytest.raises(SettingsError, match=r"nowhere.*ResourceNotFound"):
                await use_table(client, "nowhere", None)

    async def test_says_which_index_a_table_of_an_earlier_release_lacks(
        self, moto_url: str
    ) -> None:
        old: dict[str, Any] = {
            part: [one for one in LAYOUT[part] if "held" not in str(one)] for part in LAYOUT
        }
        name = f"t{uuid.uuid4().hex}"
        async with aws_client("dynamodb", "us-east-1", moto_url) as client:
            await create_table(client, name, old)
            records = DynamoLeadRecords(DynamoTable(client, name, "records"), SystemClock())

            assert (await records.due(NOW, 10)).records == []
            with pytest.raises(Unavailable, match=r"index by_held.*deploy/infra/aws\.yaml"):
                await records.held(10)

    async def test_says_when_nobody_answers(self) -> None:
        url = f"http://127.0.0.1:{free_port()}"
        async with aws_client("dynamodb", "us-east-1", url) as client:
            records = DynamoLeadRecords(DynamoTable(client, "t", "records"), SystemClock())
            with pytest.raises(Unavailable, match="records"):
                await records.read(lead().key)
