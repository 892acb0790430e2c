"""Broker in this process, on the given clock and the running loop's time: for simulated runs."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Sequence
from typing import TypeVar

from libs.errors import Unavailable
from libs.runtime.clock import Clock
from libs.streams.broker import (
    MOST_UNREAD,
    SUSPECT_DELIVERIES,
    DeadLetter,
    Entry,
    LaneStats,
    Later,
    Turn,
)
from libs.streams.memory_lane import Lane, Pending

T = TypeVar("T")


class MemoryBroker:
    """Shared by all simulated processes; `flush` is FLUSHALL."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._newest = (0, 0)
        self._lanes: dict[str, Lane] = {}
        self._answers: dict[str, dict[str, bytes]] = {}
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        """Who waits for something new, by lane or address."""

    def flush(self) -> None:
        self._restart({}, {})

    def photograph(self) -> Callable[[], None]:
        """Later: it restarts with what it has now, the tail since then lost."""
        then = copy.deepcopy((self._lanes, self._answers))
        return lambda: self._restart(*then)

    def _restart(self, lanes: dict[str, Lane], answers: dict[str, dict[str, bytes]]) -> None:
        """Every connection breaks: whoever waits looks again."""
        self._lanes, self._answers = lanes, answers
        for name in list(self._waiting):
            self._wake(name)

    async def prepare(self, lane: str) -> None:
        self._lane(lane).grouped = True

    async def add(self, lane: str, body: bytes) -> None:
        self._put(lane, body)

    async def schedule(self, lane: str, key: str, at: float, body: bytes) -> None:
        self._lane(lane).timers[key] = (at, body)

    async def turn(self, lane: str, now: float) -> Turn:
        here = self._lane(lane)
        if here.paused:
            return Turn(paused=True, next_at=None)
        left: list[float] = []
        for waiting in filter(None, (here.later, here.timers)):
            if waiting is here.timers and len(here.unread) >= MOST_UNREAD:
                break
            due = [(at, key) for key, (at, _) in waiting.items() if at <= now]
            for _, key in sorted(due):
                self._put(lane, waiting.pop(key)[1])
            left += [at for at, _ in waiting.values()]
        return Turn(paused=False, next_at=min(left, default=None))

    async def read(self, lane: str, reader: str, *, count: int, wait_seconds: float) -> list[Entry]:
        def some() -> list[Entry]:
            here = self._grouped(lane)
            found = [Entry(i, here.entries[i]) for i in list(here.unread)[:count]]
            for entry in found:
                del here.unread[entry.id]
                here.pending[entry.id] = Pending(reader, self._clock.boot())
            return found

        return await self._wait(lane, some, wait_seconds)

    async def own(self, lane: str, reader: str, *, after: str, count: int) -> list[Entry]:
        here, now = self._grouped(lane), self._clock.boot()
        here.heard[reader] = now
        mine = [
            (id_, pending)
            for id_, pending in sorted(here.pending.items(), key=lambda pair: _order(pair[0]))
            if pending.reader == reader and _order(id_) > _order(after)
        ][:count]
        for _, pending in mine:
            pending.since = now
        return [Entry(id_, here.entries[id_], pending.deliveries) for id_, pending in mine]

    async def claim(
        self, lane: str, reader: str, *, count: int, idle_seconds: float
    ) -> list[Entry]:
        here, now = self._grouped(lane), self._clock.boot()
        here.heard[reader] = now
        stale = [
            (id_, pending)
            for id_, pending in sorted(here.pending.items(), key=lambda pair: _order(pair[0]))
            if pending.reader != reader and now - pending.since >= idle_seconds
        ]
        chosen = [one for one in stale if one[1].deliveries < SUSPECT_DELIVERIES][:count]
        for id_, pending in chosen or stale[:1]:
            here.pending[id_] = Pending(reader, now, pending.deliveries + 1)
        return [
            Entry(id_, here.entries[id_], here.pending[id_].deliveries)
            for id_, _ in chosen or stale[:1]
        ]

    async def renew(self, lane: str, reader: str, ids: Sequence[str]) -> None:
        self._lane(lane).heard[reader] = self._clock.boot()
        for id_ in ids:
            pending = self._lane(lane).pending.get(id_)
            if pending and pending.reader == reader:
                pending.since = self._clock.boot()

    async def hand_back(self, lane: str, reader: str) -> None:
        here = self._lane(lane)
        held = [pending for pending in here.pending.values() if pending.reader == reader]
        for pending in held:
            pending.since = float("-inf")
        if not held:
            here.heard.pop(reader, None)

    async def ack(self, lane: str, ids: Sequence[str]) -> None:
        for id_ in ids:
            self._lane(lane).remove(id_)

    async def put_back(self, lane: str, entries: Sequence[Later]) -> None:
        here = self._lane(lane)
        for entry in entries:
            if here.remove(entry.entry_id):
                here.later.setdefault(entry.timer or entry.entry_id, (entry.at, entry.body))

    async def park(self, lane: str, letters: Sequence[DeadLetter]) -> None:
        here = self._lane(lane)
        for letter in letters:
            if here.remove(letter.entry_id):
                id_ = self._next_id()
                here.dead[id_] = DeadLetter(
                    id_, letter.entry_id, letter.reason, letter.attempts, letter.body
                )

    async def dead(self, lane: str, *, after: str = "", count: int = 100) -> list[DeadLetter]:
        letters = self._lane(lane).dead
        return [letters[id_] for id_ in letters if _order(id_) > _order(after)][:count]

    async def revive(self, lane: str, dead_id: str, body: bytes) -> bool:
        if not await self.drop(lane, dead_id):
            return False
        self._put(lane, body)
        return True

    async def drop(self, lane: str, dead_id: str) -> bool:
        return self._lane(lane).dead.pop(dead_id, None) is not None

    async def erase(self, lane: str, words: Sequence[bytes]) -> int:
        return self._lane(lane).erase(words)

    async def pause(self, lane: str, *, paused: bool) -> None:
        self._lane(lane).paused = paused

    async def stats(self, lane: str) -> LaneStats:
        return self._lane(lane).stats(self._clock.boot())

    async def silence(self, lane: str) -> float | None:
        heard = self._lane(lane).heard.values()
        return self._clock.boot() - max(heard) if heard else None

    async def answer(self, address: str, *bodies: bytes) -> None:
        pieces = self._answers.setdefault(address, {})
        pieces.update((self._next_id(), body) for body in bodies)
        self._wake(address)

    async def erase_answers(self, words: Sequence[bytes]) -> int:
        named = [
            address
            for address, pieces in self._answers.items()
            if address.startswith("answer.")
            and any(word in body for body in pieces.values() for word in words)
        ]
        for address in named:
            del self._answers[address]
        return len(named)

    async def pieces(
        self, address: str, *, after: str, wait_seconds: float
    ) -> list[tuple[str, bytes]]:
        def some() -> list[tuple[str, bytes]]:
            there = self._answers.get(address, {})
            return [(id_, body) for id_, body in there.items() if _order(id_) > _order(after)]

        return await self._wait(address, some, wait_seconds)

    async def forget(self, address: str, positions: Sequence[str]) -> None:
        for position in positions:
            self._answers.get(address, {}).pop(position, None)

    def _lane(self, lane: str) -> Lane:
        here = self._lanes.get(lane)
        if here is None:
            here = self._lanes[lane] = Lane()
        return here

    def _grouped(self, lane: str) -> Lane:
        here = self._lane(lane)
        if not here.grouped:
            raise Unavailable("redis", "NOGROUP")
        return here

    def _put(self, lane: str, body: bytes) -> None:
        here, id_ = self._lane(lane), self._next_id()
        here.entries[id_] = body
        here.unread[id_] = None
        self._wake(lane)

    def _next_id(self) -> str:
        """Ids only grow, also when the clock steps back, as Redis has it."""
        millis, number = self._newest
        now = int(self._clock.now() * 1000)
        self._newest = (now, 0) if now > millis else (millis, number + 1)
        return f"{self._newest[0]}-{self._newest[1]}"

    async def _wait(self, name: str, some: Callable[[], list[T]], seconds: float) -> list[T]:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while not (found := some()) and loop.time() < until:
            woken = loop.create_future()
            waiting = self._waiting.setdefault(name, [])
            waiting.append(woken)
            timer = loop.call_at(until, _end, woken)
            try:
                await woken
            finally:
                timer.cancel()
                if woken in waiting:
                    waiting.remove(woken)
        return found

    def _wake(self, name: str) -> None:
        for woken in self._waiting.pop(name, ()):
            _end(woken)


def _end(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


def _order(id_: str) -> tuple[int, int]:
    millis, _, number = id_.partition("-")
    return (int(millis or 0), int(number or 0))
