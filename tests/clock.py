"""The clock of a test: it stands, and moves by assignment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class HandClock:
    at: float = 1_790_000_000.0
    asleep: float = 0.0
    """Seconds that only the machine's own count knows of."""

    def now(self) -> float:
        return self.at

    def boot(self) -> float:
        return self.at + self.asleep
