"""An event loop on virtual time: no selector, no threads, and the next callback drawn by a seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from typing import Any, Self

END_SLEEP = asyncio.futures._set_result_unless_cancelled  # type: ignore[attr-defined]
"""What `asyncio.sleep` asks for: a third of all callbacks."""
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
        self.at_work: list[str] = []
        """The threads that a lead handler of it considers."""
        self.slept_over: list[str] = []
        """These, and those it had been handed, when it fell asleep."""
        self.kept: list[SimHandle] = []
        """What it would have done next: held back while asleep; never done if dead."""

    def die(self) -> None:
        """`kill -9`: nothing of it runs any more, no `finally` either."""
        self.alive = False


PROCESS: ContextVar[SimProcess | None] = ContextVar("process", default=None)
"""Whose code is running; None: the world outside."""


class SimTask(asyncio.Task[Any]):
    """Sets of tasks are walked in the order of their making, in every run alike."""

    number: int
    process: SimProcess | None
    """Whose it is."""

    def __new__(cls, *_: object, loop: SimLoop, **__: object) -> Self:
        task = super().__new__(cls)
        task.number = loop.next_number()
        return task

    def __hash__(self) -> int:
        return self.number


class SimHandle:
    """A callback to come: what asyncio needs of a Handle, and nothing for debugging."""

    __slots__ = ("args", "callback", "cancelled", "context", "due")

    def __init__(
        self, callback: Callable[..., object], args: tuple[object, ...], context: Context | None
    ) -> None:
        self.callback = callback
        self.args = args
        self.context = context if context is not None else copy_context()
        self.cancelled = False
        self.due = 0.0

    def cancel(self) -> None:
        self.cancelled = True

    def when(self) -> float:
        return self.due


class SimLoop(asyncio.BaseEventLoop):
    def __init__(self, seed: str) -> None:
        super().__init__()
        self.on_their_way = 0
        """How many acts of the world outside are still to come."""
        self.now = 0.0
        """`time()`, for who asks often."""
        self._draw = random.Random(f"{seed}:loop").random
        self._made = 0
        self._tasks: list[SimTask] = []
        self._ready: list[SimHandle] = []
        self._timers: list[tuple[float, int, SimHandle]] = []
        self._outside = copy_context()
        self.set_task_factory(self._new_task)

    def time(self) -> float:
        return self.now

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> SimHandle:
        handle = SimHandle(callback, args, context)
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: object,
        context: Context | None = None,
    ) -> SimHandle:  # fmt: skip
        return self._timed(self.now + delay, callback, args, context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: object,
        context: Context | None = None,
    ) -> SimHandle:  # fmt: skip
        return self._timed(when, callback, args, context)

    def _timed(
        self, when: float, callback: Callable[..., object], args: tuple[object, ...],
        context: Context | None,
    ) -> SimHandle:  # fmt: skip
        handle = SimHandle(callback, args, context)
        handle.due = when
        self._made += 1
        heappush(self._timers, (when, self._made, handle))
        return handle

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> SimHandle:
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(self, *_: object) -> Any:
        raise AssertionError("a thread was asked for: simulated parts have none")

    def passing(self, seconds: float) -> asyncio.Future[None]:
        """To be awaited: `asyncio.sleep` for who sleeps most, and in a third of its time."""
        future: asyncio.Future[None] = asyncio.Future(loop=self)
        self._timed(self.now + seconds, END_SLEEP, (future, None), self._outside)
        return future

    def later(self, seconds: float, act: Callable[..., object], *args: object) -> None:
        """Done by the world outside, whatever becomes of the process that caused it."""
        self.on_their_way += 1
        self.call_later(seconds, self._arrive, act, args, context=self._outside)

    def _arrive(self, act: Callable[..., object], args: tuple[object, ...]) -> None:
        self.on_their_way -= 1
        act(*args)

    def wake(self, process: SimProcess) -> None:
        """It slept, and goes on where it was."""
        process.asleep = False
        self._ready.extend(process.kept)
        process.kept.clear()

    def unheard(self) -> list[BaseException]:
        """What ended a task that nobody waits for. The dead might yet have come to it."""
        done = [task for task in self._tasks if task.done() and task._log_traceback]
        living = [task for task in done if not task.process or task.process.alive]
        return [error for task in living if (error := task.exception())]

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
        """Callback by callback: any of those that are ready, else the clock moves on.

        A fifth of a run's time goes by in here: nothing is called that need not be.
        """
        ready, draw = self._ready, self._draw
        for _ in range(STEPS_MOST):
            if self._stopping:
                return
            while not ready:
                self._move_on()
            if len(ready) > 1:  # the one that is drawn changes places with the last
                at = int(draw() * len(ready))
                ready[at], ready[-1] = ready[-1], ready[at]
            handle = ready.pop()
            if handle.cancelled:
                continue
            process = handle.context.get(PROCESS)
            if process is not None and (process.asleep or not process.alive):
                process.kept.append(handle)  # a sleeper does it later, a dead process never
                continue
            try:
                handle.context.run(handle.callback, *handle.args)
            except Exception as error:  # noqa: BLE001 - as any loop does; the world counts it
                self.call_exception_handler({"message": "a callback failed", "exception": error})
        raise AssertionError("the run turns in circles")

    def _move_on(self) -> None:
        timers, ready = self._timers, self._ready
        while timers and timers[0][2].cancelled:
            heappop(timers)
        if not timers:
            raise AssertionError("everybody waits for somebody")
        now = self.now = max(timers[0][0], self.now)  # some are due already
        while timers and timers[0][0] <= now:
            handle = heappop(timers)[2]
            if handle.callback is not END_SLEEP:
                ready.append(handle)
            elif not handle.cancelled:  # nothing happens but that the sleeper is ready, too
                future, result = handle.args
                if not future.cancelled():
                    future.set_result(result)

    def _new_task(
        self, loop: asyncio.AbstractEventLoop, coro: Any, context: Context | None = None
    ) -> SimTask:
        task = SimTask(coro, loop=self, context=context)
        task.process = PROCESS.get() if context is None else context.get(PROCESS)
        self._tasks.append(task)
        return task

    def next_number(self) -> int:
        self._made += 1
        return self._made

    def _process_events(self, event_list: object) -> None:
        """There are none."""


def _close(coroutine: Any) -> None:
    """From within: each `finally` on the way may try to await something, and is left for that."""
    if inner := getattr(coroutine, "cr_await", None):
        _close(inner)
    if not hasattr(coroutine, "close"):  # a future
        return
    for _ in range(20):
        with suppress(BaseException):
            coroutine.close()
            return
