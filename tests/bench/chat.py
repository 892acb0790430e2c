"""200 chats at once: how long a model's first word takes to the browser, and that all come through.

They begin within a second, and each answer takes one to three, so that all run at the same time.
Every process is a real one: the model's API on loopback, the chat service, Redis, the gateway, and
whoever reads its server-sent events. The clock starts when the model writes its first word, and
stops when the reader has it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import aiohttp
import uvloop

from libs.identity.sessions import mint_session_token
from tests.bench import Row
from tests.bench._leads import environment, service
from tests.bench._model import WORDS
from tests.bench._parts import Part, Report, percentiles
from tests.servers import free_port, redis_server

CHATS: Final = 200
ROUNDS: Final = 3
ALONE: Final = 10
ARRIVE_SECONDS: Final = 1.0
ORIGIN: Final = "https://craigs.autos"
LAST_WORD: Final = f"word{WORDS - 1} "
_TICKS: Final = os.sysconf("SC_CLK_TCK")


def main() -> list[Row]:
    with redis_server() as server, tempfile.TemporaryDirectory(prefix="hb") as name:
        folder, model, port = Path(name), free_port(), free_port()
        environ = {
            **environment(folder, server.url, free_port()), "HANDOFF_PORT": str(port),
            "OPENAI_API_KEY": "sk-bench", "OPENAI_BASE_URL": f"http://127.0.0.1:{model}/v1",
        }  # fmt: skip
        with (
            service("tests.bench._model", environ, folder / "model.log", str(model)),
            service("services.chat", environ, folder / "chat.log") as chat,
            service("services.gateway", environ, folder / "gateway.log") as gateway,
        ):
            asking = Part(ask_all, f"http://127.0.0.1:{port}/api/chatkit", environ["SITE_KEYS"])
            before = _cpu(chat.pid), _cpu(gateway.pid)
            found = asking.run()
            spent = _cpu(chat.pid) - before[0], _cpu(gateway.pid) - before[1]
    total = CHATS * ROUNDS
    first = "chat: model's first word to the browser"
    return [
        Row(f"{first}, one chat, p50", "ms", found["alone"], 15, "less"),
        Row(f"{first}, 200 at once, p50", "ms", found["p50"], 15, "less"),
        Row(f"{first}, 200 at once, p99", "ms", found["p99"], None, "less"),
        Row("chat: 200 at once, whole answers", "of 600", found["whole"], total, "more", total),
        Row("chat: CPU of a whole answer", "ms", spent[0] * 1000 / total, None, "less"),
        Row("chat: the gateway's CPU of it", "ms", spent[1] * 1000 / total, None, "less"),
    ]


def _cpu(pid: int) -> float:
    """Seconds since its start."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def ask_all(url: str, key: str) -> Report:
    return uvloop.run(_ask_all(url, key))


async def _ask_all(url: str, key: str) -> Report:
    rng = random.Random(1)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:

        async def later(visitor: str) -> tuple[float, bool]:
            await asyncio.sleep(rng.uniform(0, ARRIVE_SECONDS))
            return await _ask(http, url, key, visitor)

        await _ask(http, url, key, "v_first")  # imports, connections
        alone = [(await _ask(http, url, key, f"v_alone{n}"))[0] for n in range(ALONE)]
        found = []
        for number in range(ROUNDS):
            found += await asyncio.gather(*(later(f"v_{number}_{n}") for n in range(CHATS)))
    return {
        **percentiles([delay for delay, _ in found]),
        "alone": percentiles(alone)["p50"],
        "whole": sum(whole for _, whole in found),
    }


async def _ask(http: aiohttp.ClientSession, url: str, key: str, visitor: str) -> tuple[float, bool]:
    """Milliseconds that the first word took, and whether the answer came whole."""
    token = mint_session_token((key,), "craigs", (visitor,), int(time.time()) + 600)
    text = {"type": "input_text", "text": "My truck seat is torn"}
    message = {"content": [text], "attachments": [], "inference_options": {}}
    wish = {"type": "threads.create", "params": {"input": message}}
    headers = {"Origin": ORIGIN, "Authorization": f"Bearer {token}"}
    delay, whole = 0.0, False
    async with http.post(url, json=wish, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        async for line in answer.content:
            if not line.startswith(b"data: "):
                continue
            event: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
            said = event.get("update", {}).get("delta")
            if said and not delay:
                delay = (time.monotonic() - float(said.split()[0])) * 1000
            whole = whole or (event["type"] == "thread.item.done" and LAST_WORD in line.decode())
    return delay, whole
