"""Every field of every JSON route at its limits, over them, of the wrong type, in hostile Unicode.

What passes must pass, what must not is a clear 4xx that names the field (or left out, where nothing
depends on it), never a 5xx; and nothing of it reaches the log.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
import yarl
from aiohttp import ClientSession

from libs.messages.lead import ConsiderLead, LeadDecision
from libs.messages.session import MintSession, SessionMinted
from tests.gateway import JSON, UNLIMITED, Gateway, bearer, gateway, reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

MINTED = SessionMinted(client_secret="s", expires_at=1, user="u", mode="own")
DECIDED = LeadDecision(thread_id="cthr_a", sent=False, reason="held")
BEHIND = {MintSession: reply(MINTED), ConsiderLead: reply(DECIDED)}


@dataclass(frozen=True)
class Field:
    """What a field takes at most, and whether it must be there."""

    name: str
    longest: str
    needed: bool = False
    prose: bool = False
    """Any language may stand in it."""
    nullable: bool = True
    worthless: bool = False
    """Left out where it does not fit: no lead is refused for it. The form's own test says which."""


@dataclass(frozen=True)
class Form:
    path: str
    least: dict[str, Any]
    fields: tuple[Field, ...]
    inside: str = ""
    """The object that holds the fields; empty: the body itself."""

    def body(self, name: str, value: object) -> dict[str, Any]:
        told: dict[str, Any] = {name: value}
        for outer in reversed(self.inside.split(".") if self.inside else ()):
            told = {outer: told}
        return {**self.least, **told}


URL: Final = "https://craigs.autos/" + "a" * 2027
VISITOR = (
    Field("locale", "e" * 35, worthless=True),
    Field("pageUrl", URL),
    Field("user", "~" * 256),
)
ATTRIBUTION = (
    *(Field(name, "g" * 128, worthless=True) for name in ("gclid", "gbraid", "wbraid")),
    *(
        Field(f"utm_{name}", "ü" * 256, prose=True, worthless=True)
        for name in ("source", "medium", "campaign", "term", "content")
    ),
    Field("landing_page", URL, worthless=True),
    Field("referrer", URL, worthless=True),
    *(
        Field(name, "m" * 64, worthless=True)
        for name in ("device_type", "first_touch_at", "last_touch_at")
    ),
)
LEAD = "/api/chatkit/lead"
SIGNAL = "/api/lead-signal"
THREAD = Field("threadId", "cthr_" + "Z" * 128, needed=True, nullable=False)
FORMS = (
    Form("/api/chatkit/session", {}, (*VISITOR, Field("current", "x" * 4096))),
    Form(LEAD, {"threadId": "cthr_a"}, (THREAD, *VISITOR, Field("reason", "r" * 64, prose=True))),
    Form(LEAD, {"threadId": "cthr_a"}, ATTRIBUTION, "attribution"),
    Form(LEAD, {"threadId": "cthr_a"}, ATTRIBUTION[:4], "attribution.first"),
    Form(
        SIGNAL,
        {"event": "click_call"},
        (
            Field("event", "e" * 64, needed=True, nullable=False),
            *VISITOR,
            Field("clickUrl", URL),
            Field("provider", "ü" * 64, prose=True),
            Field("name", "ü" * 255, prose=True),
        ),
    ),
    Form(SIGNAL, {"event": "click_call"}, ATTRIBUTION, "attribution"),
)
CASES = [(form, field) for form in FORMS for field in form.fields]
IDS = [f"{form.path}:{form.inside}{field.name}" for form, field in CASES]

WRONG_TYPES: Final = (0, -1, 1.5, 10**400, True, False, [], ["a"], {}, {"a": 1}, [[[[]]]])
HOSTILE: Final = (
    "\x00", "a\x00b", "\n", "a\n", "\r\nSet-Cookie: a=b", "\t", "\x1b[31m", "\x7f", "\x85",
    "\u2028", "\u2029", "\u202e", "\u2066", "\u200b", "\ufeff", "\ufffe", "\uffff",
)  # fmt: skip
"""Refused everywhere: what hides, turns around or breaks lines."""
FOREIGN: Final = ("é", "漢字", "\U0001f600", "\uff43thr_", "\u0430", "\u0660")
"""Refused where only ASCII has a meaning."""
LONE_SURROGATE: Final = r'"\ud800"'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """One for all: to start it takes longer than a field's questions."""
    data = tmp_path_factory.mktemp("fields")
    async with gateway(data, behind=BEHIND, **UNLIMITED) as started:
        yield started


async def ask(client: ClientSession, url: str, body: str) -> tuple[int, Any]:
    async with client.post(url, data=body.encode("utf-8"), headers=JSON) as answer:
        return answer.status, await answer.json()


def refused(answer: tuple[int, Any], field: Field) -> None:
    status, told = answer
    assert status == 400, told
    expected = "invalid_thread" if field.name == "threadId" else "invalid_field"
    assert told["error"] == expected
    assert f"{field.name}`" in told["message"]


