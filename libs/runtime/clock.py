"""What time it is, as an argument: handlers never look at a wall themselves."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch (UTC). May step."""
        ...

    def boot(self) -> float:
        """Seconds that only grow and also count while the machine sleeps."""
        ...


class SystemClock:
    def now(self) -> float:
        return time.time()

    def boot(self) -> float:
        return time.clock_gettime(_BOOT)


_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
