"""Each known-bad edit of the real code is caught, by the invariant that was named before."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.simulation.mutants import (
    MUTANTS,
    Mutant,
    broken_by_a_dead_lead,
    broken_by_a_redis_that,
    broken_without_faults,
    caught,
    laboratory,
)

pytestmark = [pytest.mark.slow, pytest.mark.prove]


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with laboratory() as opened:
        yield opened


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_known_bad_edit_is_caught_by_its_invariant(
    pool: ProcessPoolExecutor, mutant: Mutant
) -> None:
    found = pool.submit(caught, mutant.name, 300).result()

    assert found
    assert f"{mutant.caught_by}:" in found[1]


def test_whoever_trusts_a_lease_is_right_as_long_as_redis_tells_the_truth(
    pool: ProcessPoolExecutor,
) -> None:
    """I15 names what a lie broke: without one the same edit breaks nothing."""
    assert pool.submit(broken_without_faults, "lease_decides").result() == []


def test_a_redis_that_forgets_shows_what_sweeper_and_watch_are_for(
    pool: ProcessPoolExecutor,
) -> None:
    """It said that a timer or a delayed retry waits there, and none did."""
    name = "redis_is_believed"

    assert pool.submit(broken_without_faults, name).result() == []
    broken = " ".join(pool.submit(broken_by_a_redis_that, "redis.forgets", name).result())
    assert "I8:" in broken


def test_a_lead_process_that_dies_shows_what_a_second_delivery_is_for(
    pool: ProcessPoolExecutor,
) -> None:
    """Without redelivery, sweeper and watch: with one of them its death costs no lead."""
    name = "first_delivery_or_never"

    assert pool.submit(broken_without_faults, name).result() == []
    assert "I8:" in " ".join(pool.submit(broken_by_a_dead_lead, name).result())
