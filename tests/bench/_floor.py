"""What Python can do at most: packed by hand, blocking sockets, no types, handlers or retries."""

from __future__ import annotations

import socket
import time
from typing import Any
from urllib.parse import urlsplit

import hiredis

from tests.bench._parts import Part, Report, percentiles

KEY = "{bench}:floor"
BATCH = 256


class Wire:
    def __init__(self, url: str) -> None:
        at = urlsplit(url)
        self._socket = socket.create_connection((at.hostname, at.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = hiredis.Reader()

    def ask(self, *commands: tuple[Any, ...]) -> list[Any]:
        return self.send(b"".join(hiredis.pack_command(c) for c in commands), len(commands))

    def send(self, packed: bytes, replies: int) -> list[Any]:
        self._socket.sendall(packed)
        found: list[Any] = []
        while len(found) < replies:
            while (reply := self._reader.gets()) is False:
                self._reader.feed(self._socket.recv(262_144))
            found.append(reply)
        return found


def measure(url: str, body: bytes, count: int, paced: int, per_second: int) -> Report:
    alone = Part(consume, url, count, body), Part(produce, url, count, body)
    alone[1].run()
    drained = alone[0].run()
    reader, writer = Part(consume, url, count, body), Part(produce, url, count, body)
    reader.go()
    started = writer.run()["started"]
    both = reader.report()
    reader, writer = Part(stamp, url, paced, body), Part(pace, url, paced, per_second)
    reader.go()
    writer.run()
    return {
        "alone": count / (drained["ended"] - drained["started"]),
        "cpu": drained["cpu"] * 1e6 / count,
        "both": count / (both["ended"] - started),
        **{name: value for name, value in reader.report().items() if name.startswith("p")},
    }


def produce(url: str, count: int, body: bytes) -> Report:
    wire = Wire(url)
    packed = hiredis.pack_command(("XADD", KEY, "*", "e", body)) * BATCH
    for _ in range(count // BATCH + 1):
        wire.send(packed, BATCH)
    return {}


def consume(url: str, count: int, _: bytes) -> Report:
    wire, seen = Wire(url), 0
    _group(wire)
    settle: list[tuple[Any, ...]] = []
    while seen < count:
        entries = wire.ask(*settle, _READ)[-1][0][1]
        ids = [entry[0] for entry in entries]
        settle = [("XACK", KEY, "g", *ids), ("XDEL", KEY, *ids)]
        seen += len(ids)
    wire.ask(*settle, ("DEL", KEY))
    return {}


def pace(url: str, count: int, per_second: int) -> Report:
    wire, start = Wire(url), time.perf_counter()
    for number in range(count):
        time.sleep(max(0.0, start + number / per_second - time.perf_counter()))
        wire.ask(("XADD", KEY, "*", "e", time.time_ns()))
    return {}


def stamp(url: str, count: int, _: bytes) -> Report:
    wire, late = Wire(url), list[float]()
    _group(wire)
    settle: list[tuple[Any, ...]] = []
    while len(late) < count:
        entries = wire.ask(*settle, _READ)[-1][0][1]
        now = time.time_ns()
        late += [(now - int(fields[1])) / 1e6 for _, fields in entries]
        ids = [entry[0] for entry in entries]
        settle = [("XACK", KEY, "g", *ids), ("XDEL", KEY, *ids)]
    return percentiles(late)


_READ = ("XREADGROUP", "GROUP", "g", "c", "COUNT", 100, "BLOCK", 5000, "STREAMS", KEY, ">")


def _group(wire: Wire) -> None:
    wire.ask(("XGROUP", "CREATE", KEY, "g", "0", "MKSTREAM"))
