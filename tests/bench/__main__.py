"""`make bench`: runs every module of this folder, or those named, and prints one table."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import tests.bench
from tests.bench import Row

PROCESSORS: Final = Path("/proc/stat")


def _chosen() -> list[str]:
    found = [module.name for module in pkgutil.iter_modules(tests.bench.__path__)]
    known = [name for name in found if not name.startswith("_")]
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    chosen: list[str] = parser.parse_args().names
    if unknown := set(chosen) - set(known):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    return chosen or known


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _line(row: Row) -> str:
    sign = {"more": "≥", "less": "≤"}[row.better]
    target = f"{sign} {_number(row.target)}" if row.target is not None else ""
    verdict = {True: "reached", False: "MISSED", None: ""}[row.reached]
    numbers = f"{_number(row.ours):>11}{target:>12}{_number(row.floor):>11}"
    return f"{row.what:<58}{numbers}  {row.unit:<12}{verdict}".rstrip()


def _ticks() -> tuple[int, int]:
    """What a host took from this machine's processors, and all there was (proc(5))."""
    if not PROCESSORS.exists():
        return 0, 0
    first, *_ = PROCESSORS.read_text().splitlines()
    ticks = [int(number) for number in first.split()[1:9]]
    return ticks[-1], sum(ticks)


def _rows(name: str) -> Iterator[Row]:
    """Its own, and whether a host slowed it down."""
    taken, there = _ticks()
    yield from importlib.import_module(f"tests.bench.{name}").main()
    taken_after, there_after = _ticks()
    if there_after > there:
        share = (taken_after - taken) / (there_after - there) * 100
        yield Row(f"{name}: processor time that the host took from us", "%", share)


def main() -> int:
    names = _chosen()
    print(f"{'':<58}{'ours':>11}{'target':>12}{'floor':>11}")
    missed = 0
    for name in names:
        for row in _rows(name):
            print(_line(row), flush=True)
            missed += row.reached is False
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
