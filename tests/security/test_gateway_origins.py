"""No page but a shop's own may write to the gateway, however it spells where it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.gateway import ORIGIN, gateway

ROUTES = (
    "/api/chatkit/session", "/api/chatkit/lead", "/api/lead-signal", "/api/chatkit",
    "/api/chatkit/attachment",
)  # fmt: skip
TRICKS = (
    "", "null", "NULL", "undefined", "*", "https://", "craigs.autos",
    "http://craigs.autos", "https://craigs.autos/", "https://craigs.autos:443",
    "https://craigs.autos:8443", "https://CRAIGS.autos", "HTTPS://craigs.autos",
    "https://craigs.autos.evil.example", "https://evilcraigs.autos", "https://x.craigs.autos",
    "https://craigs.autos@evil.example", "https://evil.example/https://craigs.autos",
    "https://craigs.autos,https://evil.example",
    "https://craigs.autos https://evil.example", "https://craigs.autos.", "https://craigs%2Eautos",
    "https://cr\u0430igs.autos", "https://craigs\u3002autos", "file://", "http://localhost:4322",
    "http://localhost", "http://127.0.0.1:4321", "https://localhost:4321", "chrome-extension://abc",
)  # fmt: skip


async def test_strangers_are_refused_on_every_post(tmp_path: Path) -> None:
    async with gateway(tmp_path) as running, ClientSession() as client:
        for route in ROUTES:
            for origin in TRICKS:
                headers = {"Origin": origin, "Content-Type": "application/json"}
                async with client.post(running.url + route, data="{}", headers=headers) as answer:
                    told = await answer.json()

                assert (answer.status, told["error"]) == (403, "origin_not_allowed"), origin
                assert "Access-Control-Allow-Origin" not in answer.headers
                assert answer.headers["X-Request-ID"] == told["request_id"]


async def test_a_post_that_does_not_say_where_it_comes_from_is_refused(tmp_path: Path) -> None:
    async with gateway(tmp_path) as running, ClientSession() as client:
        for route in ROUTES:
            async with client.post(running.url + route, json={}) as answer:
                assert answer.status == 403


async def test_two_origins_at_once_are_none(tmp_path: Path) -> None:
    from tests.raw_http import talk

    async with gateway(tmp_path) as running:
        request = (
            "POST /api/lead-signal HTTP/1.1\r\nHost: h\r\nOrigin: https://evil.example\r\n"
            f"Origin: {ORIGIN}\r\nContent-Type: application/json\r\nContent-Length: 13\r\n"
            'Connection: close\r\n\r\n{"event":"x"}'
        )
        answer = await talk(running.port, request.encode())

    assert answer.status in {400, 403}


async def test_the_page_s_own_address_counts_on_one_machine_only(tmp_path: Path) -> None:
    for one_machine, expected in ((True, 200), (False, 403)):
        async with (
            gateway(tmp_path / str(one_machine), one_machine=one_machine) as running,
            ClientSession() as client,
        ):
            for host in ("127.0.0.1", "localhost", "[::1]"):
                headers = {"Origin": f"http://{host}:{running.port}"}
                body = {"event": "click_call"}
                url = f"{running.url}/api/lead-signal"
                async with client.post(url, json=body, headers=headers) as answer:
                    assert answer.status == expected
            async with client.post(
                url, json=body, headers={"Origin": f"http://127.0.0.1:{running.port + 1}"}
            ) as answer:
                assert answer.status == 403


@pytest.mark.parametrize("route", ROUTES)
async def test_preflight_says_exactly_what_is_allowed_and_for_how_long(
    tmp_path: Path, route: str
) -> None:
    async with gateway(tmp_path) as running, ClientSession() as client:
        asked = {"Access-Control-Request-Method": "POST", "Origin": ORIGIN}
        async with client.options(running.url + route, headers=asked) as answer:
            allowed = answer
        stranger = {**asked, "Origin": "https://evil.example"}
        async with client.options(running.url + route, headers=stranger) as answer:
            refused = answer

    assert allowed.status == 204
    assert allowed.headers.getall("Access-Control-Allow-Origin") == [ORIGIN]
    assert "POST" in allowed.headers["Access-Control-Allow-Methods"]
    for name in ("Authorization", "Content-Type", "X-Request-ID", "Last-Event-ID"):
        assert name in allowed.headers["Access-Control-Allow-Headers"]
    assert allowed.headers["Access-Control-Max-Age"] == "86400"
    assert "X-Request-ID" in allowed.headers["Access-Control-Expose-Headers"]
    assert allowed.headers["X-Request-ID"]
    assert refused.status == 403
    assert "Access-Control-Allow-Origin" not in refused.headers


async def test_errors_can_be_read_by_the_shop_s_page_and_say_cors_once(tmp_path: Path) -> None:
    async with gateway(tmp_path) as running, ClientSession() as client:
        for method, path in (("GET", "/nothing"), ("DELETE", "/api/chatkit/lead")):
            headers = {"Origin": ORIGIN}
            async with client.request(method, running.url + path, headers=headers) as answer:
                assert answer.headers.getall("Access-Control-Allow-Origin") == [ORIGIN]
                assert answer.headers["Vary"] == "Origin"
