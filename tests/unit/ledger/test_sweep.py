"""What is overdue is published again, to whoever can move it on."""

from __future__ import annotations

import pytest

from libs.ledger.fakes import MemoryRecords
from libs.ledger.record import LeadKey, LeadRecord, State
from libs.ledger.sweep import sweep_once
from libs.messages.lead import ConsiderLead, thread_name
from libs.messages.mail import SendLeadMail
from libs.streams.fakes import RememberingPublisher
from tests.clock import HandClock

NOW = 1_800_000_000.0


def overdue(state: State, thread: str = "cthr_1", *, ago: float = 1) -> LeadRecord:
    return LeadRecord(
        key=LeadKey("craigs", thread), state=state, due_at=NOW - ago, visitor="v_1",
        snapshot="snapshots/x", last_item_id="i1", kind="full", delivery="bounce",
    )  # fmt: skip


async def swept(*leads: LeadRecord, times: int = 1, limit: int = 10) -> RememberingPublisher:
    records, publisher = MemoryRecords(), RememberingPublisher()
    for lead in leads:
        records.store(lead, None)
    for _ in range(times):
        await sweep_once(records, publisher, HandClock(NOW), limit)
    return publisher


@pytest.mark.parametrize("state", [State.PENDING, State.ERROR])
async def test_what_is_not_armed_goes_through_the_gates_again(state: State) -> None:
    publisher = await swept(overdue(state))

    wish = ConsiderLead(shop="craigs", thread_id="cthr_1", reason="quiet", visitor="v_1")
    assert publisher.scheduled == {thread_name("craigs", "cthr_1"): (NOW, wish)}


@pytest.mark.parametrize("state", [State.SENDING, State.HELD, State.SENT])
async def test_the_mailer_resolves_or_tells_about_the_rest(state: State) -> None:
    publisher = await swept(overdue(state))

    wish = SendLeadMail(
        shop="craigs", thread_id="cthr_1", snapshot="snapshots/x", last_item_id="i1", kind="full",
        reason="quiet", visitor="v_1",
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
