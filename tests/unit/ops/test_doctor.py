"""Each question of the doctor, well and unwell; what is unwell says what to do."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from libs.blobs.fakes import MemoryBlobs
from libs.errors import SettingsError, Unavailable
from libs.leads.second_sender import leave_trace
from libs.ledger.fakes import MemoryRecords
from libs.ledger.record import State
from libs.messages.mail import DeliveryEvent
from libs.streams.broker import DeadLetter
from ops import doctor
from ops.desk import open_desk, open_oversight
from ops.finding import Finding
from ops.streams import dead_list
from services.lead.retention import KEPT_SECONDS
from tests.clock import HandClock
from tests.openai_server import Status, openai_server
from tests.servers import free_port, redis_server
from tests.unit.ops.desks import (
    KEY,
    NOW,
    THREAD,
    in_memory,
    read_by_all,
    record,
    started,
    stores,
    well,
)

MODEL = "gpt-5.2-2025-12-11"


@asynccontextmanager
async def another() -> AsyncIterator[str]:
    """A server of something else, which answers every address with a page."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<h1>It works!</h1>", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", page)
    async with TestServer(app) as server:
        yield str(server.make_url("/v1"))


async def broken(*_: object) -> None:
    raise Unavailable("part", "timeout")


async def test_every_question_is_asked_and_the_worst_decides() -> None:
    shown = await doctor.doctor(stores().desk)

    assert isinstance(shown.data, list)
    assert [finding.what for finding in shown.data] == [
        "settings", "redis", "records", "blobs", "clock", "second sender", "retention", "mail",
        "fallback mail", "mail events", "alerts", "streams", "dead letters", "model",
        "conversations",
    ]  # fmt: skip
    assert [finding.what for finding in shown.data if not well(finding)] == [
        "redis",
        "streams",
        "dead letters",
    ]
    assert shown.code == 1


@pytest.mark.parametrize("known", [(State.PENDING, NOW - 1), (State.HELD, None)])
async def test_a_record_that_cannot_be_read_is_named(known: tuple[State, float | None]) -> None:
    there = stores()
    state, due_at = known
    await there.lead(record(state, due_at=due_at))
    there.records.spoiled.add(KEY)

    finding = await doctor.records(there.desk)

    assert not well(finding)
    assert THREAD in finding.said


async def test_a_part_that_fails_is_a_finding_and_not_the_end() -> None:
    desk = dataclasses.replace(
        stores().desk, records=MemoryRecords(broken), blobs=MemoryBlobs(broken)
    )

    shown = await doctor.doctor(desk)

    assert isinstance(shown.data, list)
    bad = [finding.what for finding in shown.data if not well(finding)]
    assert {"records", "blobs", "clock", "second sender"} <= set(bad)


@pytest.mark.slow
class TestRedis:
    @staticmethod
    async def asked(url: str, tmp_path: Path) -> Finding:
        await asyncio.to_thread(started, tmp_path)
        environ = {"REDIS_URL": url, "HANDOFF_DATA": str(tmp_path), "SITE_KEYS": "k" * 40}
        async with AsyncExitStack() as stack:
            return await doctor.redis(await open_desk(environ, stack))

    async def test_that_keeps_what_it_has(self, tmp_path: Path) -> None:
        with redis_server() as server:
            finding = await self.asked(server.url, tmp_path)

        assert well(finding)
        assert "noeviction" in finding.said

    async def test_that_would_throw_leases_away(self, tmp_path: Path) -> None:
        with redis_server("--maxmemory-policy", "allkeys-lru") as server:
            finding = await self.asked(server.url, tmp_path)
            environ = {"REDIS_URL": server.url}
            async with AsyncExitStack() as stack:
                listed = await dead_list(await open_oversight(environ, stack))

        assert not well(finding)
        assert finding.said == "maxmemory-policy is allkeys-lru"
        assert "CONFIG SET maxmemory-policy noeviction" in finding.do
        assert listed.code == 0

    async def test_whose_password_is_another(self, tmp_path: Path) -> None:
        with redis_server("--requirepass", "right") as server:
            finding = await self.asked(server.url.replace("redis://", "redis://:wrong@"), tmp_path)
            async with AsyncExitStack() as stack:
                with pytest.raises(SettingsError, match="the password in REDIS_URL"):
                    await open_oversight({"REDIS_URL": server.url}, stack)

        assert not well(finding)
        assert "password" in finding.do
        assert "wrong" not in finding.said + finding.do

    async def test_that_is_not_there(self, tmp_path: Path) -> None:
        finding = await self.asked(f"redis://127.0.0.1:{free_port()}/0", tmp_path)

        assert not well(finding)
        assert "Start it" in finding.do


