"""Redis goes away and comes back under a gateway that keeps running."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from libs.messages.session import MintSession, SessionMinted
from tests.gateway import JSON, gateway, reply
from tests.servers import redis_server

pytestmark = pytest.mark.slow
MINTED = SessionMinted(client_secret="s", expires_at=1, user="u", mode="own")


async def test_an_outage_is_503_with_its_name_and_then_over(tmp_path: Path) -> None:
    with redis_server() as server:
        async with (
            gateway(tmp_path, redis_url=server.url, behind={MintSession: reply(MINTED)}) as running,
            ClientSession(running.url, headers=JSON) as client,
        ):

            async def ask(path: str, body: str | None = None) -> tuple[int, Any]:
                method = "GET" if body is None else "POST"
                async with client.request(method, path, data=body) as answer:
                    return answer.status, await answer.json()

            trigger = '{"threadId":"cthr_a","reason":"pagehide"}'
            assert (await ask("/api/chatkit/session", "{}"))[0] == 200
            assert (await ask("/api/chatkit/lead", trigger))[0] == 202
            server.stop()
            mint = await ask("/api/chatkit/session", "{}")
            lead = await ask("/api/chatkit/lead", trigger)
            health = await ask("/health")
            live = await ask("/health/live")
            server.start()
            again = await ask("/api/chatkit/lead", trigger)
            well = await ask("/health")

    assert (mint[0], mint[1]["error"]) == (503, "unavailable")
    assert (lead[0], lead[1]["error"]) == (503, "unavailable"), "nothing is said to be queued"
    assert health[0] == 503
    assert (health[1]["status"], health[1]["redis"], health[1]["database"]) == (
        "degraded", "disconnected", "connected",
    )  # fmt: skip
    assert live[0] == 200
    assert (again[0], well[0]) == (202, 200)
