"""Opening the streams: on each kind of address, and never on a Redis that would lose things."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from libs.errors import SettingsError
from libs.messages.lead import ConsiderLead, LeadDecision
from libs.messages.streams import LEAD_CONSIDER
from libs.redis.address import connect
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.streams import open as opening
from libs.streams.open import open_streams
from libs.streams.port import Consumer, Delivery
from libs.streams.streams import Streams
from tests import servers


async def opened(url: str, stack: AsyncExitStack) -> Streams:
    return await open_streams(url, metrics=Metrics(), log=Log("test"), stack=stack)


async def _asks_and_answers(url: str) -> None:
    async with AsyncExitStack() as stack:
        streams = await opened(url, stack)

        async def decide(delivery: Delivery[ConsiderLead]) -> None:
            thread = delivery.message.thread_id
            answer = LeadDecision(thread_id=thread, sent=False, reason="not_idle")
            await streams.reply(delivery.reply_to, answer)

        stop = asyncio.Event()
        consuming = asyncio.create_task(streams.consume(Consumer(LEAD_CONSIDER, decide), stop))
        wish = ConsiderLead(shop="s", thread_id="cthr_1", reason="idle")
        answer = await streams.ask(wish, timeout_seconds=10)
        stop.set()
        await consuming

    assert isinstance(answer, LeadDecision)


async def test_opens_a_redis_in_this_process() -> None:
    await _asks_and_answers("fake://")


@pytest.mark.slow
async def test_opens_a_unix_socket() -> None:
    with tempfile.TemporaryDirectory(prefix="hu") as folder:
        path = Path(folder) / "redis.sock"
        with servers.redis_server("--unixsocket", str(path)):
            await _asks_and_answers(f"unix://{path}")


@pytest.mark.slow
async def test_opens_a_redis_with_a_password_and_a_database() -> None:
    with servers.redis_server("--requirepass", "s3cret/@") as server:
        await _asks_and_answers(f"redis://:s3cret%2F%40@127.0.0.1:{server.port}/3")


@pytest.mark.slow
async def test_a_wrong_password_is_said_without_repeating_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(opening, "START_SECONDS", 0.5)
    with servers.redis_server("--requirepass", "right") as server:
        await _refuses(f"redis://:wrong@127.0.0.1:{server.port}/0", "did not answer.*password")


async def test_a_redis_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "START_SECONDS", 0.2)
    await _refuses(f"redis://127.0.0.1:{servers.free_port()}/0", "did not answer")


async def _refuses(url: str, sentence: str) -> None:
    async with AsyncExitStack() as stack:
        with pytest.raises(SettingsError, match=sentence) as refused:
            await opened(url, stack)
    assert "wrong" not in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
async def test_a_redis_that_evicts_is_refused_with_the_reason(policy: str) -> None:
    with servers.redis_server("--maxmemory-policy", policy) as server:
        await _refuses(server.url, f"{policy}.*leases.*noeviction")


@pytest.mark.parametrize("url", ["http://x", "redis+sentinel://h:1", "redis+cluster://h:port"])
async def test_an_address_that_means_nothing_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL"):
        connect(url, name="test")