async def test_records_and_blobs_that_answer() -> None:
    there = stores()

    assert well(await doctor.records(there.desk))
    assert well(await doctor.blobs(there.desk))
    assert there.blobs.bodies == {}


async def test_blobs_that_lose_what_they_took() -> None:
    class Losing(MemoryBlobs):
        async def put(self, key: str, body: bytes, *, content_type: str) -> None:
            pass

    assert not well(await doctor.blobs(dataclasses.replace(stores().desk, blobs=Losing())))


@pytest.mark.slow
class TestBucket:
    """Nobody tidies it but rules of its own."""

    @staticmethod
    async def asked(moto_url: str, *rules: dict[str, Any]) -> Finding:
        from aiobotocore.session import get_session

        bucket = f"doctor-{len(rules)}-{id(rules)}"
        opened = get_session().create_client("s3", region_name="us-east-1", endpoint_url=moto_url)
        async with opened as s3:
            await s3.create_bucket(Bucket=bucket)
            if rules:
                await s3.put_bucket_lifecycle_configuration(
                    Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)}
                )
        environ = {"BLOBS": "s3", "S3_BUCKET": bucket, "AWS_ENDPOINT_URL": moto_url}
        return await doctor.retention(stores(environ).desk)

    @staticmethod
    def rule(prefix: str, days: int, **more: Any) -> dict[str, Any]:
        kept = {"ID": prefix, "Filter": {"Prefix": prefix}, "Expiration": {"Days": days}}
        return {"Status": "Enabled", **kept, **more}

    async def test_without_rules(self, moto_url: str) -> None:
        finding = await self.asked(moto_url)

        assert not well(finding)
        assert "NoSuchLifecycleConfiguration" in finding.said
        assert "snapshots/ 90" in finding.do

    async def test_with_a_rule_for_everything(self, moto_url: str) -> None:
        days = {prefix: round(seconds / 86_400) for prefix, seconds in KEPT_SECONDS.items()}

        assert well(await self.asked(moto_url, *(self.rule(*pair) for pair in days.items())))

    async def test_with_rules_that_are_late_off_or_missing(self, moto_url: str) -> None:
        finding = await self.asked(
            moto_url,
            self.rule("mail/", 365),
            self.rule("snapshots/", 90, Status="Disabled"),
            self.rule("chatkit-attachments/", 365),
        )

        assert not well(finding)
        assert "mail/, summaries/" in finding.said.replace("snapshots/, ", "")
        assert "chatkit-attachments/" not in finding.said

    async def test_of_a_folder_nothing_is_asked(self) -> None:
        assert well(await doctor.retention(stores().desk))


@pytest.mark.parametrize(("skew", "ok"), [(None, True), (2.5, True), (-31, False), (400, False)])
async def test_clock(skew: float | None, ok: bool) -> None:  # noqa: FBT001 - a column of the table
    there = stores()
    there.records.skew = skew

    assert well(await doctor.clock(there.desk)) is ok


async def test_services_that_are_all_dead_are_named() -> None:
    clock = HandClock()
    streams = in_memory(clock)
    desk = dataclasses.replace(stores().desk, streams=streams, clock=clock)
    await read_by_all(streams)
    assert well(await doctor.streams(desk))

    clock.at += 31
    finding = await doctor.streams(desk)

    assert not well(finding)
    for service in ("session", "chat", "lead", "mailer"):
        assert f"is {service} up?" in finding.said


async def test_dead_letters_are_counted_however_many_there_are() -> None:
    streams = in_memory()
    desk = dataclasses.replace(stores().desk, streams=streams)
    assert well(await doctor.dead_letters(desk))
    lane = "lead.signal:0"
    await streams.broker.prepare(lane)
    for _ in range(150):
        await streams.broker.add(lane, b"x")
    entries = await streams.broker.read(lane, "r", count=150, wait_seconds=0)
    letters = [DeadLetter("", entry.id, "broken", 1, b"x") for entry in entries]
    await streams.broker.park(lane, letters)

    finding = await doctor.dead_letters(desk)

    assert not well(finding)
    assert finding.said == "150"


