"""Sixty bombs at the attachments service in a process of its own: it stays up, and small."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from libs.identity.sessions import Session, mint_session_token
from tests import pictures
from tests.bench._attachments_server import KEYS
from tests.servers import await_port, free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

STATUS = {"bomb": 413, "frames": 413, "unreadable": 415, "developed": 200}
AT_ONCE = 16


@dataclass
class Memory:
    """Megabytes of the service: at its largest, and together with its children when looked at."""

    pid: int
    together: list[float] = field(default_factory=list)

    def largest(self) -> float:
        """The kernel keeps it, whoever looks and when."""
        return _megabytes(str(self.pid), "status", "VmHWM:")

    def look(self) -> None:
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        pids = [str(self.pid), *listed.split()]
        self.together.append(sum(_megabytes(pid, "smaps_rollup", "Pss:") for pid in pids))

    async def watch(self) -> None:
        """A look costs milliseconds a process, and no child lives for less than one of these."""
        while True:
            self.look()
            await asyncio.sleep(0.1)


def _megabytes(pid: str, file: str, field: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith(field)) / 1e3


@contextmanager
def service(folder: Path) -> Iterator[tuple[str, int]]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench._attachments_server", str(port), "ours", folder]
    )
    try:
        await_port(port)
        yield f"http://127.0.0.1:{port}/api/chatkit/attachment", process.pid
    finally:
        process.terminate()
        process.wait(20)


async def test_sixty_bombs_neither_stop_it_nor_make_it_large(tmp_path: Path) -> None:
    bombs, gate = list(pictures.bombs()), asyncio.Semaphore(AT_ONCE)
    async with AsyncExitStack() as stack:
        url, pid = stack.enter_context(service(tmp_path))
        http, memory = await stack.enter_async_context(aiohttp.ClientSession()), Memory(pid)

        async def upload(visitor: str, kind: str, body: bytes) -> int:
            token = mint_session_token(
                KEYS, Session(shop="craigs", visitors=(visitor,), expires=int(time.time()) + 600)
            )
            form = aiohttp.FormData()
            form.add_field("file", body, filename="photo", content_type=kind)
            headers = {"Authorization": f"Bearer {token}"}
            async with http.post(url, data=form, headers=headers) as answer:
                return answer.status

        async def throw(number: int, kind: str, body: bytes) -> int:
            async with gate:
                return await upload(f"v_{number % AT_ONCE}", kind, body)

        assert await upload("v_first", "image/jpeg", pictures.encoded("image/jpeg")) == 200
        at_first = memory.largest()
        watching = asyncio.create_task(memory.watch())
        thrown = [
            asyncio.create_task(throw(number, kind, body))
            for number, (_, kind, body, _) in enumerate(bombs)
        ]
        await asyncio.wait(thrown, return_when=asyncio.FIRST_COMPLETED)
        meanwhile = await upload("v_ana", "image/heic", pictures.encoded("image/heic"))
        unfinished = [one for one in thrown if not one.done()]
        statuses = await asyncio.gather(*thrown)
        watching.cancel()
        afterwards = await upload("v_ana", "image/png", pictures.encoded("image/png"))
        grown = memory.largest() - at_first

    assert statuses == [STATUS[expected] for *_, expected in bombs]
    assert unfinished, "she was served in between"
    assert (meanwhile, afterwards) == (200, 200)
    assert 0 <= grown < 40
    assert max(memory.together) < 600
    assert [*(tmp_path / "spool").iterdir()] == []
