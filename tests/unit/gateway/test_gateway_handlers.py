"""The gateway's decisions without a network: who is let in, who learns what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from libs.errors import Unavailable
from libs.identity.visitors import visitor_id
from libs.leases.port import SentMark
from libs.limits.fakes import MemoryLimits
from libs.limits.port import Limit, Verdict
from libs.messages.base import Message
from libs.messages.lead import ConsiderLead, LeadDecision
from libs.messages.mail import LeadMailHeld, LeadMailSent
from libs.messages.session import MintSession, SessionMinted
from libs.runtime.settings import load
from libs.streams.fakes import RememberingPublisher
from libs.web.answers import Answer, Refused
from libs.web.call import Call
from services.gateway.admission import Admission
from services.gateway.decisions import Asked, already_sent, decided, queued
from services.gateway.handlers import Leads, Sessions
from services.gateway.settings import GatewaySettings
from services.gateway.visitors import Visitors
from tests.unit.web.calls import Recorder, call

KEYS = ("k" * 40,)
OWNER = visitor_id(KEYS[0], "u-1")
SETTINGS = load(GatewaySettings, {})
MINTED = SessionMinted(client_secret="s", expires_at=1, user="u", mode="own")


class NoLimiter:
    async def admit(self, shop: str, limits: Sequence[Limit], *, read: str = "") -> Verdict:
        raise Unavailable("redis", "connection lost")


class Answering(RememberingPublisher):
    """Asker that always says the same, or nothing in time."""

    def __init__(self, answer: Message | None) -> None:
        super().__init__()
        self.answer = answer

    async def ask(self, wish: Message, *, timeout_seconds: float) -> Message:
        await self.publish(wish)
        if self.answer is None:
            raise TimeoutError
        return self.answer

    def ask_many(
        self, wish: Message, *, timeout_seconds: float, resume: str = "", owner: str = ""
    ) -> Any:
        raise NotImplementedError


def posted(body: object, **headers: str) -> Call:
    asked = call(
        "POST", "/api/chatkit/lead", json.dumps(body).encode(),
        Content_Type="application/json", **headers,
    )  # fmt: skip
    asked.shop, asked.request_id = "craigs", "req-1"
    return asked


def leads(limits: Any, streams: Answering, recorder: Recorder, hops: int = 0) -> Leads:
    admission = Admission(limits, hops, recorder.metrics, recorder.log)
    return Leads(streams, streams, admission, Visitors(KEYS, recorder.clock), SETTINGS)


async def test_without_a_limiter_nobody_mints() -> None:
    recorder, streams = Recorder(), Answering(MINTED)
    admission = Admission(NoLimiter(), 0, recorder.metrics, recorder.log)

    with pytest.raises(Unavailable):
        await Sessions(streams, admission, SETTINGS).mint(posted({}))

    assert streams.published == []


@pytest.mark.parametrize(("body", "locale"), [({}, ""), ({"locale": "es"}, "es")])
async def test_a_session_is_asked_for_in_no_language_that_the_page_did_not_tell(
    body: dict[str, str], locale: str
) -> None:
    recorder, streams = Recorder(), Answering(MINTED)
    admission = Admission(MemoryLimits(recorder.clock), 0, recorder.metrics, recorder.log)

    await Sessions(streams, admission, SETTINGS).mint(posted(body))

    [wish] = streams.published
    assert isinstance(wish, MintSession)
    assert wish.locale == locale


async def test_without_a_limiter_triggers_still_count() -> None:
    recorder, streams = Recorder(), Answering(None)

    answer = await leads(NoLimiter(), streams, recorder).consider(
        posted({"threadId": "cthr_a", "reason": "pagehide", "user": "u-1"})
    )

    assert answer.status == 202
    [wish] = streams.published
    assert isinstance(wish, ConsiderLead)
    assert wish.visitor == OWNER
    assert recorder.lines("redis_lost")


async def test_a_proxy_of_ours_tells_whose_address_it_is() -> None:
    recorder, streams = Recorder(), Answering(None)
    handler = leads(MemoryLimits(recorder.clock), streams, recorder, hops=1)

    async def send(address: str, number: int) -> None:
        body = {"threadId": f"cthr_{number}", "reason": "pagehide"}
        await handler.consider(posted(body, X_Forwarded_For=address))

    for number in range(120):
        await send(f"2001:db8::{number}", number)
    with pytest.raises(Refused) as refused:
        await send("2001:db8::ffff", 999)
    await send("2001:db8:0:1::1", 1000)

    assert refused.value.status == 429
    [line] = recorder.lines("rate_limit_exceeded")
    assert (line["limit"], line["endpoint"]) == ("triggers_per_address", "/api/chatkit/lead")


ASKED = Asked("cthr_a", "idle", (OWNER,), "req-1")
STRANGER = Asked("cthr_a", "idle", ("v_other",), "req-1")
NOBODY = Asked("cthr_a", "idle", (), "req-1")


def told(answer: Answer) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(answer.body)
    assert body["lead_reason"] == body["reason"]
    assert (body["thread_id"], body["request_id"], body["ok"]) == ("cthr_a", "req-1", True)
    return body


@pytest.mark.parametrize("asked", [STRANGER, NOBODY])
@pytest.mark.parametrize(
    "reply",
    [
        LeadDecision(thread_id="cthr_a", sent=True, reason="already_sent", visitor=OWNER),
        LeadDecision(thread_id="cthr_a", sent=False, reason="not_ready", visitor=""),
        LeadMailSent(thread_id="cthr_a", reason="idle", sent_at=1.0, visitor=OWNER),
        LeadMailHeld(thread_id="cthr_a", reason="in_progress", visitor=OWNER),
    ],
)
def test_others_are_told_that_it_was_accepted_and_nothing_else(
    asked: Asked, reply: Message
) -> None:
    answer = decided(asked, reply)

    assert set(told(answer)) == {
        "ok", "sent", "reason", "lead_reason", "thread_id", "request_id",
    }  # fmt: skip
    assert (told(answer)["sent"], told(answer)["reason"]) == (False, "accepted")


def test_a_sent_mark_tells_its_visitor_only() -> None:
    mark = SentMark(visitor=OWNER, sent_at=7.0)

    assert told(already_sent(ASKED, mark))["sent_at"] == 7.0
    assert told(already_sent(STRANGER, mark))["reason"] == "accepted"
    assert told(already_sent(NOBODY, SentMark(visitor="", sent_at=7.0)))["reason"] == "accepted"


@pytest.mark.parametrize(
    ("reason", "handoff_reason"),
    [
        ("missing_contact", "missing_contact"), ("missing_project_details",) * 2,
        ("missing_vehicle_context",) * 2, ("not_ready", "not_ready"), ("cooldown", None),
        ("empty_thread", None),
    ],
)  # fmt: skip
def test_the_model_s_reason_is_also_told_as_such(reason: str, handoff_reason: str | None) -> None:
    reply = LeadDecision(
        thread_id="cthr_a", sent=False, reason=reason, visitor=OWNER, missing_info=("phone",)
    )

    body = told(decided(ASKED, reply))

    assert body.get("handoff_reason") == handoff_reason
    assert body["missing_info"] == ["phone"]


def test_a_queued_trigger_is_202() -> None:
    answer = queued(ASKED)

    assert (answer.status, told(answer)["sent"], told(answer)["reason"]) == (202, False, "queued")


def test_what_is_no_answer_to_a_trigger_is_a_bug() -> None:
    with pytest.raises(TypeError):
        decided(ASKED, SessionMinted(client_secret="s", expires_at=1, user="u", mode="own"))
