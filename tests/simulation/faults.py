"""What goes wrong in a run: which faults a seed enables, when they strike, and a name for each."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec

from libs.errors import Unavailable
from tests.simulation.loop import PROCESS, SimLoop, SimProcess

T = TypeVar("T")

STORE_FAULTS: Final = (
    "request_lost", "reply_lost", "applied_late", "applied_twice", "throttled",
)  # fmt: skip
FAULTS: Final = (
    *(f"records.{fault}" for fault in STORE_FAULTS),
    *(f"redis.{fault}" for fault in STORE_FAULTS),
    "records.down", "redis.down", "redis.flushed", "redis.tail_lost", "redis.lies",
    "blobs.throttled", "conversations.throttled",
    "process.crash", "process.pause", "process.clock_step",
    "provider.silent", "provider.refuses", "provider.throttles", "provider.delays",
    "provider.resets", "provider.bounces", "provider.refuses_at_door", "provider.away",
    "events.lost", "events.late", "events.doubled",
    "model.throttled", "model.cut_off", "model.hangs",
)  # fmt: skip

EXCUSES: Final = ("process.", "redis.", "blobs.")
"""After these the model may be asked about the same snapshot again (I11)."""

DELICATE: Final = frozenset(
    {"records.write", "provider.prepare", "provider.send", "provider.sent", "journal.write",
     "journal.written", "redis.mark", "blobs.put", "model.answered"}
)  # fmt: skip
"""Where a process dies or sleeps ten times as often: few awaits decide everything."""
_CHORES: Final = ("turn", "read", "own", "claim", "prepare", "renew", "stats", "schedule")
IDLE: Final = frozenset(
    {"records.due", "records.due_watches", *(f"redis.{chore}" for chore in _CHORES)}
)
"""What a process also does when there is nothing to do: not traced, and in no time."""
PROVIDER_RATE: Final = 0.2
"""A lead meets its provider once, Redis a thousand times."""
MODEL_RATE: Final = 0.3

ANSWER_SECONDS: Final = 5.0
"""How long a caller waits for a reply that never comes."""
PAUSES: Final = (20.0, 150.0, 3000.0)
"""Shorter than a lease, longer than one, longer than every window."""
LATE_SECONDS: Final = 900.0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a run depends on: the same plan gives the same run."""

    seed: int
    enabled: frozenset[str] = frozenset()
    rate: float = 0.0
    fault_seconds: float = 5400.0
    threads: int = 2
    policy: str = "never_zero"
    keep: frozenset[int] | None = None
    """Only the faults with these numbers strike; None: all. For shrinking and replay."""
    crash_at: frozenset[int] = frozenset()
    """Port calls of the sending processes, counted from 1, at which the process dies."""
    pause_at: frozenset[int] = frozenset()
    """Likewise, at which it sleeps for `pause_seconds`."""
    pause_seconds: float = 3000.0
    mutation: str = ""

    @classmethod
    def drawn(cls, seed: int) -> Plan:
        """A random subset of faults, at a random rate, over a random time."""
        rng = random.Random(f"{seed}:plan")
        share = rng.choice((0.1, 0.3, 0.6, 1.0))
        return cls(
            seed=seed,
            enabled=frozenset(fault for fault in FAULTS if rng.random() < share),
            rate=rng.choice((0.003, 0.01, 0.03, 0.1)),
            fault_seconds=rng.choice((1800.0, 3600.0, 7200.0)),
            threads=rng.choice((1, 1, 2, 3)),
            policy=rng.choice(("never_zero", "never_zero", "never_zero", "never_two")),
        )


