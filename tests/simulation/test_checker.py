"""The checker is not too kind: what may excuse a second model call, and whom (I11)."""

from __future__ import annotations

from contextvars import copy_context

import pytest

from libs.ledger.events import Rules
from libs.ledger.record import LeadKey
from libs.messages.lead import ConsiderLead
from libs.messages.streams import LEAD_CONSIDER
from libs.streams.envelope import seal
from libs.streams.lanes import lane_of
from tests.simulation.checker import WORK_SECONDS, Checker
from tests.simulation.evidence import THREAD
from tests.simulation.faults import Faults
from tests.simulation.loop import PROCESS, SimLoop, SimProcess
from tests.simulation.plan import Plan
from tests.simulation.stores import open_stores
from tests.simulation.world import TrueClock


@pytest.fixture
def checker() -> Checker:
    return Checker(Rules(), frozenset())


def calls(checker: Checker, thread_id: str, *times: float) -> list[str]:
    """What is broken after them."""
    for at in times:
        checker.on_model_call(thread_id, "snapshot", at)
    return [violation.invariant for violation in checker.violations]


def test_a_second_model_call_for_one_snapshot_needs_an_excuse(checker: Checker) -> None:
    assert calls(checker, "a", 10, 20) == ["I11"]


def test_an_excuse_is_good_for_one_call_of_its_thread(checker: Checker) -> None:
    checker.on_excuse(["a"], 15)

    assert calls(checker, "a", 10, 20) == []
    assert calls(checker, "a", 30) == ["I11"]


def test_what_befell_another_thread_is_no_excuse(checker: Checker) -> None:
    checker.on_excuse(["b"], 15)

    assert calls(checker, "a", 10, 20) == ["I11"]


def test_what_was_over_before_the_work_began_is_no_excuse(checker: Checker) -> None:
    checker.on_excuse(["a"], 10)

    assert calls(checker, "a", 11 + WORK_SECONDS, 12 + WORK_SECONDS) == ["I11"]


def test_a_flushed_redis_excuses_all(checker: Checker) -> None:
    checker.excuses_of_all.append(15)

    assert calls(checker, "a", 10, 20) == calls(checker, "b", 10, 20) == []


@pytest.mark.parametrize(("taken", "kept"), [(False, True), (True, False)])
def test_a_202_needs_a_trigger_that_was_taken_and_somebody_who_comes_back(
    checker: Checker, *, taken: bool, kept: bool
) -> None:
    checker.on_202(LeadKey("s", "a"), taken=True, kept=True)
    assert checker.violations == []

    checker.on_202(LeadKey("s", "a"), taken=taken, kept=kept)
    assert [violation.invariant for violation in checker.violations] == ["I9"]


def _struck(checker: Checker, fault: str, process: SimProcess, thread_id: str) -> set[str]:
    """Whom it excuses."""
    loop = SimLoop("0")
    faults = Faults(Plan(seed=0), loop)
    faults.on_excuse = checker.on_excuse

    def strike() -> None:
        PROCESS.set(process)
        THREAD.set(thread_id)
        faults._struck(fault, "")

    copy_context().run(strike)
    loop.bury()
    return set(checker.excuses)


@pytest.mark.parametrize(
    ("fault", "thread_id", "excused"),
    [
        ("redis.reply_lost", "a", {"a"}),
        ("blobs.down", "a", {"a"}),
        ("redis.reset", "", {"a", "b"}),
        ("records.reply_lost", "a", set()),
        ("model.throttled", "a", set()),
    ],
)
def test_a_fault_excuses_whose_work_it_struck(
    checker: Checker, fault: str, thread_id: str, excused: set[str]
) -> None:
    process = SimProcess("lead-1", "machine-1")
    process.at_work += ["a", "b"]

    assert _struck(checker, fault, process, thread_id) == excused


def test_a_fault_of_another_service_excuses_nobody(checker: Checker) -> None:
    assert _struck(checker, "redis.reset", SimProcess("mailer-1", "machine-1"), "") == set()


def test_who_slept_over_what_it_was_handed_is_excused_when_it_wakes(checker: Checker) -> None:
    """It had read the entry and begun nothing (seed 3643 at 6dc38b7)."""
    loop = SimLoop("0")
    faults, process = Faults(Plan(seed=0), loop), SimProcess("lead-2", "machine-1")
    stores = open_stores(checker, faults, TrueClock(loop))
    faults.on_excuse, faults.handed = checker.on_excuse, stores.handed
    wish = ConsiderLead(shop="s", thread_id="a", reason="quiet")
    lane = lane_of(LEAD_CONSIDER, wish)

    async def sleeps() -> None:
        await stores.broker.prepare(lane)
        await stores.broker.add(lane, seal(wish))
        await stores.broker.read(lane, "lead-2-x", count=1, wait_seconds=0)
        await faults.pause(process, 10)

    loop.run_until_complete(sleeps())
    checker.excuses.clear()
    faults.wake(process)
    loop.bury()

    assert checker.excuses.keys() == {"a"}
