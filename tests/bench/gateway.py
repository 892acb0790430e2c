"""Requests a second of the gateway on one core: limits, origin, ids, logs and numbers included."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import redis

from libs.identity.visitors import visitor_id
from libs.leases.port import SentMark, sent_key
from tests.bench import Row
from tests.bench._http import drive, keep_to_core
from tests.bench._parts import Report
from tests.servers import RedisServer, await_port, free_port, redis_server

KEY: Final = "bench-key-" + "k" * 32
SECONDS: Final = 2.0
ROUNDS: Final = 3
VISITORS: Final = 2_000
LIMITS: Final = {
    f"LIMIT_TRIGGERS_PER_{whose}": "1000000/1" for whose in ("ADDRESS", "VISITOR", "THREAD")
}
"""Asked and charged on every request, and never in the way."""


def main() -> list[Row]:
    sent = [_request(f"cthr_{number:022}", "idle", number) for number in range(VISITORS)]
    first = [_request(f"cthr_f{number:021}", "pagehide", number) for number in range(VISITORS)]
    best: dict[str, Report] = {}
    with redis_server() as server, tempfile.TemporaryDirectory(prefix="hb") as folder:
        _pin(server)
        with (
            _floor() as plain,
            _floor(server.url) as with_redis,
            _gateway(server, Path(folder)) as ours,
        ):
            for _ in range(ROUNDS):
                _remember_sent(server)
                _keep_best(best, "plain", plain, sent)
                _keep_best(best, "redis", with_redis, sent)
                _keep_best(best, "sent", ours, sent)
                _keep_best(best, "first", ours, first)
    return _rows(best)


def _rows(best: Mapping[str, Report]) -> list[Row]:
    plain, with_redis, sent, first = (best[name] for name in ("plain", "redis", "sent", "first"))
    return [
        Row("gateway: floor, aiohttp without Redis", "req/s", plain["rate"]),
        Row("gateway: floor, aiohttp and a redis-py GET", "req/s", with_redis["rate"]),
        Row("gateway: trigger of a sent thread", "req/s", sent["rate"], 20_000, "more",
            plain["rate"]),
        Row("gateway: its p99, 64 connections", "ms", sent["p99"], 5, "less", plain["p99"]),
        Row("gateway: its CPU per request", "µs", sent["micros"], None, "less", plain["micros"]),
        Row("gateway: first trigger, in the stream", "req/s", first["rate"], 12_000, "more",
            with_redis["rate"]),
        Row("gateway: its p99, 64 connections", "ms", first["p99"], 8, "less", with_redis["p99"]),
        Row("gateway: its CPU per request", "µs", first["micros"], None, "less",
            with_redis["micros"]),
    ]  # fmt: skip


def _keep_best(
    best: dict[str, Report], name: str, server: tuple[int, int], requests: Sequence[bytes]
) -> None:
    """The round that the rest of the machine disturbed least, for floors and ours alike."""
    report = drive(*server, requests, SECONDS)
    if name not in best or report["rate"] > best[name]["rate"]:
        best[name] = report


def _request(thread_id: str, reason: str, number: int) -> bytes:
    body = msgspec.json.encode(
        {
            "threadId": thread_id, "reason": reason, "user": f"user-{number:016}",
            "locale": "en", "pageUrl": "https://craigs.autos/en/auto-upholstery/",
        }
    )  # fmt: skip
    return (
        b"POST /api/chatkit/lead HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://craigs.autos\r\n"
        b"Content-Type: application/json\r\nX-Request-ID: 0123456789abcdef%08d\r\n"
        b"Content-Length: %d\r\n\r\n" % (number, len(body))
    ) + body


def _remember_sent(server: RedisServer) -> None:
    with redis.Redis.from_url(server.url) as client, client.pipeline() as pipeline:
        pipeline.flushall()
        for number in range(VISITORS):
            visitor = visitor_id(KEY, f"user-{number:016}")
            mark = msgspec.json.encode(SentMark(visitor=visitor, sent_at=1_790_000_000.5))
            pipeline.set(sent_key("craigs", f"cthr_{number:022}"), mark)
        pipeline.execute()


def _pin(server: RedisServer) -> None:
    assert server.process
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(server.process.pid, {cores[1 % len(cores)]})


@contextlib.contextmanager
def _floor(redis_url: str = "") -> Iterator[tuple[int, int]]:
    port = free_port()
    command = ["-m", "tests.bench._http_floor", str(port), *([redis_url] if redis_url else [])]
    with _serving(command, port, {}, subprocess.DEVNULL) as pid:
        yield port, pid


@contextlib.contextmanager
def _gateway(server: RedisServer, folder: Path) -> Iterator[tuple[int, int]]:
    port = free_port()
    environ = {
        "REDIS_URL": server.url, "HANDOFF_DATA": str(folder), "HANDOFF_PORT": str(port),
        "SITE_KEYS": KEY, **LIMITS,
    }  # fmt: skip
    with (folder / "log").open("w") as log:
        with _serving(["-m", "services.gateway"], port, environ, log.fileno()) as pid:
            yield port, pid
        lines = (folder / "log").read_text().count('"event":"request"')
        assert lines > ROUNDS * 1000, "the log is part of the work"


@contextlib.contextmanager
def _serving(command: list[str], port: int, environ: Mapping[str, str], log: int) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, **environ},
        stderr=log,
        preexec_fn=lambda: keep_to_core(0),  # noqa: PLW1509 - no threads here
    )
    try:
        await_port(port, seconds=30)
        time.sleep(0.2)
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)
