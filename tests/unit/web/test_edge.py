"""Every way out of the edge: an answer, a refusal, an outage, a bug."""

from __future__ import annotations

import json

import pytest

from libs.errors import Unavailable
from libs.runtime.metrics import HTTP_REQUESTS
from libs.web.answers import Answer, Refused, json_answer, retry_after
from libs.web.call import Call
from libs.web.edge import Edge, Route
from libs.web.headers import SECURITY, headers_of
from libs.web.health import Health
from tests.unit.web.calls import Recorder, call

SHOPS = {"https://craigs.autos": "craigs"}


async def hello(call: Call) -> Answer:
    call.thread_id = "cthr_a"
    return json_answer({"ok": True})


async def refuse(call: Call) -> Answer:
    raise Refused("rate_limited", "Wait.", headers=retry_after(2.1))


async def outage(call: Call) -> Answer:
    raise Unavailable("redis", "connection lost", after_seconds=3)


async def bug(call: Call) -> Answer:
    raise KeyError("4085550176")


async def gone(call: Call) -> Answer:
    raise ConnectionResetError


ROUTES = (
    Route("GET", "/a", hello, "a"),
    Route("POST", "/a", hello, "a"),
    Route("GET", "/refuse", refuse, "refuse"),
    Route("GET", "/outage", outage, "outage"),
    Route("GET", "/bug", bug, "bug"),
    Route("GET", "/gone", gone, "gone"),
)


def edge(recorder: Recorder) -> Edge:
    return Edge(
        ROUTES,
        recorder.log,
        recorder.requests,
        lambda origin: SHOPS.get(origin, ""),
        lambda: "id_1",
    )


async def answered(recorder: Recorder, asked: Call) -> Answer:
    answer = await edge(recorder).answer(asked)
    assert isinstance(answer, Answer)
    return answer


@pytest.mark.parametrize(
    ("asked", "status", "error"),
    [
        (call(target="/b"), 404, "not_found"),
        (call("PUT"), 405, "method_not_allowed"),
        (call("POST"), 403, "origin_not_allowed"),
        (call("POST", Origin="https://evil.example"), 403, "origin_not_allowed"),
        (call(target="/refuse"), 429, "rate_limited"),
        (call(target="/outage"), 503, "unavailable"),
        (call(target="/bug"), 500, "internal_error"),
    ],
)
async def test_what_goes_wrong_is_an_envelope(asked: Call, status: int, error: str) -> None:
    answer = await answered(Recorder(), asked)

    told = json.loads(answer.body)
    assert (answer.status, told["ok"], told["error"]) == (status, False, error)
    assert told["request_id"] == "id-1"
    assert told["message"].endswith(".")


async def test_a_known_site_may_post_and_its_shop_is_known() -> None:
    asked = call("POST", Origin="https://craigs.autos")

    answer = await answered(Recorder(), asked)

    assert answer.status == 200
    assert (asked.shop, asked.readable_by) == ("craigs", "https://craigs.autos")


async def test_a_refusal_and_an_outage_say_when_to_come_back() -> None:
    recorder = Recorder()

    refused = await answered(recorder, call(target="/refuse"))
    down = await answered(recorder, call(target="/outage"))

    assert refused.headers == (("Retry-After", "3"),)
    assert down.headers == (("Retry-After", "3"),)
    [line] = recorder.lines("unavailable")
    assert (line["part"], line["request_id"]) == ("redis", "id-1")


async def test_a_bug_is_logged_by_type_and_place_only() -> None:
    recorder = Recorder()

    await answered(recorder, call(target="/bug"))

    [line] = recorder.lines("unhandled_exception")
    assert (line["exception_type"], line["route"]) == ("KeyError", "bug")
    assert line["where"].startswith("test_edge.py:")
    assert "4085550176" not in recorder.text.getvalue()


async def test_a_client_that_went_away_is_no_error_of_ours() -> None:
    recorder = Recorder()

    answer = await answered(recorder, call(target="/gone"))

    assert answer.status == 499
    assert recorder.requests.tally.errors == 0


async def test_every_request_is_one_line_and_counted() -> None:
    recorder = Recorder()
    for target in ("/a", "/a", "/bug", "/refuse", "/b"):
        await answered(recorder, call(target=target, X_Request_ID="req-1"))

    tally = recorder.requests.tally
    assert (tally.requests, tally.errors, tally.limited) == (5, 1, 1)
    assert recorder.metrics.value(HTTP_REQUESTS, "gateway", "a", "200") == 2
    assert recorder.metrics.value(HTTP_REQUESTS, "gateway", "none", "404") == 1
    timed = 'handoff_http_seconds_count{listener="gateway",route="a"} 2\n'
    assert timed in recorder.metrics.prometheus()
    first, *_ = recorder.lines("request")
    assert first.pop("seconds") >= 0
    assert first == {
        "timestamp": "2026-09-21T14:13:20.250Z", "level": "info", "service": "gateway",
        "event": "request", "request_id": "req-1", "route": "a", "status": 200,
        "thread_id": "cthr_a",
    }  # fmt: skip


@pytest.mark.parametrize(("log_level", "lines"), [("info", 1), ("warning", 0)])
async def test_no_line_below_the_level_and_numbers_all_the_same(log_level: str, lines: int) -> None:
    from libs.runtime.log import Log
    from libs.web.requests import Requests

    recorder = Recorder()
    log = Log("gateway", level=log_level, out=recorder.text)
    recorder.requests = Requests("gateway", log, recorder.metrics, recorder.clock)
    await answered(recorder, call())

    assert recorder.requests.tally.requests == 1
    assert len(recorder.lines("request")) == lines


def test_every_answer_carries_the_security_headers() -> None:
    asked = call()
    asked.request_id = "req-1"

    headers = headers_of(asked, (("Cache-Control", "no-cache"),))

    assert headers["X-Request-ID"] == "req-1"
    assert headers["Cache-Control"] == "no-cache", "its own replaces the usual one"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert set(SECURITY) <= set(headers)
    assert "Access-Control-Allow-Origin" not in headers


async def test_health_names_what_is_down() -> None:
    async def up() -> bool:
        return True

    async def down() -> bool:
        raise Unavailable("records", "no")

    ops = Health((("database", down), ("redis", up)), Recorder().requests)

    answer = await ops.health(call())

    told = json.loads(answer.body)
    assert answer.status == 503
    assert (told["status"], told["database"], told["redis"]) == (
        "degraded", "disconnected", "connected",
    )  # fmt: skip


async def test_health_does_not_wait_for_what_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from libs.web import health

    monkeypatch.setattr(health, "CHECK_SECONDS", 0.01)

    async def hangs() -> bool:
        await asyncio.Event().wait()
        return True

    answer = await Health((("redis", hangs),), Recorder().requests).health(call())

    assert answer.status == 503


@pytest.mark.parametrize(
    ("part", "event"), [("records", "database_error"), ("blobs", "unavailable")]
)
async def test_a_database_that_is_down_has_a_name_of_its_own(part: str, event: str) -> None:
    recorder = Recorder()

    async def down(_: Call) -> Answer:
        raise Unavailable(part, "timeout")

    route = Route("GET", "/a", down, "a")
    await Edge((route,), recorder.log, recorder.requests).answer(call(target="/a"))

    assert [line["part"] for line in recorder.lines(event)] == [part]
