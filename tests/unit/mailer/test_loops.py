"""What has waited for more than an hour, a person is told, whatever it is that it waits for."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from libs.errors import Unavailable
from libs.ledger.record import LeadRecord, State, Watch
from services.mailer.loops import LATE_SECONDS, LOOKS_WITHIN, noticing
from tests.unit.mailer.parts import KEY, SHOP, Mailroom
from tests.unit.mailer.test_handlers import subjects

OVERDUE = ["[handoff alert] leads_overdue"]


@pytest.fixture
def room() -> Mailroom:
    return Mailroom()


async def mailer_runs(room: Mailroom, looks: int) -> None:
    async def sleep(seconds: float) -> None:
        await room.sleep(seconds)
        if len(room.slept) > looks:
            raise asyncio.CancelledError

    room.slept.clear()
    alerts = room.handlers().reports.alerts
    with pytest.raises(asyncio.CancelledError):
        await noticing(room.records, alerts, room.clock, room.log, sleep)


def due(room: Mailroom, state: State, *, ago: float) -> LeadRecord:
    record = LeadRecord(key=KEY, state=state, due_at=room.clock.now() - ago, delivery="bounce")
    room.records.store(record, None)
    return record


@pytest.mark.parametrize("state", [State.PENDING, State.ERROR, State.SENDING])
async def test_a_lead_that_nobody_moves_is_told_once_an_hour(room: Mailroom, state: State) -> None:
    due(room, state, ago=0)

    await mailer_runs(room, LOOKS_WITHIN - 1)
    within = subjects(room)
    await mailer_runs(room, 2 * LOOKS_WITHIN)

    assert within == []
    assert subjects(room) == 2 * OVERDUE


async def test_a_visitor_whom_nobody_could_look_at_is_told(room: Mailroom) -> None:
    """A first trigger that cannot read its conversation leaves no record."""
    await room.records.put_watch(Watch(shop=SHOP, visitor="v_1", due_at=room.clock.now()))

    await mailer_runs(room, LOOKS_WITHIN)

    assert subjects(room) == OVERDUE
    assert b"v_1" not in room.second.accepted[0].body


async def test_what_moves_soon_after_a_start_is_not_told(room: Mailroom) -> None:
    late = due(room, State.PENDING, ago=12 * LATE_SECONDS)
    await mailer_runs(room, 0)
    room.records.store(replace(late, version=2, state=State.SENT, due_at=None), 1)

    await mailer_runs(room, LOOKS_WITHIN)

    assert subjects(room) == []


@pytest.mark.parametrize("state", [State.HELD, State.SENT])
async def test_an_alert_that_waits_for_its_hour_is_no_lead_that_waits(
    room: Mailroom, state: State
) -> None:
    due(room, state, ago=2 * LATE_SECONDS)
    room.records.leads[KEY] = replace(room.record, reason="snapshot_missing")

    await mailer_runs(room, 1)

    assert subjects(room) == []


@pytest.mark.parametrize(("looks", "told"), [(LOOKS_WITHIN - 1, []), (LOOKS_WITHIN, OVERDUE)])
async def test_records_that_do_not_answer_for_an_hour_are_told(
    room: Mailroom, looks: int, told: list[str]
) -> None:
    async def down(method: str, _: object) -> None:
        raise Unavailable("records", "AccessDeniedException")

    room.records._hook = down

    await mailer_runs(room, looks)

    assert subjects(room) == told


async def test_records_that_answer_now_and_then_are_not_told(room: Mailroom) -> None:
    async def down_but_for_once(method: str, _: object) -> None:
        if len(room.slept) != LOOKS_WITHIN - 1:
            raise Unavailable("records", "ProvisionedThroughputExceededException")

    room.records._hook = down_but_for_once

    await mailer_runs(room, 2 * LOOKS_WITHIN - 2)

    assert subjects(room) == []
