"""What is overdue is published again, to whoever can move it on."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from libs.ledger.fakes import MemoryRecords
from libs.ledger.record import LeadKey, LeadRecord, State
from libs.ledger.sweep import SWEEP_LIMIT, Sweep
from libs.messages.lead import ConsiderLead, thread_name
from libs.messages.mail import SendLeadMail
from libs.runtime.log import Log
from libs.runtime.metrics import RECORDS_UNREADABLE, Metrics
from libs.streams.fakes import RememberingPublisher
from tests.clock import HandClock

NOW = 1_800_000_000.0


def overdue(state: State, thread: str = "cthr_1", *, ago: float = 1) -> LeadRecord:
    return LeadRecord(
        key=LeadKey("craigs", thread), state=state, due_at=NOW - ago, visitor="v_1",
        snapshot="snapshots/x", last_item_id="i1", kind="full", delivery="bounce",
        request_id="req-1",
    )  # fmt: skip


@dataclass
class World:
    records: MemoryRecords = field(default_factory=MemoryRecords)
    publisher: RememberingPublisher = field(default_factory=RememberingPublisher)
    clock: HandClock = field(default_factory=lambda: HandClock(NOW))
    logged: io.StringIO = field(default_factory=io.StringIO)
    metrics: Metrics = field(default_factory=Metrics)

    def sweep(self, limit: int = SWEEP_LIMIT) -> Sweep:
        log = Log("lead", out=self.logged)
        return Sweep(self.records, self.publisher, self.clock, log, self.metrics, limit)


async def swept(*leads: LeadRecord, times: int = 1, limit: int = 10) -> RememberingPublisher:
    world = World()
    for lead in leads:
        world.records.store(lead, None)
    for _ in range(times):
        await world.sweep(limit).once()
    return world.publisher


@pytest.mark.parametrize("state", [State.PENDING, State.ERROR])
async def test_what_is_not_armed_goes_through_the_gates_again(state: State) -> None:
    publisher = await swept(overdue(state))

    wish = ConsiderLead(
        shop="craigs", thread_id="cthr_1", reason="quiet", visitor="v_1", request_id="req-1"
    )
    assert publisher.scheduled == {thread_name("craigs", "cthr_1"): (NOW, wish)}


@pytest.mark.parametrize("state", [State.SENDING, State.HELD, State.SENT])
async def test_the_mailer_resolves_or_tells_about_the_rest(state: State) -> None:
    publisher = await swept(overdue(state))

    wish = SendLeadMail(
        shop="craigs", thread_id="cthr_1", snapshot="snapshots/x", last_item_id="i1", kind="full",
        reason="quiet", visitor="v_1", request_id="req-1",
    )  # fmt: skip
    assert list(publisher.scheduled.values()) == [(NOW, wish)]


async def test_many_sweepers_do_the_work_of_one() -> None:
    publisher = await swept(overdue(State.PENDING), overdue(State.SENDING, "cthr_2"), times=5)

    assert len(publisher.scheduled) == 2


async def test_the_longest_overdue_come_first() -> None:
    publisher = await swept(
        overdue(State.PENDING, "young", ago=1), overdue(State.PENDING, "old", ago=9), limit=1
    )

    assert list(publisher.scheduled) == [thread_name("craigs", "old")]


async def test_what_is_not_due_rests() -> None:
    publisher = await swept(overdue(State.PENDING, ago=-1))

    assert publisher.scheduled == {}


async def test_a_page_that_nobody_can_move_keeps_no_other_from_its_turn() -> None:
    world = World()
    for n in range(SWEEP_LIMIT):
        world.records.store(overdue(State.PENDING, f"stuck{n}", ago=5000), None)
    world.records.store(overdue(State.ERROR, "live", ago=1000), None)
    sweep = world.sweep()

    published = [(await sweep.once()).published for _ in range(2)]

    assert published == [SWEEP_LIMIT, 1]
    assert thread_name("craigs", "live") in world.publisher.scheduled


async def test_what_does_not_move_is_published_ever_more_rarely() -> None:
    world = World()
    world.records.store(overdue(State.PENDING), None)
    sweep, times = world.sweep(), list[float]()

    for _ in range(24 * 120):
        if (await sweep.once()).published:
            times.append(world.clock.at - NOW)
        world.clock.at += 30

    assert times[:2] == [0, 30]
    assert 48 < len(times) < 80


async def test_what_moved_is_published_at_once() -> None:
    world = World()
    world.records.store(overdue(State.PENDING), None)
    sweep = world.sweep()
    await sweep.once()
    moved = replace(overdue(State.ERROR), version=2)
    world.records.store(moved, 1)

    assert (await sweep.once()).published == 1


async def test_one_that_cannot_be_read_is_told_and_stops_no_other() -> None:
    world = World()
    for thread in ("bad", "good"):
        world.records.store(overdue(State.PENDING, thread), None)
    world.records.spoiled.add(LeadKey("craigs", "bad"))

    swept = await world.sweep().once()

    assert (swept.published, swept.unreadable) == (1, 1)
    assert '"record_unreadable"' in world.logged.getvalue()
    assert '"thread_id":"bad"' in world.logged.getvalue()
    assert world.metrics.value(RECORDS_UNREADABLE) == 1
