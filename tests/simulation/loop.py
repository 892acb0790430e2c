"""An event loop on virtual time: no selector, no threads, and the next callback drawn by a seed."""

from __future__ import annotations

import asyncio
import heapq
import random
from asyncio import Handle, TimerHandle
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from typing import Any, Self

STEPS_MOST = 5_000_000
"""A run that needs more turns in circles."""


class SimProcess:
    """A process of the simulated world: it can die at any await, sleep, and have a wrong clock."""

    def __init__(self, name: str, machine: str) -> None:
        self.name = name
        self.machine = machine
        self.alive = True
        self.asleep = False
        self.clock_offset = 0.0
        self.kept: list[Handle] = []
        """What it would have done next: held back while asleep; never done if dead."""

    def die(self) -> None:
        """`kill -9`: nothing of it runs any more, no `finally` either."""
        self.alive = False

    @property
    def running(self) -> bool:
        return self.alive and not self.asleep


PROCESS: ContextVar[SimProcess | None] = ContextVar("process", default=None)
"""Whose code is running; None: the world outside."""


class SimTask(asyncio.Task[Any]):
    """Sets of tasks are walked in the order of their making, in every run alike."""

    number: int

    def __new__(cls, *_: object, loop: SimLoop, **__: object) -> Self:
        task = super().__new__(cls)
        task.number = loop.next_number()
        return task

    def __hash__(self) -> int:
        return self.number


class SimFuture(asyncio.Future[Any]):
    number: int

    def __new__(cls, *, loop: SimLoop) -> Self:
        future = super().__new__(cls)
        future.number = loop.next_number()
        return future

    def __hash__(self) -> int:
        return self.number


class SimLoop(asyncio.BaseEventLoop):
    def __init__(self, seed: str) -> None:
        super().__init__()
        self.steps = 0
        self._now = 0.0
        self._draw = random.Random(f"{seed}:loop").random
        self._made = 0
        self._tasks: dict[SimTask, None] = {}
        self._timers: list[tuple[float, int, TimerHandle]] = []
        self._outside = copy_context()
        self.set_task_factory(self._new_task)

    def time(self) -> float:
        return self._now

    def create_future(self) -> SimFuture:
        return SimFuture(loop=self)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: object,
        context: Context | None = None,
    ) -> TimerHandle:  # fmt: skip
        timer = TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, self.next_number(), timer))
        return timer

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> Handle:
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(self, *_: object) -> Any:
        raise AssertionError("a thread was asked for: simulated parts have none")

    def later(self, seconds: float, act: Callable[..., object], *args: object) -> None:
        """Done by the world outside, whatever becomes of the process that caused it."""
        self.call_later(seconds, act, *args, context=self._outside)

    def wake(self, process: SimProcess) -> None:
        """It slept, and goes on where it was."""
        process.asleep = False
        self._ready.extend(process.kept)
        process.kept.clear()

    def bury(self) -> None:
        """End of the run: close what never ended, whatever it says to that."""
        for task in self._tasks:
            if not task.done():
                task._log_destroy_pending = False
                _close(task.get_coro())
        self._tasks.clear()
        self._ready.clear()
        self._timers.clear()
        self.close()

    def _run_once(self) -> None:
        """One callback: any of those that are ready, else the clock moves on to the next timer."""
        ready = self._ready
        while not ready:
            self._move_on()
        if len(ready) == 1:
            handle = ready.popleft()
        else:
            at = int(self._draw() * len(ready))
            handle = ready[at]
            del ready[at]
        if handle._cancelled:
            return
        process = handle._context.get(PROCESS)
        if process is not None and not process.running:
            process.kept.append(handle)
            return
        self.steps += 1
        if self.steps > STEPS_MOST:
            raise AssertionError("the run turns in circles")
        handle._run()

    def _move_on(self) -> None:
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if not timers:
            raise AssertionError("everybody waits for somebody")
        self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            self._ready.append(heapq.heappop(timers)[2])

    def _new_task(
        self, loop: asyncio.AbstractEventLoop, coro: Any, context: Context | None = None
    ) -> SimTask:
        task = SimTask(coro, loop=loop, context=context)
        self._tasks[task] = None
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)  # type: ignore[call-overload]

    def next_number(self) -> int:
        self._made += 1
        return self._made

    def _process_events(self, event_list: object) -> None:
        """There are none."""


def _close(coroutine: Any) -> None:
    """Each `finally` on its way may try to await something; there is nobody left to wait for."""
    for _ in range(20):
        with suppress(BaseException):
            coroutine.close()
            return
