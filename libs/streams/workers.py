"""The workers of a lane: up to `concurrency` entries at once, and one alone when it may be poison.

A handler that does not suspend costs no task: one worker goes through the whole batch. Only when
entries are still waiting one turn of the loop later did it suspend, and more workers are started.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from libs.runtime.clock import Clock
from libs.streams.attempt import Attempts
from libs.streams.broker import Entry

QUICK_SECONDS: Final = 0.05


class Workers:
    def __init__(
        self, attempts: Attempts, clock: Clock, *, concurrency: int, timeout_seconds: float
    ) -> None:
        self.group: asyncio.TaskGroup
        """Of the lane: set before the first entry comes."""
        self._attempts = attempts
        self._boot = clock.boot
        self._concurrency = concurrency
        self._timeout_seconds = timeout_seconds
        self._queue: deque[Entry] = deque()
        self._running: dict[str, tuple[asyncio.Task[Any], float]] = {}
        self._changed = asyncio.Event()
        self._some_run = asyncio.Event()
        """Or did, not long ago."""
        self._one_alone = asyncio.Lock()
        self._paused = False
        self._stopping = False

    @property
    def room(self) -> int:
        """How many entries to fetch now.

        An entry that waits here could have been started by another process. So nothing is fetched
        ahead, unless all handlers are quick: then it starts in a moment, and no time is lost with
        fetching. Slow handlers get their entries in quarters: one is fetched while three work.
        """
        if self._shut:
            return 0
        taken = len(self._queue) + len(self._running)
        if self._all_quick():
            return max(0, self._concurrency * 2 - taken)
        return min(-(-self._concurrency // 4), max(0, self._concurrency - taken))

    def _all_quick(self) -> bool:
        """Those that ended lately, and the one that has been running the longest."""
        if self._attempts.lately_seconds > QUICK_SECONDS:
            return False
        _, oldest = next(iter(self._running.values()), (None, None))
        return oldest is None or self._boot() - oldest < QUICK_SECONDS

    async def wait_for_room(self) -> int:
        await self._until(lambda: self.room > 0)
        return self.room

    def put(self, entries: Iterable[Entry]) -> None:
        self._queue.extend(entries)
        self._start()

    async def alone(self, entry: Entry) -> None:
        """Run it while nothing else runs here: if it ends us, it was this one."""
        async with self._one_alone:
            await self._until(lambda: self._stopping or not (self._running or self._paused))
            if not self._stopping:
                await asyncio.wait([self.group.create_task(self._work(entry))])
        self._start()

    def pause(self, *, paused: bool) -> None:
        if paused != self._paused:
            self._paused = paused
            self._start()

    def start_nothing_more(self) -> None:
        """What was not started yet is left to others."""
        self._stopping = True
        self._queue.clear()

    async def finished(self) -> None:
        await self._until(lambda: not self._running)

    @property
    def _shut(self) -> bool:
        return self._paused or self._stopping or self._one_alone.locked()

    def _start(self) -> None:
        self._changed.set()
        if self._queue and not self._shut:
            self.group.create_task(self._work())
            asyncio.get_running_loop().call_soon(self._start_more)

    def _start_more(self) -> None:
        if self._queue and not self._shut:
            for _ in range(min(len(self._queue), self._concurrency - len(self._running))):
                self.group.create_task(self._work())

    async def _work(self, lone: Entry | None = None) -> None:
        """Goes through the queue, or runs just `lone`."""
        task = asyncio.current_task()
        assert task  # noqa: S101 - only tasks work
        entry = lone or self._next()
        while entry:
            started = self._boot()
            self._running[entry.id] = (task, started)
            self._some_run.set()
            try:
                await self._attempts.run(entry, started)
            finally:
                del self._running[entry.id]
                if entry.id in self._attempts.overdue:
                    self._attempts.overdue.discard(entry.id)
                    task.uncancel()
                self._changed.set()
            entry = None if lone else self._next()
        self._attempts.count()

    def _next(self) -> Entry | None:
        if self._queue and not self._shut and len(self._running) < self._concurrency:
            return self._queue.popleft()
        return None

    async def end_overdue(self) -> None:
        """For ever. An idle lane has no clock to look at."""
        while True:
            await self._some_run.wait()
            await asyncio.sleep(self._cancel_overdue())
            if not self._running:
                self._some_run.clear()

    def _cancel_overdue(self) -> float:
        """All have the same time, so the one that started first is the first to be overdue.
        Returns when to look again.
        """
        now = self._boot()
        for entry_id, (task, started) in self._running.items():
            if started + self._timeout_seconds > now:
                return started + self._timeout_seconds - now
            if entry_id not in self._attempts.overdue:
                self._attempts.overdue.add(entry_id)
                task.cancel()
        return self._timeout_seconds

    async def _until(self, true: Callable[[], bool]) -> None:
        while not true():
            self._changed.clear()
            await self._changed.wait()
