"""Fifty uploads of 20 MB at once through real HTTP: memory, speed, and how long the loop stood."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from libs.identity.sessions import Session, mint_session_token
from tests.bench import Row
from tests.bench._attachments_server import KEYS
from tests.bench._http import cpu_seconds
from tests.servers import await_port, free_port

UPLOADS: Final = 50
FILE_BYTES: Final = 20_000_000
ROUNDS: Final = 2
MEGABYTE: Final = 1e6
_BOUNDARY: Final = b"handoff-bench"
_BEFORE: Final = (
    b'--%s\r\nContent-Disposition: form-data; name="file"; filename="list.pdf"\r\n'
    b"Content-Type: application/pdf\r\n\r\n" % _BOUNDARY
)
_AFTER: Final = b"\r\n--%s--\r\n" % _BOUNDARY


def main() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="ha") as name:
        folder = Path(name)
        file = folder / "list.pdf"
        file.write_bytes(b"%PDF-1.7\n" + bytes(FILE_BYTES - 15) + b"%%EOF\n")
        (folder / "floor").mkdir()
        with _server("floor", folder / "floor") as (port, _):
            floor = max(_upload_all(port, file) for _ in range(ROUNDS))
        rates, growth = [], 0.0
        with _server("ours", folder) as (port, pid):
            _upload(port, file)
            for _ in range(ROUNDS):
                with _watched(pid) as memory:
                    rates.append(_upload_all(port, file))
                growth = max(growth, memory[1] - memory[0])
            busy = cpu_seconds(pid)
            blocked = float((folder / "blocked").read_text())
        _check(folder)
    return [
        Row(
            "attachments: 50 files of 20 MB at once, in total",
            "MB/s",
            max(rates),
            200,
            "more",
            floor,
        ),
        Row("attachments: memory it grew by meanwhile", "MB", growth, 40, "less"),
        Row("attachments: its CPU, all threads, for 1 GB", "s", busy / ROUNDS),
        Row("attachments: longest turn of the loop, its own work", "ms", blocked, 5, "less"),
    ]


def _upload_all(port: int, file: Path) -> float:
    """Megabytes a second."""
    began = time.perf_counter()
    with ThreadPoolExecutor(UPLOADS) as pool:
        list(pool.map(lambda _: _upload(port, file), range(UPLOADS)))
    return UPLOADS * FILE_BYTES / MEGABYTE / (time.perf_counter() - began)


def _upload(port: int, file: Path) -> None:
    """The kernel copies: the client must not be what is measured."""
    token = mint_session_token(
        KEYS, Session(shop="craigs", visitors=("v_ana",), expires=int(time.time()) + 600)
    )
    head = (
        f"POST /api/chatkit/attachment HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {token}\r\nConnection: close\r\n"
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY.decode()}\r\n"
        f"Content-Length: {len(_BEFORE) + FILE_BYTES + len(_AFTER)}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.sendall(head + _BEFORE)
        with file.open("rb") as source:
            connection.sendfile(source)
        connection.sendall(_AFTER)
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 200"), answer[:300]


@contextlib.contextmanager
def _watched(pid: int) -> Iterator[list[float]]:
    """Megabytes of the process itself, before and at its largest."""
    memory, done = [_memory(pid), 0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            memory[1] = max(memory[1], _memory(pid))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield memory
    finally:
        done.set()
        thread.join()


def _memory(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / MEGABYTE
    raise AssertionError("no Pss in smaps_rollup")


def _check(folder: Path) -> None:
    """Everything arrived whole."""
    kept = [*(folder / "blobs" / "chatkit-attachments").iterdir()]
    assert len(kept) == UPLOADS * ROUNDS + 1
    assert {file.stat().st_size for file in kept} == {FILE_BYTES}
    records = [*(folder / "blobs" / "attachments").iterdir()]
    assert all(json.loads(file.read_text())["size_bytes"] == FILE_BYTES for file in records)


@contextlib.contextmanager
def _server(what: str, folder: Path) -> Iterator[tuple[int, int]]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench._attachments_server", str(port), what, folder],
        env=dict(os.environ),
    )
    try:
        await_port(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(20)
