"""The only consume loop: reads a lane, has its entries worked on, and loses none.

An entry is *held* from the moment it is ours until the broker has confirmed its fate. What is held
is renewed, so that nobody claims it; what a dead process held is claimed by the others, also on a
stream where nothing new arrives.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from libs.errors import Unavailable
from libs.streams.attempt import Attempts
from libs.streams.broker import SUSPECT_DELIVERIES, Broker, Entry
from libs.streams.port import Consumer
from libs.streams.process import Process
from libs.streams.settle import Settler
from libs.streams.workers import Workers

READ_COUNT: Final = 100
_LONGEST_BACKOFF_SECONDS: Final = 2.0


class LaneLoop:
    def __init__(self, lane: str, consumer: Consumer, broker: Broker, process: Process) -> None:
        self._lane = lane
        self._stream = consumer.stream.name
        self._broker = broker
        self._process = process
        self._pace = consumer.pace or process.pace
        self._settler = Settler(lane, broker)
        self._held = self._settler.held
        self._holds_some = asyncio.Event()
        """Or did, not long ago."""
        self._workers = Workers(
            Attempts(consumer, process, self._settler),
            process.clock,
            concurrency=consumer.concurrency,
            timeout_seconds=consumer.timeout_seconds,
        )
        self._failures = 0
        self._heard_at = process.clock.boot()
        self._claims_from = 0.0
        self._maybe_claimed = False
        """The reply to our last claim was lost: entries may be ours, unseen."""

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`: then start nothing more, finish, and hand back what is left over."""
        try:
            async with asyncio.TaskGroup() as group:
                reading, *chores = self._start(group)
                try:
                    await stop.wait()
                finally:
                    reading.cancel()
                    self._workers.start_nothing_more()
                await self._workers.finished()
                await self._settler.flush()
                for chore in chores:
                    chore.cancel()
        finally:
            await self._leave()

    def _start(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        self._workers.group = group
        chores = (
            self._read(),
            self._workers.end_overdue(),
            self._settler.run(),
            self._turns(),
            self._renewals(),
            self._claims(),
        )
        return [group.create_task(chore) for chore in chores]

    async def _leave(self) -> None:
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(self._pace.leave_seconds):
                await self._settler.flush()
                await self._broker.hand_back(self._lane, self._process.reader)

    async def _read(self) -> None:
        while True:
            try:
                await self._broker.prepare(self._lane)
                await self._turn()
                await self._read_own()
                while True:
                    await self._read_new()
            except Unavailable as error:
                await self._stand_back(error)

    async def _read_own(self) -> None:
        """The reply to our last read may have been lost, and its entries are ours, unseen."""
        after = ""
        while entries := await self._broker.own(
            self._lane, self._process.reader, after=after, count=READ_COUNT
        ):
            after = entries[-1].id
            await self._accept(entries)

    async def _read_new(self) -> None:
        count = min(await self._workers.wait_for_room(), READ_COUNT)
        entries = await self._broker.read(
            self._lane,
            self._process.reader,
            count=count,
            wait_seconds=self._pace.wait_seconds,
        )
        self._hear()
        self._workers.put(self._hold(entries))
        if len(entries) < count:
            await asyncio.sleep(0)  # no backlog: start these before we ask for more

    def _hear(self) -> None:
        """After a silence in which nobody could renew everybody looks dead: the living go first."""
        now, pace = self._process.clock.boot(), self._pace
        if now - self._heard_at >= pace.idle_seconds - pace.renew_seconds:
            self._claims_from = now + 2 * pace.renew_seconds
        self._heard_at = now
        if self._failures:
            self._failures = 0
            self._process.log.info("redis_back", stream=self._stream)

    async def _accept(self, entries: list[Entry]) -> None:
        """Entries that were handed out before: ours already, or maybe what ended their reader."""
        for entry in self._hold(entries):
            if entry.deliveries > SUSPECT_DELIVERIES:
                await self._workers.alone(entry)
            else:
                await self._workers.wait_for_room()
                self._workers.put([entry])

    def _hold(self, entries: list[Entry]) -> list[Entry]:
        """Returns those we do not hold yet: a Redis that lost its tail hands out some again."""
        unseen = [entry for entry in entries if entry.id not in self._held]
        for entry in unseen:
            self._held[entry.id] = None
        if unseen:
            self._holds_some.set()
        return unseen

    async def _stand_back(self, error: Unavailable) -> None:
        if not self._failures:
            self._process.log.error("redis_lost", stream=self._stream, reason=error.reason)
        longest = min(_LONGEST_BACKOFF_SECONDS, 0.05 * 2.0 ** min(self._failures, 8))
        self._failures += 1
        await asyncio.sleep(longest * self._process.rng.uniform(0.5, 1.0))

    async def _turn(self) -> float:
        """Adds what is due, learns whether the lane is paused; returns when to look again."""
        now = self._process.clock.now()
        turn = await self._broker.turn(self._lane, now)
        self._workers.pause(paused=turn.paused)
        longest = self._pace.turn_seconds
        return longest if turn.next_at is None else max(0.0, min(longest, turn.next_at - now))

    async def _turns(self) -> None:
        wait = 0.0
        while True:
            await asyncio.sleep(wait)
            wait = self._pace.turn_seconds
            with suppress(Unavailable):  # the read loop says so and recovers
                wait = await self._turn()

    async def _renewals(self) -> None:
        while True:
            await self._holds_some.wait()
            await asyncio.sleep(self._pace.renew_seconds)
            if not self._held:
                self._holds_some.clear()
                continue
            with suppress(Unavailable):  # as above
                await self._broker.renew(self._lane, self._process.reader, list(self._held))

    async def _claims(self) -> None:
        while True:
            await asyncio.sleep(self._pace.claim_seconds)
            with suppress(Unavailable):  # as above
                await self._claim()

    async def _claim(self) -> None:
        """Also runs when nothing new arrives. A suspect comes alone, so ask again after it."""
        if self._failures or self._process.clock.boot() < self._claims_from:
            return
        if self._maybe_claimed:
            await self._read_own()
            self._maybe_claimed = False
        while room := self._workers.room:
            self._maybe_claimed = True
            entries = await self._broker.claim(
                self._lane,
                self._process.reader,
                count=min(room, READ_COUNT),
                idle_seconds=self._pace.idle_seconds,
            )
            self._maybe_claimed = False
            if not entries:
                return
            await self._accept(entries)
