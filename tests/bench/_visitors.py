"""Visitors who chat, all in one process: sockets and bytes, so that the bench measures us."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import time
from typing import Any, Final

import uvloop

from libs.identity.sessions import Session, mint_session_token
from tests.bench._http import cpu_seconds
from tests.bench._model import WORD_SECONDS, asks_for
from tests.bench._parts import Report, percentiles

CHATS: Final = 200
ALONE: Final = 12
ROUNDS: Final = 3
ARRIVE_SECONDS: Final = 1.0
SHORT: Final = 40
"""Words of an answer, which then takes 1.5 to 3 seconds with what the model thinks before."""
LONG: Final = 320
"""Which takes 8.5 to 10."""
STREAMING_SECONDS: Final = 15.0
ORIGIN: Final = "https://craigs.autos"
_STAMP: Final = re.compile(rb'"delta": ?"(\d+\.\d{6}) "')
_THREAD: Final = re.compile(rb"cthr_[\w-]+")


class Shape:
    """Of the answers of one kind of load."""

    def __init__(self) -> None:
        self.millis: list[float] = []
        self.asked = self.whole = 0


class Visitor(asyncio.Protocol):
    """One visitor on one connection, who says one thing after another in one thread."""

    def __init__(self, place: tuple[int, str], name: str) -> None:
        self._port, key = place
        session = Session(shop="craigs", visitors=(name,), expires=int(time.time()) + 600)
        self._token = mint_session_token((key,), session)
        self._transport: Any = None
        self._thread = ""

    async def ask(self, words: int, shape: Shape, *, timed: bool = True) -> None:
        loop = asyncio.get_running_loop()
        self._heard, self._late, self._end = bytearray(), 0.0, loop.create_future()
        if self._transport is None:
            await loop.create_connection(lambda: self, "127.0.0.1", self._port)
        self._transport.write(self._request(words))
        await self._end
        shape.asked += 1
        shape.whole += self._is_whole(words)
        if timed and self._late:
            shape.millis.append(self._late)
        if thread := _THREAD.search(self._heard):
            self._thread = thread[0].decode()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if not self._late and (stamp := _STAMP.search(self._heard)):
            self._late = (time.monotonic() - float(stamp[1])) * 1000
        refused = not self._heard.startswith(b"HTTP/1.1 200")
        if (refused or self._heard.endswith(b"\r\n0\r\n\r\n")) and not self._end.done():
            self._end.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self._end.done():
            self._end.set_result(None)

    def _request(self, words: int) -> bytes:
        said = {
            "content": [{"type": "input_text", "text": asks_for(words)}],
            "attachments": [],
            "inference_options": {},
        }
        wish = {"type": "threads.create", "params": {"input": said}}
        if self._thread:
            params = {"input": said, "thread_id": self._thread}
            wish = {"type": "threads.add_user_message", "params": params}
        body = json.dumps(wish).encode()
        head = (
            f"POST /api/chatkit HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nOrigin: {ORIGIN}\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _is_whole(self, words: int) -> bool:
        """All words, each once, and the event that says so."""
        said = b"".join(re.findall(rb'"delta": ?"([^"]*)"', self._heard)).split()
        expected = [f"word{number}".encode() for number in range(words)]
        return said[1:] == expected and b"item.done" in self._heard


def visit(port: int, key: str, pids: dict[str, tuple[int, ...]]) -> Report:
    """Latencies in ms, CPU in ms per answer by the names of `pids`; ours is part of "bench"."""
    return uvloop.run(_visit((port, key), {**pids, "bench": (os.getpid(), *pids["bench"])}))


async def _visit(place: tuple[int, str], pids: dict[str, tuple[int, ...]]) -> Report:
    report: Report = {}
    await Visitor(place, "v_first").ask(4, Shape())  # imports, connections
    for name, load in (("alone", _alone), ("burst", _burst), ("streaming", _streaming)):
        shape, before = Shape(), _cpu(pids)
        await load(place, shape)
        spent = {what: after - before[what] for what, after in _cpu(pids).items()}
        report |= {f"{name} {what}": value for what, value in percentiles(shape.millis).items()}
        report |= {f"{name} {what}": each * 1000 / shape.asked for what, each in spent.items()}
        report |= {f"{name} asked": shape.asked, f"{name} whole": shape.whole}
    return report


def _cpu(pids: dict[str, tuple[int, ...]]) -> dict[str, float]:
    return {name: sum(map(cpu_seconds, those)) for name, those in pids.items()}


async def _alone(place: tuple[int, str], shape: Shape) -> None:
    """One after the other, nobody else is there."""
    visitor = Visitor(place, "v_alone")
    for _ in range(ALONE):
        await visitor.ask(4, shape)


async def _burst(place: tuple[int, str], shape: Shape) -> None:
    """All begin within a second, in new threads."""
    rng = random.Random(1)

    async def begin(name: str) -> None:
        await asyncio.sleep(rng.uniform(0, ARRIVE_SECONDS))
        await Visitor(place, name).ask(SHORT, shape)

    for number in range(ROUNDS):
        await asyncio.gather(*(begin(f"v_burst{number}_{n}") for n in range(CHATS)))


async def _streaming(place: tuple[int, str], shape: Shape) -> None:
    """As many answers at any moment as there are visitors: each asks again once it was told.

    They come one after the other; what is asked before all are there is not timed.
    """
    rng, began = random.Random(2), time.monotonic()
    all_there = LONG * WORD_SECONDS + 1

    async def go_on(name: str) -> None:
        visitor, passed = Visitor(place, name), 0.0
        await asyncio.sleep(rng.uniform(0, all_there))
        while passed < all_there + STREAMING_SECONDS:
            await visitor.ask(LONG, shape, timed=passed > all_there)
            passed = time.monotonic() - began

    await asyncio.gather(*(go_on(f"v_streaming{n}") for n in range(CHATS)))