@pytest.mark.parametrize(("form", "field"), CASES, ids=IDS)
async def test_a_field_keeps_its_limits(running: Gateway, form: Form, field: Field) -> None:
    url = running.url + form.path
    async with ClientSession() as client:

        async def send(value: object) -> tuple[int, Any]:
            return await ask(client, url, json.dumps(form.body(field.name, value)))

        assert (await send(field.longest))[0] in {200, 202}
        for value in WRONG_TYPES:
            refused(await send(value), field)
        unfit = [field.longest + field.longest[-1], "x" * 20_000]
        unfit += [field.longest[:6] + value for value in HOSTILE]
        foreign = [field.longest[:5] + value for value in FOREIGN]
        for text in unfit + foreign:
            answer = await send(text)
            if field.worthless or (field.prose and text in foreign):
                assert answer[0] in {200, 202}
            else:
                refused(answer, field)
        if field.nullable:
            assert (await send(None))[0] in {200, 202}
            assert (await send(""))[0] in {200, 202}
        else:
            refused(await send(None), field)
            refused(await send(""), field)

    assert running.lines("unhandled_exception") == []


@pytest.mark.parametrize(("form", "field"), CASES, ids=IDS)
async def test_half_a_character_is_no_text(running: Gateway, form: Form, field: Field) -> None:
    body = json.dumps(form.body(field.name, "@@")).replace('"@@"', LONE_SURROGATE)
    async with ClientSession() as client:
        status, told = await ask(client, running.url + form.path, body)

    assert (status, told["ok"]) == (400, False)


@pytest.mark.parametrize("form", FORMS, ids=[f"{form.path}:{form.inside}" for form in FORMS])
async def test_what_is_needed_is_asked_for_by_name(running: Gateway, form: Form) -> None:
    needed = [field for field in form.fields if field.needed]
    async with ClientSession() as client:
        for field in needed:
            refused(await ask(client, running.url + form.path, "{}"), field)
        for wrong in ("[]", "null", "1", '"a"', "{", "", "{}{}", '{"a":}', "\x00"):
            status, told = await ask(client, running.url + form.path, wrong)
            assert (status, told["ok"]) == (400, False)


async def test_attribution_must_be_an_object(running: Gateway) -> None:
    field = Field("attribution", "")
    async with ClientSession() as client:
        for path, least in ((LEAD, {"threadId": "cthr_a"}), (SIGNAL, {"event": "e"})):
            for value in ("a", 1, True, []):
                body = json.dumps({**least, "attribution": value})
                refused(await ask(client, running.url + path, body), field)


@pytest.mark.parametrize(
    "body",
    [
        "{}", '{"type":1}', '{"type":""}', '{"type":null}', '{"type":"' + "a" * 65 + '"}',
        '{"type":"a\\u0000"}', '{"type":"\\u202e"}', "[]", "", "{", '{"type":"\\ud800"}',
        '{"type":' + "[" * 60_000 + "]" * 60_000 + "}",
    ],
)  # fmt: skip
async def test_what_is_no_chat_request_is_refused(running: Gateway, body: str) -> None:
    async with ClientSession() as client:
        headers = {**JSON, **bearer()}
        url = f"{running.url}/api/chatkit"
        async with client.post(url, data=body.encode(), headers=headers) as answer:
            told = await answer.json()

    assert answer.status == 400
    assert told["error"] in {"invalid_json", "invalid_field"}


@pytest.mark.parametrize("path", ["/message/", "/api/message-link"])
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400), ("token=", 400), ("token", 400), ("token=a", 400), ("token=" + "a" * 23, 400),
        ("token=" + "a" * 5000, 400), ("token=%00" + "a" * 21, 400), ("token=" + "%F0" * 22, 400),
        ("token=" + "a" * 21 + "%0A", 400), ("token=" + "a" * 22 + "&token=b", 404),
        ("token=" + "a" * 22, 404), ("x=1&" * 2000, 400),
    ],
)  # fmt: skip
async def test_a_link_s_token_is_looked_at_closely(
    running: Gateway, path: str, query: str, status: int
) -> None:
    exactly = yarl.URL(f"{running.url}{path}?{query}", encoded=True)
    async with ClientSession() as client, client.get(exactly) as answer:
        text = await answer.text()

    assert answer.status == status
    assert "aaaa" not in text


async def test_hostile_values_leave_no_trace_in_the_log(tmp_path: Path) -> None:
    started = gateway(tmp_path, behind=BEHIND, **UNLIMITED)
    async with started as running, ClientSession() as client:
        for form, field in CASES:
            body = form.body(field.name, "4085550176\n\x1b[31mleak@example.com")
            await ask(client, running.url + form.path, json.dumps(body))

    text = running.log_text.getvalue()
    assert len(running.lines("request")) == len(CASES)
    for trace in ("4085550176", "leak@", "\x1b"):
        assert trace not in text
