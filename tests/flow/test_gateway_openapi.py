"""schemathesis holds the running gateway, over real HTTP, to what openapi.json says."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from libs.messages.chat import ChatChunk, ChatRequest
from libs.messages.lead import ConsiderLead, LeadDecision, RecordSignal
from libs.messages.session import MintSession, SessionMinted
from services.gateway.openapi import FILE
from tests.gateway import ORIGIN, UNLIMITED, Answering, bearer, gateway, reply

pytestmark = [pytest.mark.slow, pytest.mark.timeout(110)]

EXAMPLES = 8
SCHEMA = schemathesis.openapi.from_path(str(FILE))
UPLOADS = defaultdict(set, {"/api/chatkit/attachment": {"POST", "PUT"}})
"""No schema can say that bytes are a photo: made-up ones are rightly refused."""


async def nothing(*_: Any) -> None: ...


BEHIND: dict[Any, Answering] = {
    MintSession: reply(
        SessionMinted(client_secret="s", expires_at=1_790_000_000, user="u", mode="own")
    ),
    ConsiderLead: reply(LeadDecision(thread_id="cthr_a", sent=False, reason="not_idle")),
    RecordSignal: nothing,
    ChatRequest: reply(ChatChunk(data='{"data":[]}', streaming=False, last=True)),
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The gateway in a thread with a loop of its own; schemathesis waits for each answer."""
    ready, stop = threading.Event(), asyncio.Event()
    running: list[Any] = []

    async def serve() -> None:
        data = tmp_path_factory.mktemp("gateway")
        async with gateway(data, behind=BEHIND, photos=True, **UNLIMITED) as started:
            running.extend((started.url, asyncio.get_running_loop()))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(20)
    yield running[0]
    running[1].call_soon_threadsafe(stop.set)
    thread.join(20)


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_gateway_is_as_described(case: Any, url: str) -> None:
    unsayable = [positive_data_acceptance] if case.method in UPLOADS[case.path] else []
    case.call_and_validate(
        base_url=url, headers={"Origin": ORIGIN, **bearer()}, excluded_checks=unsayable
    )
