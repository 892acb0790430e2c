"""A death or a long sleep at every await in turn, and storms: each is survived."""

from __future__ import annotations

import pytest

from tests.simulation import modes
from tests.simulation.plan import ALL_FAULTS

pytestmark = [pytest.mark.slow, pytest.mark.prove]


def test_each_named_fault_strikes_and_all_together_are_survived() -> None:
    totals, broken = modes.run(modes.everything(range(60)))

    assert [(modes.encode(result.plan), result.violations) for result in broken] == []
    assert ALL_FAULTS - totals.struck == set()
    assert totals.lost == totals.unflagged == 0


def test_a_storm_over_all_stores_is_survived() -> None:
    totals, broken = modes.run(modes.storm(range(8)))

    assert [(result.plan.seed, result.violations) for result in broken] == []
    assert totals.crashes > 300


def test_a_long_sleep_at_any_await_of_the_send_path_ends_and_is_survived() -> None:
    totals, broken = modes.run(modes.every_pause(1))

    assert [(modes.encode(result.plan), result.violations) for result in broken] == []
    assert totals.seeds > 200
    assert totals.wakes > totals.seeds * 0.95  # an alert's last look may outlast the run
    assert totals.lost == totals.unflagged == 0


def test_a_sleep_while_others_are_refused_is_survived() -> None:
    totals, broken = modes.run(modes.every_oversleep(3))

    assert [(modes.encode(result.plan), result.violations) for result in broken] == []
    assert totals.wakes > totals.seeds // 2 > 20
    assert totals.lost == totals.unflagged == 0


def test_a_receipt_that_comes_after_the_copy_was_armed_ends_the_copies() -> None:
    totals, broken = modes.run(modes.every_late_receipt(3))

    assert [(modes.encode(result.plan), result.violations) for result in broken] == []
    assert totals.wakes == totals.seeds > 12
    assert totals.crashes > totals.seeds
    assert totals.lost == totals.unflagged == 0


def test_a_crash_at_two_awaits_of_the_send_path_is_survived() -> None:
    """A sample: `make crashes` takes every pair."""
    totals, broken = modes.run(modes.every_pair_of_crashes(2, stride=40))

    assert [(modes.encode(result.plan), result.violations) for result in broken] == []
    assert totals.crashes > totals.seeds > 60
    assert totals.lost == totals.unflagged == 0
