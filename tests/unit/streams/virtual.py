"""Time that jumps: a loop that never waits, and a process of the streams on its clock."""

from __future__ import annotations

import asyncio
import io
import itertools
import random
from collections.abc import Coroutine
from typing import Any, TypeVar

from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.streams.broker import Broker
from libs.streams.process import Process
from libs.streams.streams import Streams

T = TypeVar("T")
EPOCH = 1_800_000_000.0


class VirtualLoop(asyncio.SelectorEventLoop):
    """When nothing is ready, it is already later."""

    _now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self._now = max(self._now, self._scheduled[0]._when)
        super()._run_once()


class LoopClock:
    def now(self) -> float:
        return EPOCH + asyncio.get_running_loop().time()

    def boot(self) -> float:
        return asyncio.get_running_loop().time()


def in_virtual_time(story: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story)


_numbers = itertools.count(1)


def process(name: str = "test", *, level: str = "error", out: io.StringIO | None = None) -> Process:
    return Process(
        reader=f"{name}-{next(_numbers)}",
        metrics=Metrics(),
        log=Log(name, level=level, out=out or io.StringIO(), clock=LoopClock()),
        clock=LoopClock(),
        rng=random.Random(1),
        new_id=lambda: f"id{next(_numbers)}",
    )


def streams(broker: Broker, name: str = "test") -> Streams:
    return Streams(broker, process(name))
