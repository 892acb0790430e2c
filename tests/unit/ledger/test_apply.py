"""Applying an event: conflicts are decided anew, lost replies read back, ARM never repeated."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from libs.errors import Unavailable
from libs.ledger.apply import apply, apply_to
from libs.ledger.events import Accepted, Arm, Considered, NotNow
from libs.ledger.fakes import MemoryRecords
from libs.ledger.record import LeadKey, LeadRecord, State
from tests.clock import HandClock

KEY = LeadKey("craigs", "cthr_1")
NOW = 1_800_000_000.0
ARM = Arm(
    attempt=1, lid="nonce1", last_item_id="i1", transcript_ends_at="i1", snapshot="s",
    content_hash="c", kind="full",
)  # fmt: skip
CONSIDERED = Considered(reason="idle", due_at=NOW + 60)


class FaultyRecords(MemoryRecords):
    """The first write loses its reply, or its request, or somebody writes just before it."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault
        self.attempts = 0

    async def write(self, record: LeadRecord, *, expected_version: int | None) -> bool:
        self.attempts += 1
        fault, self.fault = self.fault, ""
        if fault == "overtaken":
            other = self.leads[record.key]
            self.store(replace(other, version=other.version + 1, reason="other"), other.version)
        if fault == "reply lost":
            self.store(record, expected_version)
        if fault == "applied twice":
            self.store(record, expected_version)
            return self.store(record, expected_version)
        if fault in {"reply lost", "request lost"}:
            raise Unavailable("records", fault)
        return self.store(record, expected_version)


async def pending(records: MemoryRecords) -> None:
    record = LeadRecord(key=KEY, state=State.PENDING, due_at=NOW)
    assert records.store(record, None)


async def test_a_straight_lead_costs_three_writes() -> None:
    records = MemoryRecords()

    for event in (CONSIDERED, CONSIDERED, ARM, CONSIDERED, Accepted(attempt=1), CONSIDERED):
        await apply(records, KEY, event, HandClock(NOW))

    assert records.writes == 3
    assert records.leads[KEY].state is State.SENT


@pytest.mark.parametrize("fault", ["reply lost", "applied twice"])
async def test_an_arm_that_landed_is_ours(fault: str) -> None:
    records = FaultyRecords(fault)
    await pending(records)

    armed = await apply(records, KEY, ARM, HandClock(NOW))

    assert armed.wrote
    assert armed.record == records.leads[KEY]
    assert (records.leads[KEY].lid, records.attempts) == ("nonce1", 1)


async def test_an_arm_that_may_yet_land_is_never_repeated() -> None:
    records = FaultyRecords("request lost")
    await pending(records)

    with pytest.raises(Unavailable):
        await apply(records, KEY, ARM, HandClock(NOW))

    assert records.attempts == 1


async def test_an_arm_that_another_overtook_is_decided_anew() -> None:
    records = FaultyRecords("overtaken")
    await pending(records)

    armed = await apply(records, KEY, ARM, HandClock(NOW))

    assert armed.wrote
    assert (records.leads[KEY].version, records.leads[KEY].reason) == (3, "other")


async def test_what_was_read_before_saves_a_read() -> None:
    calls = list[str]()

    async def noted(method: str, _: object) -> None:
        calls.append(method)

    records = MemoryRecords(noted)
    await pending(records)

    armed = await apply_to(records.leads[KEY], records, KEY, ARM, HandClock(NOW))

    assert armed.wrote
    assert calls == ["write"]


async def test_an_arm_by_what_no_longer_holds_is_decided_by_what_does() -> None:
    records = MemoryRecords()
    await pending(records)
    known = records.leads[KEY]
    await apply(records, KEY, replace(ARM, lid="nonce2"), HandClock(NOW))

    late = await apply_to(known, records, KEY, ARM, HandClock(NOW))

    assert (late.wrote, late.why) == (False, "in_progress")
    assert records.leads[KEY].lid == "nonce2"


async def test_a_no_is_never_said_by_what_was_read_before() -> None:
    records = MemoryRecords()
    await pending(records)
    known = records.leads[KEY]
    for event in (replace(ARM, lid="nonce2"), Accepted(attempt=1)):
        await apply(records, KEY, event, HandClock(NOW))

    newer = replace(ARM, transcript_ends_at="i2")
    late = await apply_to(known, records, KEY, newer, HandClock(NOW))

    assert late.record == records.leads[KEY]


async def test_only_one_of_two_may_send() -> None:
    records = MemoryRecords()
    await pending(records)

    first = await apply(records, KEY, ARM, HandClock(NOW))
    second = await apply(records, KEY, replace(ARM, lid="nonce2"), HandClock(NOW))

    assert first.wrote
    assert (second.wrote, second.why) == (False, "in_progress")


@pytest.mark.parametrize("fault", ["reply lost", "request lost", "applied twice", "overtaken"])
async def test_everything_else_is_repeated_until_it_stands(fault: str) -> None:
    records = FaultyRecords(fault)
    await pending(records)

    moved = await apply(records, KEY, NotNow(reason="not_idle", due_at=NOW + 9), HandClock(NOW))

    assert moved.wrote
    assert records.leads[KEY] == moved.record
    assert records.leads[KEY].due_at == NOW + 9


async def test_gives_up_when_everybody_else_always_wins() -> None:
    class Contended(MemoryRecords):
        async def write(self, record: LeadRecord, *, expected_version: int | None) -> bool:
            return False

    with pytest.raises(Unavailable, match="conflicting"):
        await apply(Contended(), KEY, CONSIDERED, HandClock(NOW))


async def test_what_is_refused_alerts_and_changes_nothing() -> None:
    records = MemoryRecords()

    applied = await apply(records, KEY, Accepted(attempt=1), HandClock(NOW))

    assert (applied.wrote, applied.record, records.writes) == (False, None, 0)
    assert "Accepted without a record" in applied.alert
