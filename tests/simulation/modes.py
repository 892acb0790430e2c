"""What a simulation is asked: random seeds, every crash of the send path, a smaller failure."""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import msgspec
from msgspec.structs import replace

from tests.simulation.customers import scripts
from tests.simulation.faults import PAUSES
from tests.simulation.plan import ALL_FAULTS, FAULTS, LIES, Plan
from tests.simulation.totals import Totals
from tests.simulation.world import Result, simulate

REFUSALS = frozenset(
    {"provider.throttles", "provider.refuses", "provider.refuses_at_door", "provider.away"}
)
OVERSLEEPS = (300.0, 600.0)
"""Others have taken the lead over, and are not through with it."""
ACCEPTED = "provider.sent"
OVERSLEPT_RECEIPT = 1500.0
"""The first copy is armed, the second not yet."""
TWICE = 100


def run(plans: Iterable[Plan], *, until: str = "") -> tuple[Totals, list[Result]]:
    """All of them, or until this invariant is broken. Each hundredth is run twice (I13)."""
    totals, broken = Totals(), []
    with _own_garbage():
        for number, plan in enumerate(plans):
            started = time.process_time()
            result = simulate(plan) if number % TWICE else simulate_twice(plan)
            gc.collect()  # while it is still in the processor's caches: half the cost
            totals.add(result, time.process_time() - started)
            if result.violations:
                broken.append(result)
            if until in result.broken:
                break
    return totals, broken


def simulate_twice(plan: Plan) -> Result:
    """Both runs must leave one trace."""
    one, other = simulate(plan), simulate(plan)
    if one.trace == other.trace:
        return one
    told = f"I13: the same plan gave {one.trace[:12]} and {other.trace[:12]}"
    return replace(one, violations=(*one.violations, told))


