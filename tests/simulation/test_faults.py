"""What a fault does to the call that it strikes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from libs.ledger.events import Rules
from libs.ledger.record import LeadKey, LeadRecord, State
from libs.streams.broker import Later
from libs.streams.memory_lane import Pending
from tests.simulation.checker import Checker
from tests.simulation.customers import SHOP
from tests.simulation.faults import FORGOTTEN, Faults
from tests.simulation.loop import SimLoop
from tests.simulation.plan import Plan
from tests.simulation.processes import EPOCH
from tests.simulation.stores import LyingBroker, LyingLeases, open_stores
from tests.simulation.visits import OPERATOR_SECONDS, Operator
from tests.simulation.world import TrueClock, shops


def test_what_a_read_found_is_not_handed_over_when_others_took_it_over_long_ago() -> None:
    """Done twice, a read waits for more the second time: for seconds or, when idle, for minutes."""
    loop = SimLoop("0")
    twice = Plan(seed=1, enabled=frozenset({"redis.applied_twice"}), rate=1.0)
    faults, found = Faults(twice, loop), [["entry"], []]

    async def read() -> list[str]:
        entries = found.pop(0)
        if not entries:
            await asyncio.sleep(400)
        return entries

    try:
        heard = loop.run_until_complete(faults.call("redis", "read", read))
    finally:
        loop.bury()

    assert found == []
    assert heard == []


async def _each_forgotten(broker: Any, leases: Any) -> list[object]:
    later = [Later("1-0", 0.0, b"again")]
    await broker.schedule("lane", "timer", 0.0, b"later")
    await broker.put_back("lane", later)
    await broker.park("lane", [])
    await broker.renew("lane", "me", ["1-0"])
    await leases.release("thread", "mine")
    said = [await broker.own("lane", "me", after="", count=9)]
    said += [await broker.claim("lane", "you", count=9, idle_seconds=0)]
    return [*said, (await broker.turn("lane", 1e12)).next_at]


def test_a_redis_that_forgets_says_that_it_did_what_it_did_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Faults, "lies", lambda _, where: where in FORGOTTEN)
    loop = SimLoop("0")
    faults, checker = Faults(Plan(seed=1), loop), Checker(Rules(), frozenset())
    stores = open_stores(checker, faults, TrueClock(loop))
    leases = LyingLeases("redis", stores.leases, faults)
    broker = LyingBroker(stores, faults, checker)
    lane = stores.broker._lane("lane")
    lane.grouped, lane.entries["1-0"], lane.pending["1-0"] = True, b"now", Pending("me", 0.0)

    async def run() -> list[object]:
        assert await leases.take("thread", "mine", 60)
        return await _each_forgotten(broker, leases)

    said = loop.run_until_complete(run())
    held = list(stores.leases.held.values())
    loop.bury()

    assert said == [[], [], None]
    assert (lane.timers, lane.later, lane.pending) == ({}, {}, {"1-0": Pending("me", 0.0)})
    assert [nonce for nonce, _ in held] == ["mine"]


def test_a_person_asks_again_when_a_store_did_not_answer() -> None:
    """Their first question ended the simulated person, and what they held stayed held (7163)."""
    loop = SimLoop("0")
    away = Plan(seed=1, enabled=frozenset({"blobs.request_lost"}), rate=1.0)
    faults, clock = Faults(away, loop), TrueClock(loop)
    checker = Checker(Rules(), frozenset())
    stores = open_stores(checker, faults, clock)
    operator = Operator(stores, checker, shops(), clock)
    key = LeadKey(SHOP, "cthr_a")
    stores.records.leads[key] = LeadRecord(
        key=key, state=State.HELD, created_at=EPOCH, updated_at=EPOCH, snapshot="snapshots/gone"
    )

    async def asks() -> None:
        person = asyncio.create_task(operator.work())
        await asyncio.sleep(2 * OPERATOR_SECONDS + 60)
        assert not person.done()

    loop.run_until_complete(asks())
    loop.bury()

    assert operator.decided == 0
