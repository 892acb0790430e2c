"""The session service as it runs: wired from settings, on a real Redis, at a loopback OpenAI."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from libs.errors import SettingsError
from libs.identity.sessions import Session, read_session_token
from libs.identity.visitors import visitor_id
from libs.ledger.open import open_records
from libs.messages.session import MintSession, SessionMinted, SessionRefused
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.runtime.runtime import Runtime, Service
from libs.runtime.settings import load
from libs.streams.open import open_streams
from services.session.settings import SessionSettings
from services.session.wiring import wire
from tests.openai_server import Status, openai_server

pytestmark = pytest.mark.slow
KEY = "k" * 40
HOSTED = {
    "CONVERSATIONS": "hosted",
    "OPENAI_API_KEY": "sk-test",
    "CHATKIT_WORKFLOW_ID": "wf_1",
}


@asynccontextmanager
async def opened(redis_url: str, out: io.StringIO | None = None) -> AsyncIterator[Runtime]:
    log = Log("session", out=out or io.StringIO())
    async with AsyncExitStack() as stack:
        metrics = Metrics()
        streams = await open_streams(redis_url, metrics=metrics, log=log, stack=stack)
        yield Runtime(stack=stack, streams=streams, metrics=metrics, log=log)


@asynccontextmanager
async def running(service: Service, runtime: Runtime) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for consumer in service.consumers:
            group.create_task(runtime.streams.consume(consumer, stop))
        yield
        stop.set()


def settings(folder: Path, **given: str) -> SessionSettings:
    return load(SessionSettings, {"HANDOFF_DATA": str(folder), "SITE_KEYS": KEY, **given})


async def test_mints_our_own_token_and_leaves_a_watch(redis_url: str, tmp_path: Path) -> None:
    given = settings(tmp_path)
    async with opened(redis_url) as runtime, running(await wire(given, runtime), runtime):
        answer = await runtime.streams.ask(
            MintSession(shop="craigs", user="u", locale="es"), timeout_seconds=5
        )
        records = await open_records(given, runtime.stack)
        (watch,) = await records.due_watches(time.time() + 2200, 10)

    assert isinstance(answer, SessionMinted)
    session = read_session_token((KEY,), answer.client_secret, time.time())
    assert isinstance(session, Session)
    assert session.visitor == watch.visitor == visitor_id(KEY, "u")
    assert watch.due_at == pytest.approx(time.time() + 2100, abs=10)


async def test_mints_at_openai_once_for_equal_asks(redis_url: str, tmp_path: Path) -> None:
    with openai_server() as openai:
        openai.delay_seconds = 0.2
        given = settings(tmp_path, **HOSTED, OPENAI_BASE_URL=openai.url)
        async with opened(redis_url) as runtime, running(await wire(given, runtime), runtime):
            wish = MintSession(shop="craigs", user="u")
            answers = await asyncio.gather(
                *(runtime.streams.ask(wish, timeout_seconds=30) for _ in range(8))
            )

    assert {answer.mode for answer in answers} == {"hosted"}
    assert len({answer.client_secret for answer in answers}) == 1
    assert len(openai.seen("sessions")) == 1


async def test_says_what_went_wrong_upstream_without_a_secret(
    redis_url: str, tmp_path: Path
) -> None:
    out = io.StringIO()
    with openai_server() as openai:
        openai.fail("sessions", Status(429, retry_after=9))
        given = settings(tmp_path, **HOSTED, OPENAI_BASE_URL=openai.url)
        async with opened(redis_url, out) as runtime, running(await wire(given, runtime), runtime):
            wish = MintSession(shop="craigs", user="the-browsers-secret", request_id="r-1")
            answer = await runtime.streams.ask(wish, timeout_seconds=5)

    assert isinstance(answer, SessionRefused)
    assert (answer.status, answer.retry_after_seconds) == (503, 9)
    assert "ChatKit session create failed" in out.getvalue()
    assert "rate_limit_exceeded" in out.getvalue()
    assert "the-browsers-secret" not in out.getvalue()
    assert "sk-" not in out.getvalue()


async def test_the_cap_is_shared_by_every_process(redis_url: str, tmp_path: Path) -> None:
    given = settings(tmp_path, LIMIT_MINTS_PER_DAY="3/86400")
    answers = []
    for _ in range(2):
        async with opened(redis_url) as runtime, running(await wire(given, runtime), runtime):
            for number in range(2):
                wish = MintSession(shop="craigs", user=f"u{number}")
                answers.append(await runtime.streams.ask(wish, timeout_seconds=5))

    assert [type(answer) for answer in answers] == [*[SessionMinted] * 3, SessionRefused]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"SITE_KEYS": ""}, "SITE_KEYS"),
        ({**HOSTED, "OPENAI_API_KEY": ""}, "OPENAI_API_KEY"),
        ({**HOSTED, "CHATKIT_WORKFLOW_ID": ""}, "CHATKIT_WORKFLOW_ID"),
        ({"SHOPS": "/nowhere"}, "SHOPS"),
    ],
)
async def test_a_missing_setting_ends_the_start_with_its_name(
    tmp_path: Path, given: dict[str, str], named: str
) -> None:
    async with opened("fake://") as runtime:
        with pytest.raises(SettingsError, match=named):
            await wire(settings(tmp_path, **given), runtime)
