"""schemathesis holds the running gateway, over real HTTP, to what openapi.json says."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from libs.messages.chat import ChatChunk, ChatRequest
from libs.messages.lead import ConsiderLead, LeadDecision, RecordSignal
from libs.messages.session import MintSession, SessionMinted
from services.gateway.openapi import FILE
from tests.gateway import ORIGIN, UNLIMITED, Answering, bearer, gateway, reply

pytestmark = [pytest.mark.slow, pytest.mark.timeout(110)]

EXAMPLES = 8
PATHS = json.loads(FILE.read_bytes())["paths"]
OPERATIONS = [(path, method) for path, methods in PATHS.items() for method in methods]
SETTINGS = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
UPLOADS = {("post", "/api/chatkit/attachment"), ("put", "/api/chatkit/attachment")}
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


@pytest.fixture(scope="module")
def schema() -> Any:
    """Where a visitor came from is most of what three bodies tell: one of them is asked for it."""
    import schemathesis

    described = json.loads(FILE.read_bytes())
    for form in ("LeadForm", "SignalForm"):
        del described["components"]["schemas"][form]["properties"]["attribution"]
    return schemathesis.openapi.from_dict(described)


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=lambda word: word.removeprefix("/"))
def test_the_gateway_is_as_described(path: str, method: str, url: str, schema: Any) -> None:
    """`schema.parametrize()` would make every operation's cases in every worker, to collect."""
    import requests
    from schemathesis.generation.feedback import FeedbackSources
    from schemathesis.pytest._test_builder import build_operation_test
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    excluded = [positive_data_acceptance] if (method, path) in UPLOADS else []
    headers = {"Origin": ORIGIN, **bearer()}

    def holds(case: Any) -> None:
        case.call_and_validate(
            base_url=url, headers=headers, session=http, excluded_checks=excluded
        )

    with requests.Session() as http:
        http.trust_env = False  # else it looks for a proxy and a netrc at each of 2,000 requests
        build_operation_test(
            config=schema.config, operation=schema[path][method], test_func=holds,
            given_kwargs={}, feedback=FeedbackSources(), explicit_settings=SETTINGS,
        )()  # fmt: skip
