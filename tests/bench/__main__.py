"""`make bench`: runs every module of this folder, or those named, and prints one table."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import tests.bench
from tests.bench import Row


def _names() -> list[str]:
    found = [module.name for module in pkgutil.iter_modules(tests.bench.__path__)]
    chosen = sys.argv[1:] or [name for name in found if not name.startswith("_")]
    if unknown := set(chosen) - set(found):
        sys.exit(f"no such benchmark: {', '.join(sorted(unknown))} (there are {', '.join(found)})")
    return chosen


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


def main() -> int:
    print(f"{'':<58}{'ours':>11}{'target':>12}{'floor':>11}")
    missed = 0
    for name in _names():
        module = importlib.import_module(f"tests.bench.{name}")
        if not hasattr(module, "main"):
            continue
        for row in module.main():
            print(_line(row), flush=True)
            missed += row.reached is False
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
