"""Benchmarks: every number we promise, beside its floor, measured in the same run.

A module here has `def main() -> list[Row]`; `make bench` runs them all and prints one table.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Row(NamedTuple):
    what: str
    unit: str
    ours: float
    target: float | None = None
    better: Literal["more", "less"] = "more"
    floor: float | None = None
    """The same work with nothing of ours in it."""

    @property
    def reached(self) -> bool | None:
        if self.target is None:
            return None
        return self.ours >= self.target if self.better == "more" else self.ours <= self.target
