"""Simulates the sending protocol on the real code.

python -m tests.simulation --seeds 20000       random faults; the table; exit 1 on a violation
python -m tests.simulation --every-crash       a crash or a long sleep at each await of the send
                                               path, and a crash at every pair of them; of
                                               --seeds n schedules (default 2), or every --stride-th
python -m tests.simulation --mutants           each known-bad edit must be caught; notes the plans
python -m tests.simulation --replay '<plan>'   one run again, with its story
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import msgspec

from tests.simulation import mutants

if TYPE_CHECKING:
    from tests.simulation.totals import Totals
    from tests.simulation.world import Result

CHUNK = 50


def main() -> int:
    given = _arguments()
    if given.mutant:
        mutants.become(given.mutant)
    if given.mutants:
        return _mutants(given.seeds)
    if given.replay:
        return _replay(given.replay)
    started = time.monotonic()
    totals, broken = _run(given)
    _say("\n".join(totals.lines()))
    _say(f"{'wall seconds':<28}{time.monotonic() - started:>14,.0f}")
    return _report(broken, shrink=not given.no_shrink)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seeds", type=int, help="how many (default 1000)")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--every-crash", action="store_true")
    parser.add_argument("--stride", type=int, default=1, help="of the second crash of a pair")
    parser.add_argument("--mutants", action="store_true")
    parser.add_argument("--mutant", choices=sorted(mutants.BY_NAME), help="simulate this edit")
    parser.add_argument("--replay", help="a plan as printed by a failure")
    parser.add_argument("--no-shrink", action="store_true")
    given = parser.parse_args()
    given.seeds = given.seeds or (2 if given.every_crash else 1000)
    return given


def _run(given: argparse.Namespace) -> tuple[Totals, list[Result]]:
    from tests.simulation import modes

    seeds = range(given.first, given.first + given.seeds)
    if given.mutant:
        return _mutated(given.mutant, seeds)
    if given.every_crash:
        return _in_parallel(
            given.jobs, modes.run_exhaustive, [(seed, given.stride) for seed in seeds]
        )
    chunks = [(seeds[at : at + CHUNK],) for at in range(0, len(seeds), CHUNK)]
    return _in_parallel(given.jobs, modes.run_swarm, chunks)


def _in_parallel(
    jobs: int, work: Callable[..., tuple[Totals, list[Result]]], shares: Sequence[tuple[Any, ...]]
) -> tuple[Totals, list[Result]]:
    from tests.simulation.totals import Totals

    totals, broken = Totals(), []
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for part, failures in pool.map(work, *zip(*shares, strict=True)):
            totals.merge(part)
            broken += failures
    return totals, broken


def _mutated(name: str, seeds: range) -> tuple[Totals, list[Result]]:
    from tests.simulation import modes

    first, wanted = mutants.caught_before(name), mutants.BY_NAME[name].caught_by
    return modes.mutated(name, first, seeds, until=wanted)


def _report(broken: list[Result], *, shrink: bool) -> int:
    from tests.simulation import modes

    for result in broken[:20]:
        _say(f"\nseed {result.plan.seed} broke " + "; ".join(result.violations[:5]))
        _say(f"replay: python -m tests.simulation --replay '{modes.encode(result.plan)}'")
    if broken and shrink:
        smallest = modes.shrink(broken[-1])
        _say(f"\nsmallest: {smallest.violations[0]}")
        _say(f"replay: python -m tests.simulation --replay '{modes.encode(smallest.plan)}'")
    return 1 if broken else 0


def _replay(line: str) -> int:
    if mutation := msgspec.json.decode(line).get("mutation"):
        mutants.become(mutation)
    from tests.simulation import modes

    result = modes.simulate(modes.decode(line))
    for number, fault, at, where in result.struck:
        if not fault.startswith("("):
            _say(f"{at:10.3f} s  {number:4}  {fault:24} {where}")
    _say(f"trace {result.trace}")
    return _report([result] if result.violations else [], shrink=False)


def _mutants(seeds: int) -> int:
    replays = []
    with mutants.laboratory() as pool:
        for mutant in mutants.MUTANTS:
            said = "MISSED"
            if found := pool.submit(mutants.caught, mutant.name, seeds).result():
                replays.append(found[0])
                said = f"caught  {found[1][:110]}"
            _say(f"{mutant.name:28} {mutant.caught_by:4} {said}")
    mutants.remember(replays)
    return int(len(replays) < len(mutants.MUTANTS))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
