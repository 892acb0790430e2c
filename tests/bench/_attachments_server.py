"""`python -m tests.bench._attachments_server PORT ours|floor FOLDER`: where the uploads go.

Ours is the service's own edge, without Redis and with room for files of 20 MB. The floor writes the
bytes of the request to one file and flushes it, on the loop.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, cast

import uvloop
from aiohttp import web

from libs.blobs.folder import open_folder
from libs.runtime.clock import SystemClock
from libs.runtime.ids import random_id
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.web.edge import Edge
from libs.web.requests import Requests
from libs.web.server import EdgeServer
from services.attachments.adapters.child import ChildDarkroom
from services.attachments.handlers import Attachments
from services.attachments.http import AttachmentSite

KEYS: Final = ("bench-key-" + "k" * 32,)
LARGEST_BYTES: Final = 32 * 1024 * 1024
TICK_SECONDS: Final = 0.001


class Unlimited:
    async def spend(self, shop: str, visitor: str, size_bytes: int) -> bool:
        return True

    async def give_back(self, shop: str, visitor: str, size_bytes: int) -> None: ...


async def serve(port: int, folder: Path) -> None:
    spool = folder / "spool"
    spool.mkdir()
    async with AsyncExitStack() as stack:
        attachments = Attachments(
            blobs=await open_folder(folder / "blobs"),
            darkroom=ChildDarkroom(),
            allowance=Unlimited(),
            spool=spool,
            largest_bytes=LARGEST_BYTES,
        )
        url = f"http://127.0.0.1:{port}"
        site = AttachmentSite(attachments, KEYS, url, SystemClock(), random_id, Metrics())
        log = Log("attachments", level="error")
        edge = Edge(site.routes(), log, Requests("attachments", log, Metrics(), SystemClock()))
        runner = web.ServerRunner(EdgeServer(edge))
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", port, backlog=256).start()
        gc.freeze()  # as the service does
        await _watch_the_loop(folder / "blocked")


async def _watch_the_loop(file: Path) -> None:
    """The longest that the loop did not turn, in ms of its own work: as `house-style` asks."""
    loop, worst = asyncio.get_running_loop(), 0.0
    while True:
        began, busy = loop.time(), _thread_seconds()
        await asyncio.sleep(TICK_SECONDS)
        late = min(loop.time() - began - TICK_SECONDS, _thread_seconds() - busy)
        if late > worst:
            worst = late
            _note(file, worst)


def _note(file: Path, seconds: float) -> None:
    file.write_text(f"{seconds * 1e3:.3f}")


def _thread_seconds() -> float:
    """Not charged for a machine that is busy with something else."""
    return time.thread_time()


class Sink(asyncio.Protocol):
    """Writes what was announced to the disk, once and to stay, and says so."""

    def __init__(self, folder: Path) -> None:
        self._left = -1
        self._file = (folder / random_id()).open("wb", buffering=0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            head, _, data = data.partition(b"\r\n\r\n")
            at = head.index(b"Content-Length: ") + 16
            self._left = int(head[at:].partition(b"\r\n")[0])
        self._left -= self._file.write(data)
        if not self._left:
            os.fsync(self._file.fileno())
            self._file.close()
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


async def sink(port: int, folder: Path) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: Sink(folder), "127.0.0.1", port, backlog=256
    )
    await server.serve_forever()


def main() -> None:
    port, what, folder = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    uvloop.run({"floor": sink, "ours": serve}[what](port, folder))


if __name__ == "__main__":
    main()
