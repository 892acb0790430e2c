"""One lead at a time through lead and mailer as deployed: how soon the provider is called."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final

import redis
import uvloop

from libs.ledger.record import LeadKey
from libs.ledger.sqlite import open_sqlite
from libs.messages.lead import ConsiderLead
from libs.messages.mail import LeadMailSent
from libs.streams.streams import Streams
from tests.bench import Row
from tests.bench._leads import CountingModel, CountingSmtp, environment, seed, service, streams_of
from tests.bench._parts import Part, Report, percentiles
from tests.flow.test_lead import STREAM_KEYS, commands
from tests.servers import redis_server

LEADS: Final = 200
WARM: Final = 30
PAUSE_SECONDS: Final = 0.01
"""Between two leads: what follows the call (receipt, record, ack) is over."""


def main() -> list[Row]:
    with redis_server() as server, tempfile.TemporaryDirectory(prefix="hb") as folder:
        floor = _floor(server.url, Path(folder))
        rules = uvloop.run(_through(server.url, Path(folder) / "rules"))
        asked = uvloop.run(_asking(server.url, Path(folder) / "model"))
    return [
        Row("lead: floor, two bare hops and three FULL writes, p50", "ms", floor["p50"]),
        Row("lead: the same, p99", "ms", floor["p99"]),
        Row("lead: trigger to provider call, summary by rule, p50", "ms", rules["p50"], 8, "less",
            floor["p50"]),
        Row("lead: the same, p99", "ms", rules["p99"], 25, "less", floor["p99"]),
        Row("lead: trigger to provider call, model stand-in, p50", "ms", asked["p50"], 8, "less",
            floor["p50"]),
        Row("lead: the same, p99", "ms", asked["p99"], 25, "less", floor["p99"]),
        Row("lead: model calls per lead", "calls", asked["calls"], 1, "less"),
        Row("lead: Redis commands per lead after admission", "commands", asked["commands"], 8,
            "less"),
        Row("lead: record writes per lead", "writes", asked["writes"], 3, "less"),
    ]  # fmt: skip


async def _asking(redis_url: str, data: Path) -> Report:
    async with CountingModel().serving() as model:
        base = f"http://127.0.0.1:{model.port}/v1"
        environ = {"OPENAI_API_KEY": "sk-bench", "OPENAI_BASE_URL": base}
        report = await _through(redis_url, data, environ)
        return {**report, "calls": model.asked / (LEADS + WARM + 1)}


async def _through(
    redis_url: str, data: Path, environ: Mapping[str, str] = MappingProxyType({})
) -> Report:
    wishes = await seed(data, data.name, LEADS + WARM + 1)
    async with CountingSmtp().serving() as smtp, streams_of(redis_url) as streams:
        with _services({**environment(data, redis_url, smtp.port), **environ}, data):
            await _each(streams, wishes[:WARM])
            starts = await _each(streams, wishes[WARM:-1])
            waits = [(at - start) * 1000
                     for at, start in zip(smtp.begun[WARM:], starts, strict=True)]  # fmt: skip
            asked = await _asked_of_redis(redis_url, streams, wishes[-1])
        async with open_sqlite(data / "records.sqlite3") as records:
            record = await records.read(LeadKey(wishes[-1].shop, wishes[-1].thread_id))
    assert record, "the lead has a record"
    assert smtp.taken == len(wishes), f"{smtp.taken} mails for {len(wishes)} leads"
    return {**percentiles(waits), "commands": asked, "writes": record.version}


async def _each(streams: Streams, wishes: list[ConsiderLead]) -> list[float]:
    starts = []
    for wish in wishes:
        starts.append(time.perf_counter())
        assert isinstance(await streams.ask(wish, timeout_seconds=30), LeadMailSent)
        await asyncio.sleep(PAUSE_SECONDS)
    return starts


async def _asked_of_redis(redis_url: str, streams: Streams, wish: ConsiderLead) -> int:
    async with commands(redis_url) as seen:
        await streams.ask(wish, timeout_seconds=30)
        while any([await streams.redis.execute("XLEN", key) for key in STREAM_KEYS]):
            await asyncio.sleep(0.005)
    admitted = next(at for at, line in enumerate(seen) if "XADD" in line)
    return len(seen[admitted + 1 :])


@contextmanager
def _services(environ: dict[str, str], data: Path) -> Iterator[None]:
    with ExitStack() as stack:
        for name in ("lead", "mailer"):
            stack.enter_context(service(f"services.{name}", environ, data / f"{name}.log"))
        yield


def _floor(redis_url: str, folder: Path) -> Report:
    """Nothing of ours: blocking reads on bare streams, and one connection to SQLite a side."""
    echo = Part(_echo, redis_url, str(folder / "floor.there"))
    echo.go()
    waits = []
    with redis.Redis.from_url(redis_url) as client:
        db, last = _table(str(folder / "floor.here")), b"0"
        for number in range(LEADS):
            start = time.perf_counter()
            client.xadd("floor:there", {"n": number})
            ((_, ((last, _),)),) = client.xread({"floor:back": last}, block=5000)
            db.execute("INSERT INTO rows VALUES (?)", (number,))
            waits.append((time.perf_counter() - start) * 1000)
            time.sleep(PAUSE_SECONDS / 2)
    echo.report()
    return percentiles(waits)


def _echo(redis_url: str, path: str) -> Report:
    with redis.Redis.from_url(redis_url) as client:
        db, last = _table(path), b"0"
        for number in range(LEADS):
            ((_, ((last, _),)),) = client.xread({"floor:there": last}, block=5000)
            for _ in range(2):
                db.execute("INSERT INTO rows VALUES (?)", (number,))
            client.xadd("floor:back", {"n": number})
    return {}


def _table(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE rows (n)")
    return db
