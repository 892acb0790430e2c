"""Broken, slow and hostile HTTP: always our envelope with a request id, never a stack trace."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from libs.web import body as web_body
from services.gateway.handlers import Leads
from tests.gateway import ORIGIN, gateway
from tests.raw_http import RawAnswer, read_answer, talk

LEAD = "/api/chatkit/lead"


def post(
    body: bytes | str,
    *headers: str,
    path: str = LEAD,
    kind: str = "application/json",
    length: int | None = None,
) -> bytes:
    body = body.encode() if isinstance(body, str) else body
    lines = [
        f"POST {path} HTTP/1.1", "Host: h", f"Origin: {ORIGIN}", f"Content-Type: {kind}",
        f"Content-Length: {len(body) if length is None else length}", *headers,
    ]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


CHUNKED = (
    f"POST {LEAD} HTTP/1.1\r\nHost: h\r\nOrigin: {ORIGIN}\r\n"
    "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
).encode()


def is_envelope(answer: RawAnswer, status: int, error: str) -> None:
    assert (answer.status, answer.told["error"]) == (status, error)
    assert answer.told["ok"] is False
    assert answer.told["message"].endswith(".")
    assert answer.told["request_id"] == answer.headers["X-Request-ID"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert b"Traceback" not in answer.body
    assert set(answer.told) == {"ok", "error", "message", "request_id"}


@pytest.mark.parametrize(
    ("raw", "status", "error"),
    [
        (b"NONSENSE\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/9.9\r\n\r\n", 400, "bad_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "bad_request"),
        (b"GET /health HTTP/1.1\r\nHost h\r\n\r\n", 400, "bad_request"),
        (b"GET /health HTTP/1.1\r\nX: a\x00b\r\n\r\n", 400, "bad_request"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, "bad_request"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "bad_request"),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400, "bad_request",
        ),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 500 + b"\r\n", 400, "bad_request"),
        (b"GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n", 404, "not_found"),
        (b"GET /nothing HTTP/1.0\r\n\r\n", 404, "not_found"),
        (b"GET /api/chatkit/lead HTTP/1.1\r\nHost: h\r\n\r\n", 405, "method_not_allowed"),
        (b"PATCH /health HTTP/1.1\r\nHost: h\r\n\r\n", 405, "method_not_allowed"),
        (b"GET /health/../api HTTP/1.1\r\nHost: h\r\n\r\n", 404, "not_found"),
        (post("{}", path="/api/chatkit/lead/"), 404, "not_found"),
        (post("{}"), 400, "invalid_thread"),
        (post("{"), 400, "invalid_json"),
        (post(""), 400, "invalid_json"),
        (post("[]"), 400, "invalid_json"),
        (post("null"), 400, "invalid_json"),
        (post('"a"'), 400, "invalid_json"),
        (post(b'{"threadId":"\xff"}'), 400, "invalid_json"),
        (post(b'{"threadId":"\xed\xa0\x80"}'), 400, "invalid_json"),
        (post('{"x":' + "[" * 30_000 + "]" * 30_000 + "}"), 400, "invalid_json"),
        (post("{}", kind="application/xml"), 415, "unsupported_type"),
        (post("{}", kind="multipart/form-data"), 415, "unsupported_type"),
        (post("{}", kind="application/json; charset=utf-16"), 415, "unsupported_type"),
        (post("{}", "Content-Encoding: gzip", kind="application/json;"), 415, "unsupported_type"),
        (post("{}", "Content-Encoding: gzip"), 415, "unsupported_type"),
        (post("{}", kind="text/plain", path="/api/chatkit/session"), 415, "unsupported_type"),
        (post(b"a" * 70_000), 413, "too_large"),
        (post(b"", length=10**12), 413, "too_large"),
        (post(b"", length=70_000), 413, "too_large"),
    ],
)  # fmt: skip
async def test_every_wrong_request_gets_the_envelope(
    tmp_path: Path, raw: bytes, status: int, error: str
) -> None:
    async with gateway(tmp_path) as running:
        answer = await talk(running.port, raw)

    is_envelope(answer, status, error)


async def test_405_says_what_would_be_allowed(tmp_path: Path) -> None:
    async with gateway(tmp_path) as running:
        answer = await talk(running.port, b"GET /api/chatkit/lead HTTP/1.1\r\nHost: h\r\n\r\n")
        both = await talk(running.port, b"DELETE /health HTTP/1.1\r\nHost: h\r\n\r\n")

    assert answer.headers["Allow"] == "POST, OPTIONS"
    assert both.headers["Allow"] == "GET, HEAD, OPTIONS"


async def test_a_request_id_is_taken_only_if_it_is_one(tmp_path: Path) -> None:
    async with gateway(tmp_path) as running:
        for given, taken in (
            ("abc-DEF-123", True), ("a" * 64, True), ("a" * 65, False), ("a b", False),
            ("a_b", False), ("<script>", False), ("\u00e9", False), ("", False),
        ):  # fmt: skip
            raw = f"GET /health/live HTTP/1.1\r\nHost: h\r\nX-Request-ID: {given}\r\n\r\n"
            answer = await talk(running.port, raw.encode())
            assert (answer.headers["X-Request-ID"] == given) is taken
            assert answer.headers["X-Request-ID"]


async def test_a_body_in_pieces_and_in_chunks_is_put_together(tmp_path: Path) -> None:
    body = b'{"threadId":"cthr_a","reason":"pagehide"}'
    raw = post(body)
    rest = b"\r\n%x\r\n" % len(body[5:]) + body[5:] + b"\r\n0\r\n\r\n"
    chunked = CHUNKED + b"5\r\n" + body[:5] + rest
    async with gateway(tmp_path) as running:
        pieces = [raw[at : at + 40] for at in range(0, len(raw), 40)]
        assert (await talk(running.port, *pieces)).status == 202
        assert (await talk(running.port, chunked)).status == 202
        assert (await talk(running.port, chunked[:-20], chunked[-20:])).status == 202


async def test_a_chunked_body_ends_at_the_limit(tmp_path: Path) -> None:
    async with gateway(tmp_path) as running:
        answer = await talk(running.port, CHUNKED, *[b"4000\r\n" + b"a" * 0x4000 + b"\r\n"] * 5)

    is_envelope(answer, 413, "too_large")


async def test_a_broken_chunk_is_an_incomplete_body(tmp_path: Path) -> None:
    async with gateway(tmp_path) as running:
        answer = await talk(running.port, CHUNKED + b"5\r\nabcde\r\n", b"zz\r\n")

    assert answer.status == 400
    assert answer.told["error"] in {"incomplete_body", "bad_request"}


async def test_a_slow_body_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        web_body.read_body, "__kwdefaults__", {"limit_bytes": 9999, "seconds": 0.05}
    )
    async with gateway(tmp_path) as running:
        answer = await talk(running.port, post(b'{"threadId"', length=100))

    is_envelope(answer, 408, "too_slow")
    assert answer.headers["Connection"] == "close"


async def test_a_cut_body_harms_nobody(tmp_path: Path) -> None:
    async with gateway(tmp_path) as running:
        _, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(post(b'{"threadId"', length=100))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        answer = await talk(running.port, b"GET /health/live HTTP/1.1\r\nHost: h\r\n\r\n")
        errors = running.lines("unhandled_exception")

    assert answer.status == 200
    assert errors == []


async def test_a_client_that_waits_for_100_continue_is_told_to_go_on(tmp_path: Path) -> None:
    body = b'{"threadId":"cthr_a","reason":"pagehide"}'
    async with gateway(tmp_path) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(post(b"", "Expect: 100-continue", length=len(body)))
        async with asyncio.timeout(60):
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(body)
            answer = await read_answer(reader)
        writer.close()

    assert answer.status == 202


async def test_what_breaks_inside_is_recorded_without_what_broke_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("the phone is 408-555-0176")

    monkeypatch.setattr(Leads, "_admit", broken)
    async with gateway(tmp_path) as running:
        raw = post('{"threadId":"cthr_a"}', "X-Request-ID: req-3")
        quick = await talk(running.port, raw)
        slow = await talk(running.port, post('{"threadId":"cthr_a"}', "Connection: close"))
        lines = running.lines("unhandled_exception")

    is_envelope(quick, 500, "internal_error")
    is_envelope(slow, 500, "internal_error")
    assert lines[0]["exception_type"] == "ZeroDivisionError"
    assert lines[0]["request_id"] == "req-3"
    assert lines[0]["where"].startswith("test_gateway_broken_http.py:")
    assert "0176" not in running.log_text.getvalue()


async def test_requests_sent_ahead_are_answered_in_order_in_both_lanes(tmp_path: Path) -> None:
    """Quick, streamed-lane (HTTP/1.1 with a query), quick again, on one connection."""
    async with gateway(tmp_path) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        paths = ["/health/live", "/health", "/handoff.json?locale=es", "/health/live", "/nothing"]
        for number, path in enumerate(paths):
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: h\r\nX-Request-ID: r-{number}\r\n\r\n".encode()
            )
        async with asyncio.timeout(60):
            answers = [await read_answer(reader) for _ in paths]
        writer.close()

    assert [answer.headers["X-Request-ID"] for answer in answers] == [f"r-{n}" for n in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 200, 404]


async def test_head_is_get_without_a_body(tmp_path: Path) -> None:
    async with gateway(tmp_path) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"HEAD /health/live HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(60):
            raw = await reader.read()
        writer.close()

    assert raw.startswith(b"HTTP/1.1 200 OK\r\n")
    assert raw.endswith(b"\r\n\r\n")
    assert b"Content-Length: 0" not in raw


async def test_stopping_answers_what_is_being_answered_and_closes_the_idle(tmp_path: Path) -> None:
    from libs.messages.lead import ConsiderLead, LeadDecision

    asked, go_on = asyncio.Event(), asyncio.Event()

    async def decide(_: object, reply_to: str, streams: object) -> None:
        asked.set()
        await go_on.wait()
        told = LeadDecision(thread_id="cthr_a", sent=False, reason="held")
        await streams.reply(reply_to, told)  # type: ignore[attr-defined]

    entered = gateway(tmp_path, behind={ConsiderLead: decide})
    running = await entered.__aenter__()
    idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", running.port)
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(post('{"threadId":"cthr_a"}'))
    await asked.wait()
    stopping = asyncio.create_task(entered.__aexit__(None, None, None))
    async with asyncio.timeout(60):
        assert await idle_reader.read() == b""
        go_on.set()
        answer = await read_answer(reader)
        await stopping
    writer.close()
    idle_writer.close()

    assert answer.status == 200
    assert json.loads(answer.body)["reason"] == "accepted"
