"""What goes wrong in a run: when a fault strikes, where, and what then becomes of a call."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
from collections.abc import Awaitable, Callable, Collection
from typing import Final, TypeVar

import msgspec

from libs.blobs.port import BlobMissingError
from libs.errors import Unavailable
from tests.simulation.evidence import HANDLING, THREAD
from tests.simulation.loop import PROCESS, SimLoop, SimProcess
from tests.simulation.plan import STORE_FAULTS, STORES, Plan

T = TypeVar("T")

EXCUSES: Final = ("redis.", "blobs.")
"""After these the model may be asked about the same snapshot again (I11)."""

DELICATE: Final = frozenset(
    {"records.write", "provider.prepare", "provider.send", "provider.sent", "journal.write",
     "journal.written", "redis.mark", "blobs.put", "model.answered", "redis.add", "redis.taken"}
)  # fmt: skip
"""Where a process dies or sleeps ten times as often: few awaits decide everything."""
_CHORES: Final = ("turn", "read", "own", "claim", "prepare", "renew", "stats", "schedule")
IDLE: Final = frozenset(
    {"records.due", "records.due_watches", *(f"redis.{chore}" for chore in _CHORES)}
)
"""What a process also does when there is nothing to do: in no time; traced in a handler only."""
PROVIDER_RATE: Final = 0.2
"""A lead meets its provider once, Redis a thousand times."""
MODEL_RATE: Final = 0.3
LIE_RATE: Final = 0.3
LIE_RATES: Final = {
    "read": 0.03, "ack": 0.03, "add": 0.1, "admit": 0.1, "claim": 0.1, "own": 0.1, "renew": 0.1,
    "turn": 0.03,
}  # fmt: skip
"""Where it is asked more often than once for a lead."""
FORGOTTEN: Final = frozenset(
    {"schedule", "put_back", "park", "release", "turn", "claim", "own", "renew"}
)
"""What it may say that it did, and did not; by dice of their own, so the other lies stay."""
EVEN: Final = 0.5
WAITS: Final = frozenset({"redis.read", "redis.pieces"})
"""Calls that last until something comes."""
SILENT: Final = frozenset({"request_lost", "reply_lost", "applied_late"})
SHARES: Final = {"down": 0.1, "pause": 0.33}
"""How often, next to the others."""

ANSWER_SECONDS: Final = 5.0
"""How long a caller waits for a reply that never comes."""
PAUSES: Final = (20.0, 150.0, 3000.0)
"""Shorter than a lease, longer than one, longer than every window."""
LATE_SECONDS: Final = 900.0

Menu = tuple[tuple[str, float], ...]
"""Faults, each with where its part of the draw ends."""


def _menu(plan: Plan, part: str) -> Menu:
    names = STORE_FAULTS if part in STORES else ("crash", "pause")
    enabled = [name for name in names if f"{part}.{name}" in plan.enabled]
    ends = itertools.accumulate(SHARES.get(name, 1.0) for name in enabled)
    return tuple((f"{part}.{name}", end) for name, end in zip(enabled, ends, strict=True))


class Faults:
    """Stands between every part and its neighbours."""

    def __init__(self, plan: Plan, loop: SimLoop) -> None:
        self.plan = plan
        self.loop = loop
        self.rng = random.Random(f"{plan.seed}:faults")
        self._forgetful = random.Random(f"{plan.seed}:forgets")
        self.struck: list[tuple[int, str, float, str]] = []
        """(number, fault, when, where): the run's story."""
        self.crashes = 0
        self.wakes = 0
        """Processes that slept and went on."""
        self.on_excuse: Callable[[Collection[str], float], None] = lambda *_: None
        self.handed: Callable[[SimProcess], list[str]] = lambda _: []
        """Threads that a lead process was handed, begun or not, heard of or not."""
        self.on_lie: Callable[[], None] = lambda: None
        self.on_crash: Callable[[SimProcess], None] = lambda _: None
        self._story: list[tuple[float, tuple[object, ...]]] = []
        self.walked_calls: list[str] = []
        """Of the kind of process that the plan walks, by their places."""
        self._menus = {part: _menu(plan, part) for part in (*STORES, "process")}
        self._down: dict[str, float] = {}
        self._rate = plan.rate
        self._until = plan.fault_seconds

    def strikes(
        self,
        fault: str,
        where: str = "",
        *,
        rate: float | None = None,
        dice: random.Random | None = None,
    ) -> bool:
        """Whether it happens now. Draws the same numbers whatever is kept or enabled later."""
        if fault not in self.plan.enabled or self.loop.now > self._until:
            return False
        rate = self.plan.rate if rate is None else rate
        return (dice or self.rng).random() < rate and self._struck(fault, where)

    def befalls(self, fault: str, where: str) -> bool:
        """Whether it does, where that was drawn before; for what lasts longer than the faults."""
        return fault in self.plan.enabled and self._struck(fault, where)

    def _struck(self, fault: str, where: str) -> bool:
        number = len(self.struck) + 1
        kept = self.plan.keep is None or number in self.plan.keep
        self.struck.append((number, fault if kept else f"({fault})", self.loop.time(), where))
        if kept and fault.startswith(EXCUSES):
            self.excuse()
        return kept

    def _one_of(self, menu: Menu, where: str, often: float = 1.0) -> str:
        """At most one fault of a kind in one place, by one draw."""
        if not menu or self.loop.now > self._until:
            return ""
        place = self.rng.random() / (self._rate * often)
        if place >= menu[-1][1]:
            return ""
        for fault, until in menu:
            if place < until:
                return fault if self._struck(fault, where) else ""
        return ""

    def lies(self, where: str) -> bool:
        """Whether Redis says something else than what is true, or does not do what it says."""
        rate = LIE_RATES.get(where, LIE_RATE)
        if where in FORGOTTEN:
            lie = self.strikes("redis.forgets", where, rate=rate, dice=self._forgetful)
        else:
            lie = self.strikes("redis.lies", where, rate=rate)
        if lie:
            self.on_lie()
        return lie

    def excuse(self) -> None:
        """The work on one thread was disturbed, or on all that a lead process is at."""
        process, thread = PROCESS.get(), THREAD.get()
        if process is not None:
            self.on_excuse([thread] if thread else process.at_work, self.loop.time())

    def note(self, *what: object) -> None:
        """Two runs of one plan must agree on every note."""
        self._story.append((self.loop.now, what))

    @property
    def trace(self) -> str:
        return hashlib.sha256(msgspec.msgpack.encode(self._story)).hexdigest()

    async def call(self, part: str, method: str, act: Callable[[], Awaitable[T]]) -> T:
        """One request over the network to a part that keeps state, and its reply."""
        where = f"{part}.{method}"
        fault = self._one_of(self._menus[part], where)
        if fault or part in self._down:
            self._check_up(part, down=fault.endswith("down"))
        await self.point(where)
        if where not in IDLE:
            await self.loop.passing(self.rng.uniform(0.0005, 0.01))
        if fault:
            return await self._broken(fault, part, where, act)
        reply = await act()
        await self.point(where if where != "redis.read" or not reply else "redis.taken")
        return reply

    async def _broken(
        self, fault: str, part: str, where: str, act: Callable[[], Awaitable[T]]
    ) -> T:
        """What is wanted may be done never, now, later or twice; the asker hears nothing of it."""
        what = fault.partition(".")[2]
        if what == "applied_twice":
            reply, again = await act(), await act()
            await self.point(where)
            # The second of two waits may last until others have taken over what the first found.
            return again if where in WAITS else self.rng.choice((reply, again))
        if what == "reply_lost" or (what == "reset" and self.rng.random() < EVEN):
            await act()
            await self.point(where)
        if what == "applied_late" and where not in WAITS:
            self.loop.later(self.rng.uniform(ANSWER_SECONDS, LATE_SECONDS), at_once, act)
        if what in SILENT:
            await self.loop.passing(ANSWER_SECONDS)
        raise Unavailable(part, what)

    def _check_up(self, part: str, *, down: bool) -> None:
        now = self.loop.time()
        if down:
            self._down[part] = now + self.rng.uniform(5, 60)
        if self._down.get(part, 0) > now:
            if not down and part in {"redis", "blobs"}:  # the strike itself is one already
                self.excuse()
            raise Unavailable(part, "down")
        self._down.pop(part, None)

    async def point(self, where: str) -> None:
        """An await of a process: it may die here, or sleep for the better part of an hour."""
        process = PROCESS.get()
        if process is None:
            return
        if where not in IDLE or HANDLING.get():
            self.note(process.name, where)
            if process.name.startswith(self.plan.walked):
                await self._planned(process, where)
        match self._one_of(self._menus["process"], where, 1.0 if where in DELICATE else 0.1):
            case "process.crash":
                await self.crash(process, where)
            case "process.pause":
                await self.pause(process, self.rng.choice(PAUSES))

    async def _planned(self, process: SimProcess, where: str) -> None:
        self.walked_calls.append(where)
        number = len(self.walked_calls)
        if number in self.plan.crash_at:
            await self.crash(process, where)
        if number in self.plan.pause_at:
            await self.pause(process, self.plan.pause_seconds)

    async def pause(self, process: SimProcess, seconds: float) -> None:
        process.asleep = True
        process.slept_over = [*process.at_work, *self.handed(process)]
        self.on_excuse(process.slept_over, self.loop.time())
        self.note("sleeps", process.name)
        self.loop.later(seconds, self.wake, process)
        await asyncio.sleep(0)

    def wake(self, process: SimProcess) -> None:
        """It slept, and goes on where it was; others may have taken its work over."""
        if process.asleep:
            self.wakes += 1
            self.on_excuse(process.slept_over, self.loop.time())
            self.note("wakes", process.name)
            self.loop.wake(process)

    async def crash(self, process: SimProcess, where: str) -> None:
        self.crashes += 1
        self.on_excuse(process.at_work, self.loop.time())
        self.note("crash", process.name, where)
        process.die()
        self.on_crash(process)
        await self.loop.create_future()


def at_once(act: Callable[[], Awaitable[object]]) -> None:
    """A request that arrives when its sender has long given up. Stores never suspend."""
    try:
        act().__await__().send(None)
    except (StopIteration, Unavailable, BlobMissingError):
        return
    raise AssertionError("a store suspended")
