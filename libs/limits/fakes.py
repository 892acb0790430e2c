"""Limits in memory, by a clock that tests move."""

from __future__ import annotations

import math
from collections.abc import Sequence

from libs.limits.port import Limit, Verdict, limit_key
from libs.runtime.clock import Clock


class MemoryLimits:
    """Limits. `values` holds what may be read along."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._arrivals: dict[str, float] = {}
        self._charged: dict[str, tuple[int, int]] = {}
        self.values: dict[str, bytes] = {}

    async def admit(self, shop: str, limits: Sequence[Limit], *, read: str = "") -> Verdict:
        charged = [limit for limit in limits if not limit.rate.off]
        waits = [(self._wait(limit_key(shop, limit), limit), limit) for limit in charged]
        wait, refused = max(waits, key=lambda pair: pair[0], default=(-1.0, None))
        noted = self.values.get(read)
        if wait >= 0:
            return Verdict(refused, wait, noted)
        for limit in charged:
            self._charge(limit_key(shop, limit), limit)
        return Verdict(noted=noted)

    def _wait(self, key: str, limit: Limit) -> float:
        """Seconds until it holds; negative: now."""
        now, rate = self._clock.now(), limit.rate
        if limit.kind == "cap":
            window = math.floor(now / rate.seconds)
            before, charged = self._charged.get(key, (window, 0))
            full = before == window and charged >= rate.count
            return (window + 1) * rate.seconds - now if full else -1.0
        step = rate.seconds / rate.count
        over = max(self._arrivals.get(key, 0.0), now) + step - now - rate.seconds
        return over if over >= step / 2 else -1.0

    def _charge(self, key: str, limit: Limit) -> None:
        now, rate = self._clock.now(), limit.rate
        if limit.kind == "cap":
            window = math.floor(now / rate.seconds)
            before, charged = self._charged.get(key, (window, 0))
            self._charged[key] = (window, charged + 1 if before == window else 1)
        else:
            arrival = max(self._arrivals.get(key, 0.0), now)
            self._arrivals[key] = arrival + rate.seconds / rate.count
