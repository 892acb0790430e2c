"""What each process costs before it does anything: seconds to be ready, memory while idle."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench import Row
from tests.bench._leads import environment, service
from tests.openai_server import openai_server
from tests.servers import free_port, redis_server

ROUNDS: Final = 3
IDLE_SECONDS: Final = 1.5
"""After which what a start leaves for later (a model's shutdown date) has happened."""

SECONDS: Final = {"gateway": 0.5, "all in one": 3.0}
ANY_SECONDS: Final = 1.2
_START: Final = {"all in one": "second start"}
MEBIBYTES: Final[Mapping[str, float | None]] = {
    "gateway": 45, "mailer": 50, "session": 65, "lead": 65, "chat": None, "attachments": None,
    "all in one": 150,
}  # fmt: skip


class Cost(NamedTuple):
    seconds: float
    mebibytes: float


def main() -> list[Row]:
    floors = [_floor() for _ in range(ROUNDS)]
    floor = Cost(_median(floors, "seconds"), _median(floors, "mebibytes"))
    found: dict[str, list[Cost]] = {name: [] for name in MEBIBYTES}
    with redis_server() as server, openai_server() as openai:
        for _ in range(ROUNDS):
            for name, costs in found.items():
                with tempfile.TemporaryDirectory(prefix="hb") as folder:
                    costs.append(_cost(name, Path(folder), server.url, openai.url))
    rows = [
        Row("processes: floor, import aiohttp, start to done", "s", floor.seconds),
        Row("processes: its memory (PSS)", "MiB", floor.mebibytes),
    ]
    for name, costs in found.items():
        seconds, most = SECONDS.get(name, ANY_SECONDS), MEBIBYTES[name]
        what = _START.get(name, "start")
        rows += [
            Row(f"processes: {name}, {what} to ready", "s", _median(costs, "seconds"), seconds,
                "less", floor.seconds),
            Row(f"processes: {name}, idle (PSS)", "MiB", _median(costs, "mebibytes"), most,
                "less", floor.mebibytes),
        ]  # fmt: skip
    return rows


def _cost(name: str, folder: Path, redis_url: str, openai_url: str) -> Cost:
    """With a model's key: whoever asks a model has its library in memory."""
    ports = {
        setting: str(free_port())
        for setting in ("HANDOFF_PORT", "HANDOFF_INBOX_PORT", "ATTACHMENTS_PORT")
    }
    environ = {
        **environment(folder, redis_url, free_port()), **ports,
        "OPENAI_API_KEY": "sk-bench", "OPENAI_BASE_URL": openai_url,
    }  # fmt: skip
    module = f"services.{name}"
    if name == "all in one":
        module = "services"
        del environ["REDIS_URL"]  # it brings its own, as a child that is not counted here
        with service(module, environ, folder / "log of the first start"):
            pass
    with service(module, environ, folder / "log") as started:
        time.sleep(IDLE_SECONDS)
        return Cost(started.seconds, _pss(started.pid))


def _floor() -> Cost:
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", "import aiohttp; print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    process.stdout.readline()
    cost = Cost(time.perf_counter() - began, _pss(process.pid))
    process.communicate(b"\n")
    return cost


def _pss(pid: int) -> float:
    """The share of memory that would come free if this process ended."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    assert found
    return int(found[1]) / 1024


def _median(costs: list[Cost], what: str) -> float:
    return statistics.median(getattr(cost, what) for cost in costs)
