"""What many runs come to: the table that a simulation prints."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tests.simulation.plan import ALL_FAULTS
from tests.simulation.world import Result


class Totals(msgspec.Struct):
    """The table."""

    seeds: int = 0
    virtual_hours: float = 0.0
    crashes: int = 0
    wakes: int = 0
    leads: int = 0
    sends: int = 0
    by_fallback: int = 0
    flagged: int = 0
    unflagged: int = 0
    second: int = 0
    by_event: int = 0
    unmailed: int = 0
    decided: int = 0
    lost: int = 0
    model_calls: int = 0
    struck: frozenset[str] = frozenset()
    """Which of the named faults."""
    seconds: float = 0.0
    """Of one processor."""

    def add(self, result: Result, seconds: float) -> None:
        self.seeds += 1
        self.virtual_hours += result.seconds / 3600
        self.crashes += result.crashes
        self.wakes += result.wakes
        self.leads += result.leads
        self.sends += result.sends
        self.by_fallback += result.by_fallback
        self.flagged += result.flagged
        self.unflagged += result.unflagged
        self.second += result.second
        self.by_event += result.by_event
        self.unmailed += result.unmailed
        self.decided += result.decided
        self.lost += result.lost
        self.model_calls += result.model_calls
        self.struck |= {fault for _, fault, _, _ in result.struck} & ALL_FAULTS
        self.seconds += seconds

    def merge(self, other: Totals) -> None:
        for name in self.__struct_fields__:
            mine, theirs = getattr(self, name), getattr(other, name)
            setattr(self, name, mine | theirs if name == "struck" else mine + theirs)

    def lines(self) -> Iterator[str]:
        rows = (
            ("seeds", f"{self.seeds:,}"),
            ("virtual hours", f"{self.virtual_hours:,.0f}"),
            ("kinds of faults that struck", f"{len(self.struck)} of {len(ALL_FAULTS)}"),
            ("crashes", f"{self.crashes:,}"),
            ("long sleeps ended", f"{self.wakes:,}"),
            ("leads with contact", f"{self.leads:,}"),
            ("held, no mail taken", f"{self.unmailed:,}"),
            ("decided by a person", f"{self.decided:,}"),
            ("lost leads", f"{self.lost:,}"),
            ("accepted sends", f"{self.sends:,}"),
            ("of them by the fallback", f"{self.by_fallback:,}"),
            ("second mails of a lead", f"{self.second:,}"),
            ("flagged (first or second)", f"{self.flagged:,}"),
            ("unflagged second mails", f"{self.unflagged:,}"),
            ("settled by a late event", f"{self.by_event:,}"),
            ("model calls per lead", f"{self.model_calls / max(1, self.leads):.2f}"),
            ("seeds per hour and core", f"{self.seeds / max(1e-9, self.seconds) * 3600:,.0f}"),
        )
        return (f"{name:<28}{value:>14}" for name, value in rows)