class Faults:
    """Stands between every part and its neighbours."""

    def __init__(self, plan: Plan, loop: SimLoop) -> None:
        self.plan = plan
        self.loop = loop
        self.rng = random.Random(f"{plan.seed}:faults")
        self.struck: list[tuple[int, str, float, str]] = []
        """(number, fault, when, where): the run's story."""
        self.crashes = 0
        self.on_excuse: Callable[[], None] = lambda: None
        self.on_crash: Callable[[SimProcess], None] = lambda _: None
        self.trace = hashlib.sha256()
        self.sending_calls = 0
        self._down: dict[str, float] = {}

    def strikes(self, fault: str, where: str = "", *, rate: float | None = None) -> bool:
        """Whether it happens now. Draws the same numbers whatever is kept or enabled later."""
        if fault not in self.plan.enabled or self.loop.time() > self.plan.fault_seconds:
            return False
        if self.rng.random() >= (self.plan.rate if rate is None else rate):
            return False
        number = len(self.struck) + 1
        kept = self.plan.keep is None or number in self.plan.keep
        self.struck.append((number, fault if kept else f"({fault})", self.loop.time(), where))
        if kept and fault.startswith(EXCUSES):
            self.on_excuse()
        return kept

    def note(self, *what: object) -> None:
        """The trace: two runs of one plan must agree on every entry of it."""
        self.trace.update(f"{self.loop.time():.6f} {what}\n".encode())

    async def call(self, part: str, method: str, act: Callable[[], Awaitable[T]]) -> T:
        """One request over the network to a part that keeps state, and its reply."""
        where = f"{part}.{method}"
        self._check_up(part, where)
        await self.point(where)
        if where not in IDLE:
            await asyncio.sleep(self.rng.uniform(0.0005, 0.01))
        await self._on_the_way(part, where, act)
        reply = await act()
        if self.strikes(f"{part}.applied_twice", where):
            again = await act()
            reply = self.rng.choice((reply, again))
        await self.point(where)
        if self.strikes(f"{part}.reply_lost", where):
            await asyncio.sleep(ANSWER_SECONDS)
            raise Unavailable(part, "reply lost")
        return reply

    async def _on_the_way(self, part: str, where: str, act: Callable[[], Awaitable[Any]]) -> None:
        if self.strikes(f"{part}.throttled", where):
            raise Unavailable(part, "throttled")
        if self.strikes(f"{part}.request_lost", where):
            await asyncio.sleep(ANSWER_SECONDS)
            raise Unavailable(part, "request lost")
        waits = where.endswith(("read", "pieces"))
        if not waits and self.strikes(f"{part}.applied_late", where):
            delay = self.rng.uniform(ANSWER_SECONDS, LATE_SECONDS)
            self.loop.later(delay, at_once, act)
            await asyncio.sleep(ANSWER_SECONDS)
            raise Unavailable(part, "applied late")

    def _check_up(self, part: str, where: str) -> None:
        now = self.loop.time()
        if self.strikes(f"{part}.down", where, rate=self.plan.rate / 10):
            self._down[part] = now + self.rng.uniform(5, 60)
        if self._down.get(part, 0) > now:
            raise Unavailable(part, "down")

    async def point(self, where: str) -> None:
        """An await of a process: it may die here, or sleep for the better part of an hour."""
        process = PROCESS.get()
        if process is None:
            return
        if where not in IDLE:
            self.note(process.name, where)
            if process.name.startswith("mailer"):
                self.sending_calls += 1
                if self.sending_calls in self.plan.crash_at:
                    await self.crash(process, where)
                if self.sending_calls in self.plan.pause_at:
                    await self.pause(process, self.plan.pause_seconds)
        often = 1.0 if where in DELICATE else 0.1
        if self.strikes("process.crash", where, rate=self.plan.rate * often):
            await self.crash(process, where)
        if self.strikes("process.pause", where, rate=self.plan.rate * often / 3):
            await self.pause(process, self.rng.choice(PAUSES))

    async def pause(self, process: SimProcess, seconds: float) -> None:
        process.asleep = True
        self.loop.later(seconds, self.loop.wake, process)
        await asyncio.sleep(0)

    async def crash(self, process: SimProcess, where: str) -> None:
        self.crashes += 1
        self.on_excuse()
        self.note("crash", process.name, where)
        process.die()
        self.on_crash(process)
        await self.loop.create_future()


def at_once(act: Callable[[], Awaitable[object]]) -> None:
    """A request that arrives when its sender has long given up. Stores never suspend."""
    try:
        act().__await__().send(None)
    except (StopIteration, Unavailable):
        return
    raise AssertionError("a store suspended")
