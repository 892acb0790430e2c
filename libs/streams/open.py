"""Opens the streams on what REDIS_URL says, and refuses a Redis that would lose what it holds."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

from libs.errors import SettingsError, Unavailable
from libs.redis.address import connect
from libs.redis.client import Redis
from libs.runtime.ids import random_id
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.streams.process import Process
from libs.streams.redis import RedisBroker
from libs.streams.streams import Streams

if TYPE_CHECKING:
    from fakeredis import FakeServer

START_SECONDS: Final = 10.0
"""For a Redis that starts together with us."""


async def open_streams(
    redis_url: str | FakeServer, *, metrics: Metrics, log: Log, stack: AsyncExitStack
) -> Streams:
    """`fake://` is a Redis inside this process. Raises SettingsError."""
    redis = connect(redis_url, name=f"handoff-{log.service}")
    process = Process(f"{log.service}-{random_id()}", metrics, log)
    streams = Streams(RedisBroker(redis), process, redis)
    stack.push_async_callback(streams.aclose)
    if isinstance(redis_url, str) and not redis_url.startswith("fake:"):
        await _refuse_eviction(redis)
    return streams


async def _refuse_eviction(redis: Redis) -> None:
    try:
        async with asyncio.timeout(START_SECONDS):
            policies = await _policies(redis)
    except TimeoutError as error:
        raise SettingsError(
            f"The Redis of REDIS_URL did not answer within {START_SECONDS:.0f} seconds; is it up,"
            " and are address and password right?"
        ) from error
    for policy in policies:
        if policy != "noeviction":
            raise SettingsError(
                f"The Redis of REDIS_URL has maxmemory-policy {policy}: when memory is short it"
                " would throw away leases and waiting messages without a word. Set it to"
                " noeviction."
            )


async def _policies(redis: Redis) -> list[str]:
    """Of every master: each holds some of the streams."""
    while True:
        try:
            answers = await redis.everywhere("INFO", "memory")
        except Unavailable:
            await asyncio.sleep(0.1)
        else:
            return [_policy(answer.decode()) for answer in answers]


def _policy(memory: str) -> str:
    rows = (row.partition(":") for row in memory.splitlines())
    return {name: value for name, _, value in rows}.get("maxmemory_policy", "noeviction")
