"""120 leads a second for a minute: whether lead and mailer keep up, on SQLite and by SMTP."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import uvloop

from libs.messages.lead import ConsiderLead
from libs.streams.streams import Streams
from tests.bench import Row
from tests.bench._http import cpu_seconds
from tests.bench._leads import CountingSmtp, environment, seed, service, streams_of
from tests.bench._parts import Report
from tests.servers import redis_server

RATE: Final = 120
SECONDS: Final = 60
BATCHES: Final = 10
"""A second; a batch is published in one turn."""
GROWTH: Final = 0.01
"""Of the rate: what the scheduler does to two cores is no backlog."""
DRAIN_SECONDS: Final = 120.0


def main() -> list[Row]:
    with redis_server() as server, tempfile.TemporaryDirectory(prefix="hb") as folder:
        found, curve = uvloop.run(_loaded(server.url, Path(folder)))
    print(f"load: leads waiting, second by second: {' '.join(map(str, curve))}", flush=True)
    return [
        Row(f"load: leads mailed a second while {RATE}/s came in", "leads/s", found["rate"],
            RATE * (1 - GROWTH)),
        Row(f"load: lag grows, second half of {SECONDS} s", "leads/s", found["growth"],
            RATE * GROWTH, "less"),
        Row("load: seconds until the last one was mailed", "s", found["drained"]),
        Row("load: CPU of lead per lead", "ms CPU", found["lead"]),
        Row("load: CPU of mailer per lead", "ms CPU", found["mailer"]),
    ]  # fmt: skip


async def _loaded(redis_url: str, data: Path) -> tuple[Report, list[int]]:
    wishes = await seed(data, "", RATE * SECONDS + RATE)
    warm, measured = wishes[:RATE], wishes[RATE:]
    async with CountingSmtp().serving() as smtp, streams_of(redis_url) as streams:
        environ = environment(data, redis_url, smtp.port)
        with ExitStack() as stack:
            pids = {
                name: stack.enter_context(
                    service(f"services.{name}", environ, data / f"{name}.log")
                ).pid
                for name in ("lead", "mailer")
            }
            await _come_in(streams, smtp, warm)
            await _all_taken(smtp, len(warm))
            before = {name: cpu_seconds(pid) for name, pid in pids.items()}
            curve = await _come_in(streams, smtp, measured)
            rate = (smtp.taken - len(warm)) / SECONDS
            drained = await _all_taken(smtp, len(wishes))
            cpu = {
                name: (cpu_seconds(pid) - before[name]) / len(measured) * 1000
                for name, pid in pids.items()
            }
    assert smtp.taken == len(wishes), f"{smtp.taken} mails for {len(wishes)} leads"
    half = curve[len(curve) // 2 :]
    growth = statistics.linear_regression(range(len(half)), half).slope
    return {"rate": rate, "growth": growth, "drained": drained, **cpu}, curve


async def _come_in(streams: Streams, smtp: CountingSmtp, wishes: list[ConsiderLead]) -> list[int]:
    """Steadily; returns how many waited at the end of each second."""
    began, taken, curve = time.perf_counter(), smtp.taken, []
    size = RATE // BATCHES
    for at in range(0, len(wishes), size):
        await asyncio.gather(*(streams.publish(wish) for wish in wishes[at : at + size]))
        come = at + size
        await asyncio.sleep(max(0.0, began + come / RATE - time.perf_counter()))
        if come % RATE == 0:
            curve.append(come - (smtp.taken - taken))
    return curve


async def _all_taken(smtp: CountingSmtp, count: int) -> float:
    """Seconds until then."""
    began = time.perf_counter()
    async with asyncio.timeout(DRAIN_SECONDS):
        while smtp.taken < count:
            await asyncio.sleep(0.02)
    return time.perf_counter() - began
