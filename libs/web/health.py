"""What machines ask a service: is it well, does it live, and its numbers in two forms."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from libs.errors import Unavailable
from libs.web.answers import Answer, json_answer
from libs.web.call import Call
from libs.web.edge import Route
from libs.web.requests import Requests, Tally

Check = tuple[str, Callable[[], Awaitable[bool]]]
"""A name (`redis`, `database`) and a question that is true while it answers."""

CHECK_SECONDS: Final = 1.0
_PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Health:
    checks: Sequence[Check]
    requests: Requests

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/health", self.health, "health"),
            Route("GET", "/health/live", self.live, "health_live"),
            Route("GET", "/metrics", self.numbers, "metrics"),
        )

    async def health(self, call: Call) -> Answer:
        """503 names what is down in the same fields that say `connected` otherwise."""
        well = await asyncio.gather(*(self._ask(question) for _, question in self.checks))
        parts = {
            name: "connected" if up else "disconnected"
            for (name, _), up in zip(self.checks, well, strict=True)
        }
        body = {
            "status": "ok" if all(well) else "degraded",
            **parts,
            "uptime_seconds": self._uptime(),
        }
        return json_answer(body, status=200 if all(well) else 503)

    async def live(self, call: Call) -> Answer:
        return json_answer({"status": "ok", "uptime_seconds": self._uptime()})

    async def numbers(self, call: Call) -> Answer:
        tally = self.requests.tally
        accept = call.headers.get("Accept", "").lower()
        if "text/plain" in accept or "openmetrics" in accept:
            return Answer(200, self.requests.metrics.prometheus().encode(), _PROMETHEUS)
        return json_answer(self._summary(tally))

    def _summary(self, tally: Tally) -> dict[str, float | int]:
        requests = tally.requests or 1
        return {
            "total_requests": tally.requests,
            "error_count": tally.errors,
            "error_rate_percent": round(100 * tally.errors / requests, 3),
            "rate_limit_hits": tally.limited,
            "avg_response_ms": round(1000 * tally.seconds / requests, 3),
            "uptime_seconds": self._uptime(),
        }

    def _uptime(self) -> float:
        return round(self.requests.clock.boot() - self.requests.started, 3)

    async def _ask(self, question: Callable[[], Awaitable[bool]]) -> bool:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                return await question()
        except (TimeoutError, Unavailable):
            return False
