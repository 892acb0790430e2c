"""The services as `compose.yaml` runs them: one process each, two of each consumer, restarted."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.servers import free_port

ROOT = Path(__file__).parents[2]
CONSUMERS = ("session", "chat", "lead", "mailer")
SERVICES = ("gateway", "attachments", *CONSUMERS)
ORIGIN = "http://localhost:4321"
START_SECONDS = 90.0

TIMES = {
    "QUIET_SECONDS": "1",
    "SWEEP_SECONDS": "1",
    "LEASE_SECONDS": "10",
    "WATCH_SECONDS": "60",
    "FENCE_SECONDS": "30",
}
"""Each above what it guards: a handler ends in a second, a visit in half a minute, and the mail
server hangs up on a silent sender after 20 seconds. A fence below 30 is refused by the mailer.
"""
NO_LIMITS = {
    f"LIMIT_{what}": "off"
    for what in (
        "SESSIONS_PER_ADDRESS", "TRIGGERS_PER_ADDRESS", "TRIGGERS_PER_VISITOR",
        "SIGNALS_PER_ADDRESS", "CHAT_PER_VISITOR", "MINTS_PER_MINUTE",
    )
}  # fmt: skip
"""All visitors of a test come from one address, and in an outage they come again and again."""

SURPRISE = re.compile(r'"unhandled_exception"|^Traceback|"stream":"(?!lead\.signal).*"parked"')
"""`errands` sends signals that nobody can read, and counts how many are parked."""


@dataclass
class Worker:
    """One service process."""

    name: str
    number: int
    environ: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] = field(init=False, repr=False)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"services.{self.name}"],
                env=self.environ,
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )

    @property
    def lives(self) -> bool:
        return self.process.poll() is None

    def signal(self, which: signal.Signals) -> None:
        self.process.send_signal(which)


@dataclass
class Deployment:
    workers: list[Worker]
    url: str
    restarts: int = 0
    _unasked: list[str] = field(default_factory=list)
    _killed: set[int] = field(default_factory=set)

    def kill_one(self, rng: random.Random) -> Worker:
        victim = rng.choice([worker for worker in self.workers if worker.lives])
        self._killed.add(victim.process.pid)
        victim.signal(signal.SIGKILL)
        return victim

    def named(self, name: str) -> list[Worker]:
        return [worker for worker in self.workers if worker.name == name]

    def replace(self, worker: Worker) -> None:
        """As a deployment does: asked to stop, started again by the supervisor."""
        self._killed.add(worker.process.pid)
        worker.signal(signal.SIGTERM)

    async def supervise(self) -> None:
        """Compose's `restart`, at once."""
        while True:
            for worker in self.workers:
                if not worker.lives:
                    if worker.process.pid not in self._killed:
                        self._unasked.append(f"{worker.name} {worker.process.returncode}")
                    worker.start()
                    self.restarts += 1
            await asyncio.sleep(0.05)

    async def ready(self) -> None:
        async with aiohttp.ClientSession() as http, asyncio.timeout(START_SECONDS):
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with http.get(f"{self.url}/health") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.1)

    def surprises(self) -> list[str]:
        """Who ended by himself, what no code of ours expected, and which message it gave up."""
        said = (line for worker in self.workers for line in worker.log.read_text().splitlines())
        return [*self._unasked, *(line for line in said if SURPRISE.search(line))]

    def end(self) -> None:
        for worker in self.workers:
            worker.process.kill()
            worker.process.wait()


@contextlib.asynccontextmanager
async def deployment(
    folder: Path, *, redis_url: str, smtp_port: int = 0, **environ: str
) -> AsyncIterator[Deployment]:
    """All services on one data folder; mail by SMTP unless `environ` says otherwise."""
    port, attachments_port = free_port(), free_port()
    settings = {
        "PATH": os.environ["PATH"],
        "HANDOFF_DATA": str(folder / "data"),
        "HANDOFF_PORT": str(port),
        "ATTACHMENTS_PORT": str(attachments_port),
        "ATTACHMENTS_URL": f"http://127.0.0.1:{attachments_port}",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "REDIS_URL": redis_url,
        "SITE_KEYS": "only-for-tests-of-faults-0123456789",
        "MAIL": "smtp",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(smtp_port),
        "SMTP_TLS": "none",
        "ALERT_EMAIL": "ops@example.com",
        **TIMES,
        **NO_LIMITS,
        **environ,
    }
    running = Deployment(
        [
            Worker(name, number, settings, folder / f"{name}{number}.log")
            for name in SERVICES
            for number in range(2 if name in CONSUMERS else 1)
        ],
        f"http://127.0.0.1:{port}",
    )
    for worker in running.workers:
        worker.start()
    supervising = asyncio.create_task(running.supervise())
    try:
        await running.ready()
        yield running
        assert running.surprises() == []
    finally:
        supervising.cancel()
        running.end()