@contextmanager
def _own_garbage() -> Iterator[None]:
    """A run leaves its world behind as garbage: collected between runs, never within one."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def swarm(seeds: range) -> Iterator[Plan]:
    """Each seed enables its own random subset of faults."""
    return (Plan.drawn(seed) for seed in seeds)


def run_swarm(seeds: range) -> tuple[Totals, list[Result]]:
    """For a worker process."""
    return run(swarm(seeds))


def clean(seeds: range) -> Iterator[Plan]:
    """Nothing fails."""
    return (Plan(seed=seed, fault_seconds=0) for seed in seeds)


def late(seeds: range) -> Iterator[Plan]:
    """Nothing fails, and no watch is left when a browser has its last word."""
    return (replace(plan, threads=3, late=True) for plan in clean(seeds))


def liars(seeds: range) -> Iterator[Plan]:
    """Redis lies, and nothing else fails (I15)."""
    return (Plan(seed=seed, enabled=LIES, threads=3) for seed in seeds)


def storm(seeds: range) -> Iterator[Plan]:
    """Everything goes wrong with the stores at once, and processes die."""
    shaky = frozenset(f for f in FAULTS if f.startswith(("redis.", "records.", "process.crash")))
    return (
        Plan(seed=seed, enabled=shaky, rate=0.1, threads=3, fault_seconds=7200) for seed in seeds
    )


def everything(seeds: range) -> Iterator[Plan]:
    """All named faults in each run, and so rarely that some mails leave."""
    return (
        Plan(
            seed=seed, threads=4, enabled=ALL_FAULTS, rate=0.02,
            transport="smtp" if seed % 2 else "ses", fallback="ses" if seed % 2 else "smtp",
        )
        for seed in seeds
    )  # fmt: skip


def mutated(
    name: str, first: Iterable[Plan], seeds: range, *, until: str
) -> tuple[Totals, list[Result]]:
    """First where it was caught before, then where most are, then anywhere."""
    plans = itertools.chain(
        first,
        clean(range(3)),
        late(range(6)),
        every_oversleep(3),
        every_late_receipt(3),
        liars(range(120)),
        swarm(seeds[:60]),
        every_pause(1),
        every_crash(1),
        storm(range(10)),
        swarm(seeds[60:]),
    )
    return run((replace(plan, mutation=name) for plan in plans), until=until)


def every_crash(seed: int) -> Iterator[Plan]:
    """A mailer dies at each await of the send path in turn, under each transport, and of an
    alert's; then a lead process at each from a trigger taken to its ack. For a visitor whose
    browser says nothing by itself: a later trigger would make good for what was lost.
    """
    lone = lone_visitor(seed)
    for base in (*_send_paths(lone), alert_path(seed), lead_path(lone)):
        yield from crashes_of(base)


def crashes_of(base: Plan) -> Iterator[Plan]:
    for at in range(1, len(simulate(base).walked_calls) + 1):
        yield replace(base, crash_at=frozenset({at}))


def _send_paths(seed: int) -> Iterator[Plan]:
    """With delivery events, with half of them lost, without any, and with a fate to ask for."""
    yield Plan(seed=seed, threads=1)
    yield Plan(seed=seed, threads=1, enabled=frozenset({"events.lost"}))
    yield Plan(seed=seed, threads=1, transport="smtp", clock_told=False)
    yield Plan(seed=seed, threads=1, transport="outbox", clock_told=False)


def lead_path(seed: int) -> Plan:
    return Plan(seed=seed, threads=1, walked="lead")


def alert_path(number: int) -> Plan:
    """Nobody knows whether it left, no copy may, and a person is told: this one of those."""
    base = Plan(
        seed=0, threads=1, transport="smtp", policy="never_two", clock_told=False,
        enabled=frozenset({"provider.silent"}),
    )  # fmt: skip
    plans = (replace(base, seed=seed) for seed in _lone_visitors())
    # Read once (and its reply): told at the first try, or the walk is three times as long.
    told = (plan for plan in plans if simulate(plan).walked_calls.count("records.due") == 2)
    return next(itertools.islice(told, number, None))


def lone_visitor(number: int) -> int:
    return next(itertools.islice(_lone_visitors(), number, None))


def _lone_visitors() -> Iterator[int]:
    """The seeds of those whose only triggers are the ends of their turns."""
    visitors = ((seed, scripts(seed, 1)[0]) for seed in itertools.count())
    return (seed for seed, visitor in visitors if visitor.has_contact and not visitor.triggers)


def every_pause(seed: int) -> Iterator[Plan]:
    """Or it sleeps there: longer than a lease, or longer than every fence and window."""
    for crash in every_crash(seed):
        for seconds in PAUSES[1:]:
            yield replace(
                crash, crash_at=frozenset(), pause_at=crash.crash_at, pause_seconds=seconds
            )


def every_oversleep(seed: int) -> Iterator[Plan]:
    """It sleeps there for minutes, and much of what others try meanwhile is refused."""
    base = Plan(seed=seed, threads=1, transport="smtp", enabled=REFUSALS, clock_told=False)
    for at in range(1, len(simulate(base).walked_calls) + 1):
        for seconds in OVERSLEEPS:
            yield replace(base, pause_at=frozenset({at}), pause_seconds=seconds)


def every_late_receipt(seed: int) -> Iterator[Plan]:
    """It was accepted, and its sender sleeps; the copy's dies. Awake, the first one marks, and dies
    with its journal; or anybody at any later await.
    """
    lost = frozenset({"journal.fails"})
    base = Plan(
        seed=seed, threads=1, transport="smtp", enabled=lost, rate=0.9, clock_told=False
    )  # fmt: skip
    first = 1 + simulate(base).walked_calls.index(ACCEPTED)
    asleep = replace(base, pause_at=frozenset({first}), pause_seconds=OVERSLEPT_RECEIPT)
    copy = 1 + simulate(asleep).walked_calls.index(ACCEPTED, first)
    dead = replace(asleep, crash_at=frozenset({copy}))
    for then in range(copy + 1, len(simulate(dead).walked_calls) + 1):
        yield replace(dead, crash_at=frozenset({copy, then}))


def every_pair_of_crashes(seed: int, *, stride: int = 1) -> Iterator[Plan]:
    """And the one that comes after it dies at each of its own."""
    for first in every_crash(seed):
        at = min(first.crash_at)
        after = len(simulate(first).walked_calls)
        for then in range(at + 1, after + 1, stride):
            yield replace(first, crash_at=frozenset({at, then}))


def exhaustive(seed: int, stride: int = 1) -> Iterator[Plan]:
    return itertools.chain(
        every_crash(seed),
        every_pause(seed),
        every_oversleep(seed),
        every_late_receipt(seed),
        every_pair_of_crashes(seed, stride=stride),
    )


def run_exhaustive(seed: int, stride: int) -> tuple[Totals, list[Result]]:
    """For a worker process."""
    return run(exhaustive(seed, stride))


def shrink(result: Result, runs_most: int = 300) -> Result:
    """The same invariant broken with fewer threads, kinds of faults and single faults."""
    wanted = result.violations[-1].partition(":")[0]
    left = runs_most

    def still(plan: Plan) -> Result | None:
        nonlocal left
        left -= 1
        found = simulate(plan) if left >= 0 else None
        return found if found is not None and wanted in found.broken else None

    best = result
    for threads in range(1, best.plan.threads):
        if smaller := still(replace(best.plan, threads=threads)):
            best = smaller
            break
    for fault in sorted(ALL_FAULTS):
        if fault in best.plan.enabled:
            fewer = replace(best.plan, enabled=best.plan.enabled - {fault})
            best = still(fewer) or best
    return _fewer_strikes(best, still)


def _fewer_strikes(best: Result, still: Callable[[Plan], Result | None]) -> Result:
    """Leave out halves, then quarters, and so on, of the faults that struck."""
    kept = [number for number, fault, _, _ in best.struck if not fault.startswith("(")]
    size = max(1, len(kept) // 2)
    while kept:
        at = 0
        while at < len(kept):
            fewer = kept[:at] + kept[at + size :]
            if smaller := still(replace(best.plan, keep=frozenset(fewer))):
                best, kept = smaller, fewer
            else:
                at += size
        if size == 1:
            return best
        size //= 2
    return best


def encode(plan: Plan) -> str:
    """One line; only what differs from the default, in a fixed order."""
    fields = msgspec.to_builtins(plan)
    usual = msgspec.to_builtins(Plan(seed=0))
    small = {k: sorted(v) if isinstance(v, list) else v for k, v in fields.items() if v != usual[k]}
    return msgspec.json.encode(small | {"seed": plan.seed}).decode()


def decode(line: str) -> Plan:
    return msgspec.json.decode(line, type=Plan)
