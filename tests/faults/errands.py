"""What else reaches the services beside chats: signals, photos, health checks, strange entries."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import msgspec

from libs.blobs.open import BLOBS_FOLDER
from libs.blobs.small import open_two_sizes
from libs.leads.attribution import Signal
from libs.messages.streams import LEAD_SIGNAL
from libs.streams.lanes import lanes_of
from libs.streams.redis import stream_key
from libs.streams.streams import Streams
from tests.contracts.streams_on_redis import emptied, streams_at
from tests.faults.deployment import ORIGIN, Deployment
from tests.faults.visitors import FAILED
from tests.pictures import flat_png
from tests.product import Visitor

EVERY_SECONDS = 0.5
PHOTO_EVERY = 4
LAPS = 30
"""Of one visitor: of more than 40 signals a day nothing is kept."""
TAKEN_OVER_SECONDS = 60.0
"""More than twice what a lane needs to take over what a process held that stopped in mid-read."""


@dataclass
class Errands:
    url: str
    streams: Streams
    unreadable: int = 0
    """Entries that no service can read: each must be parked, once."""
    kept: set[str | None] = field(default_factory=set)
    """Signals of which the gateway said that it had them."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            while not self.stop.is_set():
                if self.unreadable % LAPS == 0:
                    someone = Visitor(http, self.url, ORIGIN, user=f"errand-{self.unreadable}")
                await self._strange_entry()
                with contextlib.suppress(*FAILED):
                    await self._lap(someone)
                await asyncio.sleep(EVERY_SECONDS)

    async def _strange_entry(self) -> None:
        (lane,) = lanes_of(LEAD_SIGNAL)
        await self.streams.redis.execute("XADD", stream_key(lane), "*", "no", "envelope")
        self.unreadable += 1

    async def _lap(self, someone: Visitor) -> None:
        if not someone.secret:
            await someone.arrive()
        async with someone.http.get(f"{self.url}/health"):
            pass
        signal = f"https://shop.example/{self.unreadable}"
        await someone.post("/api/lead-signal", {"event": "call_click", "clickUrl": signal})
        self.kept.add(signal)
        if self.unreadable % PHOTO_EVERY == 0:
            await someone.upload("seat.png", flat_png(64, 64), "image/png")

    async def verify(self, data: Path) -> None:
        """Nothing unreadable is lost or parked twice, no signal lost or kept twice."""
        await emptied(self.streams, TAKEN_OVER_SECONDS, LEAD_SIGNAL)
        assert len(await self.streams.oversight.dead(LEAD_SIGNAL, limit=10_000)) == self.unreadable
        async with open_two_sizes(data / BLOBS_FOLDER) as blobs:
            bodies = [await blobs.get(info.key) async for info in blobs.list("signals/")]
        stored = Counter(msgspec.json.decode(body, type=Signal).click_url for body in bodies)
        assert self.kept - set(stored) == set()
        assert max(stored.values()) == 1


@contextlib.asynccontextmanager
async def errands(handoff: Deployment, redis_url: str) -> AsyncIterator[None]:
    """Until the block ends; then it is seen that each had its effect, and had it once."""
    async with streams_at(redis_url, name="errands") as streams:
        running = Errands(handoff.url, streams)
        task = asyncio.create_task(running.run())
        try:
            yield
            running.stop.set()
            await task
            await running.verify(Path(handoff.workers[0].environ["HANDOFF_DATA"]))
        finally:
            task.cancel()
