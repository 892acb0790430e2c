"""The simulator itself: the same run for the same seed, and faults survived."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.simulation import modes, provider
from tests.simulation.faults import Faults
from tests.simulation.front import NO_ANSWER, Front
from tests.simulation.plan import Plan
from tests.simulation.world import simulate

ROOT = Path(__file__).parents[2]


def simulation(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: a mutant must be there before the code is imported."""
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        cwd=ROOT, env=os.environ | environment, check=False, capture_output=True, text=True,
        timeout=110,
    )  # fmt: skip


def test_a_world_without_faults_sends_each_lead_once() -> None:
    for plan in modes.clean(range(6)):
        result = simulate(plan)

        assert result.violations == ()
        assert result.sends == result.leads == result.model_calls
        assert result.flagged == 0


def test_the_same_plan_gives_the_same_run() -> None:
    plan = Plan.drawn(11)

    assert simulate(plan) == simulate(plan)


@pytest.mark.slow
def test_the_same_plan_gives_the_same_run_in_another_process() -> None:
    line = modes.encode(Plan.drawn(11))

    one, other = (simulation("--replay", line, PYTHONHASHSEED=seed) for seed in ("1", "2"))

    trace = re.search(r"^trace [0-9a-f]{64}$", one.stdout, re.MULTILINE)
    assert trace
    assert trace[0] in other.stdout
    assert trace[0] == f"trace {simulate(Plan.drawn(11)).trace}"


def test_a_plan_is_one_line_and_back() -> None:
    plan = Plan.drawn(5)

    assert modes.decode(modes.encode(plan)) == plan
    assert "\n" not in modes.encode(plan)


@pytest.mark.slow
def test_random_faults_cost_no_lead_and_send_none_twice() -> None:
    totals, broken = modes.run(modes.swarm(range(40)))

    assert [(result.plan.seed, result.violations) for result in broken] == []
    assert (totals.unflagged, totals.lost) == (0, 0)
    assert totals.crashes > 40
    assert totals.sends >= totals.leads * 0.9


@pytest.mark.slow
def test_a_crash_at_any_await_of_the_send_path_is_survived_under_each_transport() -> None:
    totals, broken = modes.run(modes.every_crash(1))

    assert [(modes.encode(result.plan), result.violations) for result in broken] == []
    assert totals.crashes == totals.seeds > 100
    assert totals.lost == totals.unflagged == 0


def test_a_browser_that_speaks_when_its_watch_has_ended_is_heard_and_nothing_more() -> None:
    for plan in modes.late(range(4)):
        result = simulate(plan)

        assert result.violations == ()
        assert result.sends == result.leads


def test_the_walk_takes_a_handler_s_timer_and_an_alert_s_reading_along() -> None:
    """Both are what loops also do when there is nothing to do; there they are left out."""
    lead = simulate(modes.lead_path(modes.lone_visitor(1))).walked_calls
    alert = simulate(modes.alert_path(1)).walked_calls

    assert 2 <= lead.count("redis.schedule") <= 10
    assert alert.count("records.due") == 2


@pytest.mark.slow
def test_who_gives_contact_on_the_second_day_is_a_lead_too() -> None:
    plan = Plan(seed=3, threads=1, patient=True, fault_seconds=0)

    result = simulate(plan)

    assert result.violations == ()
    assert (result.leads, result.sends) == (1, 1)
    assert result.seconds > 26 * 3600


@pytest.mark.slow
def test_what_is_held_is_sent_or_settled_by_a_person() -> None:
    unsure = frozenset({"provider.resets", "provider.silent", "events.lost"})
    plans = [
        Plan(seed=seed, threads=3, enabled=unsure, policy="never_two", operator=True)
        for seed in range(20)
    ]

    totals, broken = modes.run(plans)

    assert [(modes.encode(result.plan), result.violations) for result in broken] == []
    assert totals.decided > 5
    assert totals.unmailed == 0
    assert totals.sends >= totals.leads


@pytest.mark.slow
def test_a_redis_that_lies_while_all_else_is_well_makes_no_second_mail() -> None:
    totals, broken = modes.run(modes.liars(range(40)))

    assert [(result.plan.seed, result.violations) for result in broken] == []
    assert totals.sends == totals.leads > 80
    assert totals.second == totals.crashes == 0


def test_a_mail_waits_for_a_recipient_who_is_put_off_and_not_for_ever() -> None:
    slow = frozenset({"provider.puts_off_one"})
    plans = [Plan(seed=seed, threads=3, enabled=slow, transport="smtp") for seed in range(8)]

    totals, broken = modes.run(plans)

    assert [(modes.encode(result.plan), result.violations) for result in broken] == []
    assert totals.sends == totals.leads > 8


@pytest.mark.parametrize("seconds", [380, 1e9])
def test_a_provider_that_takes_an_old_signature_is_noticed(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """SES takes none after five minutes: the fence stands on that."""
    slow = frozenset({"provider.delays", "events.lost"})
    plans = [Plan(seed=seed, threads=3, enabled=slow) for seed in range(40)]
    monkeypatch.setattr(provider, "SIGNATURE_SECONDS", seconds)

    _, broken = modes.run(plans, until="I7")

    assert broken
    assert "I7" in broken[-1].broken


def test_a_server_that_takes_a_mail_on_an_idle_connection_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SMTP has no signature: that the server hangs up ends a sender who slept."""
    base = Plan(seed=1, threads=1, transport="smtp")
    launch = 1 + simulate(base).walked_calls.index("provider.send")
    asleep = replace(base, pause_at=frozenset({launch}), pause_seconds=950)
    assert simulate(asleep).violations == ()
    monkeypatch.setattr(provider, "IDLE_SECONDS", 1e9)

    assert "I7" in simulate(asleep).broken


def test_a_redis_that_calls_every_thread_sent_delays_a_hosted_lead_and_loses_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The gateway believes it and drops every trigger; no chat of ours tells of a turn either."""

    async def silent(*_: object) -> int:
        return NO_ANSWER

    monkeypatch.setattr(Faults, "lies", lambda _, where: where == "admit")
    monkeypatch.setattr(Front, "turn_ended", silent)

    totals, broken = modes.run(modes.clean(range(4)))

    assert [(result.plan.seed, result.violations) for result in broken] == []
    assert totals.sends == totals.leads > 4


@pytest.mark.slow
@pytest.mark.parametrize(("transport", "fallback"), [("ses", "smtp"), ("smtp", "ses")])
def test_what_the_first_transport_refuses_leaves_by_the_second_once(
    transport: Any, fallback: Any
) -> None:
    shaky = frozenset({"provider.away", "provider.silent", "fallback.silent", "fallback.away"})
    plans = [
        Plan(seed=seed, threads=3, enabled=shaky, transport=transport, fallback=fallback)
        for seed in range(12)
    ]

    totals, broken = modes.run(plans)

    assert [(modes.encode(result.plan), result.violations) for result in broken] == []
    assert totals.sends > totals.by_fallback > 2
    assert totals.lost == totals.unflagged == 0


@pytest.mark.slow
def test_a_mailer_without_arm_is_caught_and_the_failure_shrinks_to_one_line() -> None:
    ran = simulation("--mutant", "no_arm", "--seeds", "20")

    assert ran.returncode == 1
    assert "I6:" in ran.stdout
    replay = re.findall(r"--replay '(.+)'", ran.stdout)[-1]
    again = simulation("--replay", replay)
    assert again.returncode == 1
    assert "I6:" in again.stdout
    assert modes.decode(replay).enabled == frozenset()
