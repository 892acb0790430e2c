"""200 chats at once: how long a model's first word takes to a gateway, and that all come through.

They begin within a second, and each answer takes one to three, so that all run at the same time.

The chat service is the real one in a process of its own, on a real Redis and SQLite; only the
model's API is replaced, by one that thinks for a while and then says a word every 25 ms.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import uvloop

from libs.messages.chat import ChatChunk, ChatRequest
from libs.runtime.clock import SystemClock
from libs.runtime.ids import random_id
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.runtime.runtime import Runtime
from libs.streams.open import open_streams
from services.chat.ports import Moment, PhoneField
from services.chat.settings import ChatSettings
from tests.bench import Row
from tests.bench._parts import Part, Report, percentiles
from tests.servers import redis_server

CHATS: Final = 200
ROUNDS: Final = 3
ARRIVE_SECONDS: Final = 1.0
WORDS: Final = 40
WORD_SECONDS: Final = 0.025
SHOPS: Final = Path(__file__).parents[2] / "deploy" / "shops"


def main() -> list[Row]:
    with redis_server() as server, tempfile.TemporaryDirectory() as folder:
        serving = Part(serve, server.url, folder)
        asking = Part(ask_all, server.url)
        serving.go()
        found = asking.run()
        cpu = serving.report()["cpu"]
    total = CHATS * ROUNDS
    return [
        Row("chat: 200 at once, first word to gateway, p50", "ms", found["p50"], 15, "less"),
        Row("chat: 200 at once, first word to gateway, p99", "ms", found["p99"], None, "less"),
        Row("chat: 200 at once, whole answers", "of 600", found["whole"], total, "more", total),
        Row("chat: CPU of a whole answer", "ms", cpu * 1000 / total, None, "less"),
    ]


def serve(redis_url: str, folder: str) -> Report:
    uvloop.run(_serve(redis_url, folder))
    return {}


def ask_all(redis_url: str) -> Report:
    return uvloop.run(_ask_all(redis_url))


@asynccontextmanager
async def _runtime(redis_url: str, name: str) -> AsyncIterator[Runtime]:
    metrics, log, rng = Metrics(), Log(name, level="error"), random.Random(1)
    async with AsyncExitStack() as stack:
        streams = await open_streams(
            redis_url, service=name, metrics=metrics, log=log, clock=SystemClock(), rng=rng,
            new_id=random_id, stack=stack,
        )  # fmt: skip
        yield Runtime(stack=stack, streams=streams, metrics=metrics, log=log, rng=rng)


async def _serve(redis_url: str, folder: str) -> None:
    from services.chat.adapters.responses import ResponsesAgent
    from services.chat.wiring import wire

    thinking = random.Random(7)

    async def model(agent: ResponsesAgent, moment: Moment) -> AsyncGenerator[str | PhoneField]:
        await asyncio.sleep(thinking.uniform(0.5, 2.0))
        yield f"{time.monotonic():.6f} "
        for number in range(WORDS):
            await asyncio.sleep(WORD_SECONDS)
            yield f"word{number} "

    ResponsesAgent._call = model  # type: ignore[assignment, method-assign]
    settings = ChatSettings(
        data=folder, shops=str(SHOPS), site_keys="k" * 40, openai_api_key="sk-bench",
        redis_url=redis_url,
    )  # fmt: skip
    async with _runtime(redis_url, "chat") as runtime:
        service = await wire(settings, runtime)
        stop = asyncio.Event()
        consuming = [
            asyncio.create_task(runtime.streams.consume(consumer, stop))
            for consumer in service.consumers
        ]
        while int(await runtime.streams.redis.execute("EXISTS", "bench:done")) == 0:
            await asyncio.sleep(0.2)
        stop.set()
        await asyncio.gather(*consuming)


async def _ask_all(redis_url: str) -> Report:
    async with _runtime(redis_url, "gateway") as runtime:
        await _ask(runtime, "v_first")  # imports, connections
        found = []
        for number in range(ROUNDS):
            visitors = [f"v_{number}_{n}" for n in range(CHATS)]
            found += await asyncio.gather(*(_later(runtime, visitor) for visitor in visitors))
        await runtime.streams.redis.execute("SET", "bench:done", "1")
    delays = [delay for delay, _ in found]
    return {**percentiles(delays), "whole": sum(whole for _, whole in found)}


async def _later(runtime: Runtime, visitor: str) -> tuple[float, bool]:
    await asyncio.sleep(runtime.rng.uniform(0, ARRIVE_SECONDS))
    return await _ask(runtime, visitor)


async def _ask(runtime: Runtime, visitor: str) -> tuple[float, bool]:
    """Milliseconds that the first word took, and whether the answer came whole."""
    text = {"type": "input_text", "text": "My truck seat is torn"}
    message = {"content": [text], "attachments": [], "inference_options": {}}
    body = json.dumps({"type": "threads.create", "params": {"input": message}})
    wish = ChatRequest(shop="craigs", visitor=visitor, body=body, request_id=random_id())
    delay, whole = 0.0, False
    async for _, chunk in runtime.streams.ask_many(wish, timeout_seconds=30):
        assert isinstance(chunk, ChatChunk), chunk
        if not delay and "text_delta" in chunk.data:
            said = json.loads(chunk.data)["update"]["delta"]
            delay = (time.monotonic() - float(said.split()[0])) * 1000
        whole = whole or (f"word{WORDS - 1} " in chunk.data and "item.done" in chunk.data)
    return delay, whole
