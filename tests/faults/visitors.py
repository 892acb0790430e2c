"""People who chat while things break: each leaves a phone number, and reloads until it is heard."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.faults.deployment import ORIGIN, TIMES
from tests.product import Visitor

NEED = "My 2012 Honda Civic has a torn driver seat, please repair it."
PATIENCE_SECONDS = 15.0
"""After which a person reloads the page."""
LONGEST_SECONDS = 150.0

FAILED = (aiohttp.ClientError, TimeoutError, AssertionError, ValueError)
"""What a browser sees of an outage; AssertionError is the test visitor's word for a 5xx."""


class CutOffError(ValueError):
    """The answer ended with an error event."""


@dataclass
class Street:
    """Visitors come at a steady rate until the street is closed."""

    url: str
    per_second: float
    rng: random.Random
    threads: list[str] = field(default_factory=list)
    """Conversations with contact."""
    longest_seconds: float = 0.0
    """From a session's begin to the last word in it: the watch must be longer."""
    visits: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self) -> None:
        while True:
            self.visits.add(asyncio.create_task(self._visit(len(self.visits))))
            await asyncio.sleep(self.rng.expovariate(self.per_second))

    async def _visit(self, number: int) -> None:
        patience = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
        async with (
            asyncio.timeout(LONGEST_SECONDS),
            aiohttp.ClientSession(timeout=patience) as http,
        ):
            someone = Visitor(http, self.url, ORIGIN, user=f"visitor-{id(self)}-{number}")
            began = await self._insist(someone, None)
            began = await self._insist(someone, NEED, began)
            phone = f"Call me at 408-555-{1000 + number % 9000:04d}."
            began = await self._insist(someone, phone, began)
            self.longest_seconds = max(self.longest_seconds, time.monotonic() - began)
            self.threads.append(someone.thread)
            if number % 2:
                with contextlib.suppress(*FAILED):
                    await someone.trigger("pagehide")

    async def _insist(self, someone: Visitor, words: str | None, began: float = 0.0) -> float:
        """Until it worked, with a new session after each failure; returns when that began."""
        while True:
            try:
                if not began:
                    began = time.monotonic()
                    await someone.arrive()
                if words:
                    _heard(await someone.say(words))
            except FAILED:
                began, someone.secret = 0.0, ""
                await asyncio.sleep(1 + self.rng.random() * 2)
            else:
                return began


def _heard(events: list[dict[str, Any]]) -> None:
    kinds = {event["type"] for event in events}
    if "error" in kinds or "thread.item.done" not in kinds:
        raise CutOffError(sorted(kinds))


@contextlib.asynccontextmanager
async def visitors(url: str, *, per_second: float = 2.0, seed: int = 1) -> AsyncIterator[Street]:
    """Comes to its end when every visit has."""
    street = Street(url, per_second, random.Random(seed))
    coming = asyncio.create_task(street.open())
    try:
        yield street
        coming.cancel()
        await asyncio.gather(*street.visits)
        assert street.longest_seconds < float(TIMES["WATCH_SECONDS"]), "the test is at fault"
    finally:
        for task in (coming, *street.visits):
            task.cancel()
