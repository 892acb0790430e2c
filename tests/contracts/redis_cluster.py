"""A Redis Cluster of three masters, and a Sentinel with a master and its replica, on loopback."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import redis

from tests import needs, servers
from tests.servers import RedisServer


def _need(*names: str) -> None:
    for name in names:
        if shutil.which(name) is None:
            needs.missing(name)


def _until(true: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(redis.RedisError, OSError):
            if true():
                return
        time.sleep(0.02)
    raise TimeoutError(what)


@contextlib.contextmanager
def cluster() -> Iterator[list[RedisServer]]:
    """Three masters, all slots covered."""
    _need("redis-server", "redis-cli")
    with ExitStack() as stack:
        nodes = [stack.enter_context(_node()) for _ in range(3)]
        addresses = [f"127.0.0.1:{node.port}" for node in nodes]
        subprocess.run(
            ["redis-cli", "--cluster", "create", *addresses, "--cluster-yes"],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        for node in nodes:
            _until(lambda n=node: _says_ok(n), "the cluster is not ok")
        yield nodes


@contextlib.contextmanager
def slot_on_the_move(nodes: list[RedisServer], key: str) -> Iterator[None]:
    """The slot of a key leaves its node for another; in the end it stays where it was."""
    with ExitStack() as stack:
        clients = [stack.enter_context(redis.Redis(port=node.port)) for node in nodes]
        slot = clients[0].cluster("KEYSLOT", key)
        clients.sort(key=lambda client: not _holds(client, key))
        (here, here_id), (there, there_id), *_ = [(each, each.cluster("MYID")) for each in clients]
        there.cluster("SETSLOT", slot, "IMPORTING", here_id)
        here.cluster("SETSLOT", slot, "MIGRATING", there_id)
        try:
            yield
        finally:
            here.cluster("SETSLOT", slot, "STABLE")
            there.cluster("SETSLOT", slot, "STABLE")


def _holds(client: redis.Redis, key: str) -> bool:
    with contextlib.suppress(redis.ResponseError):
        return client.exists(key) is not None
    return False


@contextlib.contextmanager
def _node() -> Iterator[RedisServer]:
    # The bus port is the port + 10,000, so the port must leave room for it.
    port = _low_port()
    with tempfile.TemporaryDirectory(prefix="hc") as folder:
        node = RedisServer(
            port, Path(folder), "redis-server",
            ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000"),
        )  # fmt: skip
        node.start()
        try:
            yield node
        finally:
            node.stop(signal.SIGKILL)


def _low_port() -> int:
    for _ in range(100):
        port = servers.free_port()
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for number in (port, port + 10_000):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", number))
            return port
    raise OSError("no pair of free ports")


def _says_ok(node: RedisServer) -> bool:
    with redis.Redis(port=node.port) as client:
        info = client.execute_command("CLUSTER", "INFO")
    text = info if isinstance(info, str) else str(info)
    return "'cluster_state': 'ok'" in text or "cluster_state:ok" in text


@dataclass
class Watched:
    """A master, its replica, and the sentinel that watches them."""

    master: RedisServer
    replica: RedisServer
    sentinel_port: int

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{self.sentinel_port}/shop/0"

    def await_replica(self) -> None:
        """Until what the master accepted is also on its replica."""
        with redis.Redis(port=self.master.port) as client:
            _until(lambda: client.wait(1, 1000) == 1, "the replica does not follow")

    def await_failover(self) -> None:
        with redis.Redis(port=self.replica.port) as client:
            _until(lambda: client.role()[0] in {b"master", "master"}, "nobody took over")


@contextlib.contextmanager
def sentinel() -> Iterator[Watched]:
    _need("redis-server")
    with ExitStack() as stack:
        master = stack.enter_context(servers.redis_server())
        replica = stack.enter_context(
            servers.redis_server("--replicaof", "127.0.0.1", str(master.port))
        )
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hs"))
        port = servers.free_port()
        config = Path(folder) / "sentinel.conf"
        config.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor shop 127.0.0.1 {master.port} 1\n"
            "sentinel down-after-milliseconds shop 700\n"
            "sentinel failover-timeout shop 3000\n"
        )
        process = subprocess.Popen(
            ["redis-server", str(config), "--sentinel"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        stack.callback(process.wait)
        stack.callback(process.kill)
        watched = Watched(master, replica, port)
        watched.await_replica()
        _until(lambda: _knows_replica(port), "the sentinel does not know the replica")
        yield watched


def _knows_replica(port: int) -> bool:
    with redis.Redis(port=port) as client:
        return len(client.sentinel_slaves("shop")) == 1
