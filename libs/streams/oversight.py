"""What a person and a dashboard want of a stream: its numbers, its dead letters, a pause."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass

from libs.errors import Rejected
from libs.messages.streams import STREAMS, Stream
from libs.runtime import metrics as m
from libs.runtime.clock import Clock
from libs.runtime.metrics import Metrics
from libs.streams.broker import Broker, DeadLetter, LaneStats
from libs.streams.envelope import reseal, unseal
from libs.streams.lanes import lanes_of


@dataclass(frozen=True)
class Oversight:
    """Every method raises Unavailable."""

    broker: Broker

    async def stats(self, stream: Stream) -> list[LaneStats]:
        return [await self.broker.stats(lane) for lane in lanes_of(stream)]

    async def silence(self, stream: Stream) -> float | None:
        """Seconds since the lane that waits longest was last read; None: one has no reader."""
        lanes = [await self.broker.silence(lane) for lane in lanes_of(stream)]
        return None if None in lanes else max(lane for lane in lanes if lane is not None)

    async def pause(self, stream: Stream) -> None:
        """Readers start nothing more within a second; what arrives waits."""
        for lane in lanes_of(stream):
            await self.broker.pause(lane, paused=True)

    async def resume(self, stream: Stream) -> None:
        for lane in lanes_of(stream):
            await self.broker.pause(lane, paused=False)

    async def dead(self, stream: Stream, *, limit: int = 100) -> list[DeadLetter]:
        """Oldest first."""
        letters: list[DeadLetter] = []
        for lane in lanes_of(stream):
            letters += await self.broker.dead(lane, count=limit)
        return letters[:limit]

    async def find_dead(self, stream: Stream, dead_id: str) -> DeadLetter | None:
        """By its own id, or by that of the entry it was."""
        async for letter in self.every_dead(stream):
            if dead_id in {letter.id, letter.entry_id}:
                return letter
        return None

    async def every_dead(self, stream: Stream) -> AsyncIterator[DeadLetter]:
        """Oldest first in each lane, however many there are."""
        for lane in lanes_of(stream):
            after = ""
            while letters := await self.broker.dead(lane, after=after):
                for letter in letters:
                    yield letter
                after = letters[-1].id

    async def retry_dead(self, stream: Stream, dead_id: str) -> bool:
        """Back into the stream, its attempts forgotten. False: no such letter, or unreadable."""
        letter = await self.find_dead(stream, dead_id)
        if letter is None:
            return False
        try:
            body = reseal(unseal(letter.body), attempts=0, outages=0)
        except Rejected:
            return False
        return any([await self.broker.revive(e, letter.id, body) for e in lanes_of(stream)])

    async def drop_dead(self, stream: Stream, dead_id: str) -> bool:
        letter = await self.find_dead(stream, dead_id)
        if letter is None:
            return False
        return any([await self.broker.drop(lane, letter.id) for lane in lanes_of(stream)])

    async def forget(self, ids: Collection[str]) -> int:
        """Whatever waits, is parked or was answered and names one of these threads or visitors."""
        words = [f'"{id_}{end}'.encode() for id_ in ids for end in ('"', '\\"')]
        lanes = [lane for stream in STREAMS for lane in lanes_of(stream)]
        if not words:
            return 0
        erased = sum([await self.broker.erase(lane, words) for lane in lanes])
        return erased + await self.broker.erase_answers(words)

    async def measure(self, stream: Stream, metrics: Metrics, clock: Clock) -> None:
        """Set the gauges of a stream: the sum of its lanes."""
        lanes = await self.stats(stream)
        ages = [clock.now() - lane.oldest_at for lane in lanes if lane.oldest_at is not None]
        values = {
            m.STREAM_LAG: sum(lane.unread for lane in lanes),
            m.STREAM_PENDING: sum(lane.pending for lane in lanes),
            m.STREAM_RETRIES: sum(lane.later for lane in lanes),
            m.STREAM_DEAD: sum(lane.dead for lane in lanes),
            m.STREAM_OLDEST: max(0.0, *ages) if ages else 0.0,
        }
        for metric, value in values.items():
            metrics.set(metric, stream.name, value=value)
