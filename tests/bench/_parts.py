"""A part of a benchmark in a process of its own: ready, go, report."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

Report = dict[str, float]


class Part:
    """Starts at once and waits; its report carries `started`, `ended` (epoch) and `cpu` seconds."""

    def __init__(self, role: Callable[..., Report], *args: Any) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=_live, args=(theirs, role, args), daemon=True)
        self._process.start()
        assert self._pipe.recv() == "ready"

    def go(self) -> None:
        self._pipe.send("go")

    def report(self) -> Report:
        found: Report = self._pipe.recv()
        self._process.join()
        return found

    def run(self) -> Report:
        self.go()
        return self.report()


def _live(pipe: Connection, role: Callable[..., Report], args: tuple[Any, ...]) -> None:
    pipe.send("ready")
    pipe.recv()
    started, cpu = time.time(), time.process_time()
    report = role(*args)
    measured = {"started": started, "ended": time.time(), "cpu": time.process_time() - cpu}
    pipe.send({**measured, **report})


def percentiles(millis: list[float]) -> Report:
    cuts = statistics.quantiles(millis, n=100)
    return {"p50": cuts[49], "p99": cuts[98]}
