"""A load of HTTP requests: 64 connections, one request in flight on each, nothing but bytes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from itertools import cycle
from typing import Any, Final

import uvloop

from tests.bench._parts import Part, Report, percentiles

CONNECTIONS: Final = 64
WARM_SECONDS: Final = 0.5


def drive(port: int, pid: int, requests: Sequence[bytes], seconds: float) -> Report:
    """Requests a second, latency in ms, and the server's CPU in µs per request."""
    return Part(_load, port, pid, tuple(requests), seconds).run()


def keep_to_core(number: int) -> None:
    """The server has one core to itself; who loads it and its Redis share the other."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[number % len(cores)]})


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 - no file, a question to the kernel
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _load(port: int, pid: int, requests: tuple[bytes, ...], seconds: float) -> Report:
    keep_to_core(1)
    return uvloop.run(_measure(port, pid, requests, seconds))


async def _measure(port: int, pid: int, requests: tuple[bytes, ...], seconds: float) -> Report:
    loop, load = asyncio.get_running_loop(), _Load(requests)
    opened = [
        await loop.create_connection(lambda: _Connection(load), "127.0.0.1", port)
        for _ in range(CONNECTIONS)
    ]
    await asyncio.sleep(WARM_SECONDS)
    load.millis.clear()
    began, busy = time.perf_counter(), cpu_seconds(pid)
    await asyncio.sleep(seconds)
    millis, passed = list(load.millis), time.perf_counter() - began
    used = cpu_seconds(pid) - busy
    for transport, _ in opened:
        transport.abort()
    assert not load.wrong, f"not every answer was as expected: {load.wrong[:300]!r}"
    return {"rate": len(millis) / passed, "micros": used / len(millis) * 1e6, **percentiles(millis)}


class _Load:
    def __init__(self, requests: tuple[bytes, ...]) -> None:
        self.next = cycle(requests).__next__
        self.millis: list[float] = []
        self.wrong = b""


class _Connection(asyncio.Protocol):
    def __init__(self, load: _Load) -> None:
        self._load = load
        self._head = b""
        self._whole = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._load.next())

    def data_received(self, data: bytes) -> None:
        self._head += data
        if not self._whole:
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            self._whole = end + 4 + _length(self._head[:end])
        if len(self._head) < self._whole:
            return
        if not self._head.startswith(b"HTTP/1.1 20"):
            self._load.wrong = self._head
        self._load.millis.append((time.perf_counter() - self._sent) * 1e3)
        self._head, self._whole = b"", 0
        self._send()


def _length(head: bytes) -> int:
    at = head.find(b"Content-Length: ") + 16
    return int(head[at:].partition(b"\r\n")[0])