async def test_a_second_sender_is_seen_for_a_week() -> None:
    there = stores()
    assert well(await doctor.second_sender(there.desk))
    event = DeliveryEvent(shop="craigs", thread_id=THREAD, attempt=7, event="send")

    await leave_trace(there.blobs, event, NOW - 60)
    finding = await doctor.second_sender(there.desk)
    later = dataclasses.replace(there.desk, clock=HandClock(NOW + 8 * 86_400))

    assert not well(finding)
    assert "attempt 7 of cthr_1" in finding.said
    assert well(await doctor.second_sender(later))


@pytest.mark.parametrize(
    ("day", "when"),
    [
        ("2026-11-01", "in 29 days"),
        ("2026-11-29", "in 1 day"),
        ("2026-11-30", "today"),
        ("2027-11-30", "365 days ago"),
    ],
)
async def test_hosted_conversations_have_an_end_before_it_and_after(day: str, when: str) -> None:
    environ = {"CONVERSATIONS": "hosted", "OPENAI_API_KEY": "sk-test"}
    clock = HandClock(datetime.fromisoformat(f"{day}T12:00+00:00").timestamp())

    finding = await doctor.hosted(dataclasses.replace(stores(environ).desk, clock=clock))

    assert not well(finding)
    assert finding.said.endswith(f"announced its end for 2026-11-30 ({when})")
    assert "migrate-from-agent-builder.md" in finding.do
    assert well(await doctor.hosted(stores().desk))


@pytest.mark.slow
class TestModel:
    @staticmethod
    async def asked(url: str, **environ: str) -> Finding:
        given = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": url, **environ}
        return await doctor.model(stores(given).desk)

    @pytest.mark.parametrize(
        ("ends", "ok", "day"),
        [
            (None, True, "no end announced"),
            ("2028-01-01", True, "2028-01-01"),
            ("2027-02-01", False, "2027-02-01"),
            (1_830_000_000, True, "2027-12-28"),
        ],
    )
    async def test_and_its_shutdown_date(
        self,
        ends: str | int | None,
        ok: bool,  # noqa: FBT001 - a column
        day: str,
    ) -> None:
        with openai_server() as openai:
            openai.models[MODEL] = ends
            finding = await self.asked(openai.url)

        assert well(finding) is ok
        assert day in finding.said

    async def test_whose_end_is_told_in_no_date_of_ours(self) -> None:
        """A person in trouble gets an answer about the rest all the same."""
        with openai_server() as openai:
            openai.models[MODEL] = "next summer"
            environ = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": openai.url}
            shown = await doctor.doctor(stores(environ).desk)

        assert isinstance(shown.data, list)
        [finding] = [one for one in shown.data if one.what == "model"]
        assert not well(finding)
        assert "next summ" in finding.said

    async def test_that_this_key_may_not_use(self) -> None:
        with openai_server() as openai:
            finding = await self.asked(openai.url, LEAD_SUMMARY_MODEL="gpt-unheard-of")

        assert not well(finding)
        assert "gpt-unheard-of" in finding.said

    async def test_a_key_that_is_refused(self) -> None:
        with openai_server() as openai:
            openai.fail("models", Status(401))
            finding = await self.asked(openai.url)

        assert not well(finding)
        assert "AuthenticationError" in finding.said
        assert "OPENAI_API_KEY" in finding.do

    @pytest.mark.parametrize(
        ("status", "do"),
        [(429, "billing"), (403, "OPENAI_API_KEY"), (404, "OPENAI_BASE_URL"), (503, "later")],
    )
    async def test_what_is_answered_says_where_to_look(self, status: int, do: str) -> None:
        with openai_server() as openai:
            openai.fail("models", Status(status))
            finding = await self.asked(openai.url)

        assert not well(finding)
        assert do in finding.do

    async def test_a_server_that_is_not_there_is_no_matter_of_the_key(self) -> None:
        finding = await self.asked(f"http://127.0.0.1:{free_port()}/v1")

        assert not well(finding)
        assert finding.said == "no connection to 127.0.0.1 (ConnectError)"
        assert "OPENAI_BASE_URL" in finding.do
        assert "KEY" not in finding.do

    async def test_a_server_that_is_another(self) -> None:
        async with another() as url:
            finding = await self.asked(url)

        assert not well(finding)
        assert "no list of models" in finding.said
        assert "OPENAI_BASE_URL" in finding.do

    async def test_without_a_key_is_the_practice_agent(self) -> None:
        assert well(await doctor.model(stores().desk))
