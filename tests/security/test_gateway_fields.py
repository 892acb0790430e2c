"""Every field of every route at its limits, over them, of the wrong type, in hostile Unicode.

What passes arrives whole; what must not is a clear 4xx that names the field and passes nothing on
(or is left out, where nothing depends on it), never a 5xx; and nothing of it reaches the log.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from services.gateway.openapi import document
from tests.security.fields import (
    FOREIGN,
    FORMS,
    HOSTILE,
    NO_VALUES,
    TAKES,
    WRONG_TYPES,
    Field,
    Form,
    taken,
)
from tests.security.front_door import LOGGED, FrontDoor

CASES = [(form, field) for form in FORMS for field in form.fields]
IDS = [f"{form}.{field.name}" for form, field in CASES]
OBJECTS = [form for form in FORMS if form.inside]

HALVES = (
    rb"\ud800", rb"\udc00\ud800", b"\xff", b"\xc3", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
)  # fmt: skip
"""A surrogate alone, and what is no UTF-8: cut off, longer than need be, beyond the last."""


@pytest.fixture
def door() -> Iterator[FrontDoor]:
    """Whatever was sent, its log holds a line per request, of our own words and the thread."""
    started = FrontDoor()
    yield started
    lines = started.log_lines()
    assert lines
    for line in lines:
        assert (line["event"], set(line) - LOGGED) == ("request", set())
        assert line.get("outcome", "answered").replace("_", "").isalpha()
        assert line.get("thread_id", "cthr_a") in {"cthr_a", "cthr_" + "Z" * 128}


def test_the_table_knows_every_field_of_every_form() -> None:
    for path, kind in TAKES.items():
        listed = {(form.inside, field.name) for form, field in CASES if form.path == path}

        assert listed == set(taken(kind)), path


def test_every_route_that_takes_json_is_in_the_table() -> None:
    paths = document()["paths"]
    posted = {path for path, methods in paths.items() if "post" in methods}

    assert posted == {*TAKES, "/api/chatkit/attachment"}


def is_taken(answer: tuple[int, Any]) -> None:
    assert answer[0] in {200, 202}, answer[1]


def is_refused(answer: tuple[int, Any], field: str) -> None:
    status, told = answer
    assert status == 400, told
    expected = "invalid_thread" if field == "threadId" else "invalid_field"
    assert told["error"] == expected
    assert f"{field}`" in told["message"]


def unfit(field: Field) -> Iterator[str]:
    yield field.longest + field.longest[-1]
    yield "x" * 20_000
    yield from (field.longest[:6] + value for value in HOSTILE)
    if not field.prose:
        yield from (field.longest[:5] + value for value in FOREIGN)


@pytest.mark.parametrize(("form", "field"), CASES, ids=IDS)
async def test_a_field_at_its_limit_arrives_whole(
    door: FrontDoor, form: Form, field: Field
) -> None:
    longest = [field.longest, *([field.longest[:5] + f for f in FOREIGN] if field.prose else [])]
    for value in longest:
        is_taken(await door.post(form.path, json.dumps(form.body(field.name, value))))
        [message] = door.passed_on()
        if field.arrives:
            assert form.arrived(message, field) == field.becomes(value)


@pytest.mark.parametrize(("form", "field"), CASES, ids=IDS)
async def test_what_a_field_does_not_take_goes_nowhere(
    door: FrontDoor, form: Form, field: Field
) -> None:
    async def send(value: object) -> tuple[int, Any]:
        return await door.post(form.path, json.dumps(form.body(field.name, value)))

    for value in WRONG_TYPES:
        is_refused(await send(value), field.name)
    if not field.worthless:
        for text in unfit(field):
            is_refused(await send(text), field.name)
    if field.needed:
        for nothing in (None, ""):
            is_refused(await send(nothing), field.name)

    assert door.passed_on() == []


@pytest.mark.parametrize("form", FORMS, ids=str)
async def test_what_is_empty_or_worthless_is_left_out(door: FrontDoor, form: Form) -> None:
    await door.post(form.path, json.dumps(form.least))
    without = door.passed_on()
    for field in (each for each in form.fields if not each.needed):
        for value in (None, "", *(unfit(field) if field.worthless else ())):
            is_taken(await door.post(form.path, json.dumps(form.body(field.name, value))))
            [message] = door.passed_on()

            assert form.arrived(message, field) == form.arrived(without[0], field), field.name


@pytest.mark.parametrize("form", FORMS, ids=str)
async def test_half_a_character_is_no_text(door: FrontDoor, form: Form) -> None:
    for field in form.fields:
        for half in HALVES:
            body = json.dumps(form.body(field.name, "a@@")).encode().replace(b"@@", half)
            status, told = await door.post(form.path, body)

            assert (status, told["error"]) == (400, "invalid_json"), field.name
    assert door.passed_on() == []


@pytest.mark.parametrize("half", HALVES)
async def test_half_a_character_anywhere_in_a_chat_is_no_text(door: FrontDoor, half: bytes) -> None:
    """The gateway passes on what it does not look at."""
    for place in (b'"text":"a@@"', b'"a@@":"text"'):
        body = b'{"type":"threads.create","params":{' + place.replace(b"@@", half) + b"}}"
        status, told = await door.post("/api/chatkit", body)

        assert (status, told["error"]) == (400, "invalid_json")
    assert door.passed_on() == []


@pytest.mark.parametrize("form", OBJECTS, ids=str)
async def test_an_object_is_one(door: FrontDoor, form: Form) -> None:
    for value in ("a", "", 1, True, [], [{}]):
        body = json.dumps(form.body("", value))
        is_refused(await door.post(form.path, body), form.inside)
    assert door.passed_on() == []

    is_taken(await door.post(form.path, json.dumps(form.body("", None))))


@pytest.mark.parametrize("form", FORMS, ids=str)
async def test_what_is_needed_is_asked_for_by_name(door: FrontDoor, form: Form) -> None:
    for field in form.fields:
        if field.needed:
            is_refused(await door.post(form.path, "{}"), field.name)
    deep = '{"type":' + "[" * 30_000 + "]" * 30_000 + "}"
    for wrong in ("[]", "null", "1", '"a"', "{", "", "{}{}", '{"a":}', "\x00", deep):
        status, told = await door.post(form.path, wrong)
        assert (status, told["ok"]) == (400, False)
    assert door.passed_on() == []


PHONE: Final = "4085550176"


@pytest.mark.parametrize("form", FORMS, ids=str)
async def test_hostile_values_leave_no_trace_in_answer_or_log(door: FrontDoor, form: Form) -> None:
    for field in form.fields:
        for value in (f"{PHONE}\n\x1b[31mleak@example.com", PHONE * 1000, {PHONE: PHONE}):
            _, told = await door.post(form.path, json.dumps(form.body(field.name, value)))
            assert PHONE not in json.dumps(told), field.name

    assert len(door.log_lines()) == 3 * len(form.fields)
    assert PHONE not in door.recorder.text.getvalue()


QUERIES: Final = {
    ("/message/", "token"): 400,
    ("/api/message-link", "token"): 400,
    ("/handoff.json", "locale"): 200,
    ("/panel.js", "v"): 404,
}
"""What is answered to a value that is none. A language that we do not speak becomes English."""
PHOTO: Final = "/api/chatkit/attachment"


def test_every_parameter_of_a_query_is_in_the_table() -> None:
    documented = {
        (path, parameter["name"])
        for path, methods in document()["paths"].items()
        for parameter in methods.get("get", {}).get("parameters", ())
        if parameter["in"] == "query"
    }

    photo = {(PHOTO, "id"), (PHOTO, "view"), (PHOTO, "signature")}
    assert documented == {*QUERIES, *photo}


@pytest.mark.parametrize(("path", "name"), QUERIES, ids=str)
async def test_a_parameter_is_looked_at_closely(door: FrontDoor, path: str, name: str) -> None:
    queries = ["", name, f"x=1&{name}", *(f"{name}={value}" for value in NO_VALUES)]
    for query in queries:
        status, text = await door.get(f"{path}?{query}")

        assert status == QUERIES[path, name], query
        assert "aaaa" not in text or status == 200


@pytest.mark.parametrize("count", [63, 64, 300, 2000])
@pytest.mark.parametrize(("path", "name"), QUERIES, ids=str)
async def test_a_query_of_many_parameters_breaks_nothing(
    door: FrontDoor, path: str, name: str, count: int
) -> None:
    status, _ = await door.get(f"{path}?" + "x=1&" * count + f"{name}=a")

    assert status == QUERIES[path, name]


@pytest.mark.parametrize("path", ["/message/", "/api/message-link"])
async def test_of_two_tokens_the_first_counts(door: FrontDoor, path: str) -> None:
    token = "a" * 22

    assert (await door.get(f"{path}?token={token}"))[0] == 404
    assert (await door.get(f"{path}?token={token}&token=b"))[0] == 404
    assert (await door.get(f"{path}?token=b&token={token}"))[0] == 400


NO_HEADER: Final = (
    "", "\udcff", "é", "\u202e", "a\x7f", "a" * 8000, "Bearer \u0660.a.b", "Bearer \udcff.\udcff",
)  # fmt: skip
HEADERS: Final = {
    ("Authorization", "/api/chatkit/lead"): 200,
    ("Authorization", "/api/lead-signal"): 200,
    ("Authorization", "/api/chatkit"): 401,
    ("X-Request-ID", "/api/chatkit/lead"): 200,
    ("X-Request-ID", "/api/chatkit"): 200,
    ("Content-Type", "/api/chatkit/session"): 415,
    ("Content-Type", "/api/chatkit"): 415,
    ("Content-Encoding", "/api/chatkit/lead"): 415,
    ("Host", "/api/chatkit/lead"): 200,
}
"""What is answered where a header says nothing. A trigger counts whoever sends it."""


@pytest.mark.parametrize(("name", "path"), HEADERS, ids=str)
async def test_a_header_is_looked_at_closely(door: FrontDoor, name: str, path: str) -> None:
    body = json.dumps({"threadId": "cthr_a", "event": "click_call", "type": "threads.list"})
    for value in NO_HEADER:
        status, told = await door.post(path, body, **{name.replace("-", "_"): value})

        assert status == HEADERS[name, path], value
        assert not value or value not in json.dumps(told, ensure_ascii=False)
