"""How long a model's first word takes to the browser, and that all answers come through.

alone       one chat after the other
burst       200 chats begin within a second, each answer takes 1.5 to 3
streaming   200 answers are under way at any moment, each takes 8.5 to 10: some 22 begin a second

Every process is a real one: the model's API on loopback, the chat service (one, then two), Redis,
the gateway, and the visitors. The clock starts when the model writes its first word, and stops
when the visitor has it. The floor is the same way with nothing of ours on it (`_chat_floor.py`).
All of them share the machine's cores: what the model and the visitors took is told, too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench import Row
from tests.bench._leads import environment, service
from tests.bench._parts import Part, Report
from tests.bench._visitors import CHATS, visit
from tests.servers import free_port, redis_server

SHAPES = {"alone": "one", "burst": f"{CHATS} begin at once", "streaming": f"{CHATS} stream at once"}


def main() -> list[Row]:
    floor = _visited(0)
    return [row for chats in (1, 2) for row in _rows(chats, _visited(chats), floor)]


def _visited(chats: int) -> Report:
    """By that many chat services; 0: by the floor."""
    with redis_server() as server, tempfile.TemporaryDirectory(prefix="hb") as name:
        folder, model, port = Path(name), free_port(), free_port()
        environ = {
            **environment(folder, server.url, free_port()), "HANDOFF_PORT": str(port),
            "OPENAI_API_KEY": "sk-bench", "OPENAI_BASE_URL": f"http://127.0.0.1:{model}/v1",
        }  # fmt: skip
        redis = str(urlsplit(server.url).port)
        floor = "tests.bench._chat_floor"
        chat = ("services.chat",) if chats else (floor, "chat", str(model), redis)
        gateway = ("services.gateway",) if chats else (floor, "gateway", str(port), redis)
        with ExitStack() as stack:

            def start(module: str, *arguments: str) -> int:
                log = folder / f"{len(list(folder.iterdir()))}.log"
                return stack.enter_context(service(module, environ, log, *arguments)).pid

            pids = {
                "bench": (start("tests.bench._model", str(model)),),
                "chat": tuple(start(*chat) for _ in range(chats or 1)),
                "gateway": (start(*gateway),),
            }
            return Part(visit, port, environ["SITE_KEYS"], pids).run()


def _rows(chats: int, ours: Report, floor: Report) -> Iterator[Row]:
    who = "chat" if chats == 1 else f"chat, {chats} processes"
    for shape, load in SHAPES.items():
        what = f"{who}: {load}"

        def row(told: str, key: str, unit: str, target: float | None = None) -> Row:
            mine, bare = ours[f"{shape} {key}"], floor[f"{shape} {key}"]  # noqa: B023 - used at once
            return Row(f"{what}, {told}", unit, mine, target, "less", bare)  # noqa: B023 - as above

        yield row("first word, p50", "p50", "ms", 15)
        yield row("first word, p99", "p99", "ms")
        yield row("CPU of chat", "chat", "ms/answer")
        yield row("CPU of gateway", "gateway", "ms/answer")
        yield row("CPU of model and visitors", "bench", "ms/answer")
        asked, whole = ours[f"{shape} asked"], ours[f"{shape} whole"]
        yield Row(f"{what}, whole answers", f"of {asked:.0f}", whole, asked)
