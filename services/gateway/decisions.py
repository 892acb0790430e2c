"""What the browser is told about its trigger: all of it to the visitor, next to nothing to others.

| reply | the thread's own visitor | anybody else |
|---|---|---|
| none in time, or nobody waits | 202 queued | 202 queued |
| no such conversation | 404 unknown_thread | 404 unknown_thread |
| sent, not yet, held, ... | the decision with its details | 200 accepted |
"""

from __future__ import annotations

from typing import Any

import msgspec

from libs.leases.port import SentMark
from libs.messages.base import Message
from libs.messages.lead import NOT_READY, LeadDecision
from libs.messages.mail import LeadMailHeld, LeadMailSent
from libs.web.answers import Answer, Refused
from services.gateway.visitors import Visitor


class LeadAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    ok: bool
    sent: bool
    reason: str
    lead_reason: str
    """The same, under the name that older front ends read."""
    thread_id: str
    request_id: str
    already_sent: bool = False
    sent_at: float | None = None
    possible_duplicate: bool = False
    retry_after: float | None = None
    last_activity_at: float | None = None
    idle_seconds: float | None = None
    seconds_since_last_activity: float | None = None
    retry_scheduled: bool = False
    scheduled_for: float | None = None
    missing_info: tuple[str, ...] = ()
    handoff_reason: str = ""


class Asked(msgspec.Struct, frozen=True):
    """The trigger that is answered."""

    thread_id: str
    reason: str
    visitor: Visitor
    request_id: str


_ENCODER = msgspec.json.Encoder()


def queued(asked: Asked) -> Answer:
    return _answer(asked, "queued", status=202)


def already_sent(asked: Asked, mark: SentMark) -> Answer:
    if mark.visitor not in asked.visitor:
        return _answer(asked, "accepted")
    return _answer(asked, "already_sent", sent=True, already_sent=True, sent_at=mark.sent_at)


def decided(asked: Asked, reply: Message) -> Answer:
    match reply:
        case LeadDecision(known=False):
            raise Refused("unknown_thread")
        case LeadDecision() | LeadMailSent() | LeadMailHeld() if reply.visitor not in asked.visitor:
            return _answer(asked, "accepted")
        case LeadMailSent():
            return _answer(
                asked,
                reply.reason or asked.reason,
                sent=True,
                sent_at=reply.sent_at,
                possible_duplicate=reply.possible_duplicate,
            )
        case LeadMailHeld():
            return _answer(asked, reply.reason, retry_after=reply.retry_after)
        case LeadDecision():
            return _decision(asked, reply)
        case _:
            raise TypeError(f"{type(reply).__name__} does not answer a trigger")


def _decision(asked: Asked, reply: LeadDecision) -> Answer:
    return _answer(
        asked,
        reply.reason,
        sent=reply.sent,
        already_sent=reply.reason == "already_sent",
        sent_at=reply.sent_at,
        retry_after=reply.retry_after,
        last_activity_at=reply.last_activity_at,
        idle_seconds=reply.idle_seconds,
        seconds_since_last_activity=reply.seconds_since_last_activity,
        retry_scheduled=reply.scheduled_for is not None,
        scheduled_for=reply.scheduled_for,
        missing_info=reply.missing_info,
        handoff_reason=reply.reason if reply.reason in NOT_READY else "",
    )


def _answer(
    asked: Asked, reason: str, *, status: int = 200, sent: bool = False, **details: Any
) -> Answer:
    body = LeadAnswer(
        ok=True,
        sent=sent,
        reason=reason,
        lead_reason=reason,
        thread_id=asked.thread_id,
        request_id=asked.request_id,
        **details,
    )
    return Answer(status, _ENCODER.encode(body), outcome=reason)
