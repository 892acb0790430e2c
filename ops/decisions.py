"""What a person decides about a held lead: `resend`, `resend --arrived`, `close`."""

from __future__ import annotations

from typing import Final

from libs.errors import Unavailable
from libs.ledger.apply import apply
from libs.ledger.events import Event, OperatorClose, OperatorConfirm, OperatorResend
from libs.ledger.record import LeadKey, LeadRecord, State
from libs.messages.base import Message
from libs.messages.lead import ConsiderLead, LeadDecision
from libs.messages.mail import LeadMailHeld, LeadMailSent
from ops.desk import Desk
from ops.show import Shown
from ops.streams import paused_before_a_mail
from ops.wording import in_words

ANSWER_SECONDS: Final = 10.0
"""Longer than a mail takes from here."""
_NOT_FOUND: Final = 3


class _RefusedError(Exception):
    def __init__(self, said: str, code: int = 1) -> None:
        super().__init__(said)
        self.code = code


async def resend(desk: Desk, thread_id: str, *, attempt: int, arrived: bool) -> Shown:
    """They name the attempt they looked at."""
    try:
        record = await _held(desk, thread_id, attempt)
        if arrived:
            await _apply(desk, record, OperatorConfirm())
            return Shown(data={"thread_id": thread_id, "state": "sent"}, lines=["Settled as sent."])
        await _apply(desk, record, await _what_to_send(desk, record))
    except _RefusedError as refused:
        return _refused(thread_id, refused)
    return await _asked_for(desk, record.key)


async def close(desk: Desk, thread_id: str, *, attempt: int) -> Shown:
    """Without a mail: nothing can be sent, or nothing shall be."""
    try:
        record = await _held(desk, thread_id, attempt)
        last = await desk.conversations.last_item_id(record.key.shop, thread_id)
        await _apply(desk, record, OperatorClose(reason="dropped", last_item_id=last or ""))
    except _RefusedError as refused:
        return _refused(thread_id, refused)
    said = "Closed without a mail. If the customer writes more, it is considered again."
    return Shown(data={"thread_id": thread_id, "state": "closed"}, lines=[said])


async def _held(desk: Desk, thread_id: str, attempt: int) -> LeadRecord:
    shop, record = await desk.find(thread_id)
    if LeadKey(shop, thread_id) in desk.unreadable:
        raise _RefusedError("The record of this thread cannot be read: see `handoff why`.")
    if record is None:
        raise _RefusedError("There is no record of this thread.", _NOT_FOUND)
    if record.attempt != attempt:
        raise _RefusedError(
            f"The current attempt is {record.attempt}, not {attempt}: see `handoff why`."
        )
    if record.state is not State.HELD:
        raise _RefusedError(f"Only a held lead waits for a person; this one is {record.state}.")
    return record


async def _apply(desk: Desk, record: LeadRecord, event: Event) -> None:
    applied = await apply(desk.records, record.key, event, desk.clock)
    if not applied.wrote:
        raise _RefusedError(f"Nothing was changed: {applied.why}.")


async def _what_to_send(desk: Desk, record: LeadRecord) -> OperatorResend:
    """What was fixed, and else whatever the gates make of the conversation."""
    shop, thread_id = record.key.shop, record.key.thread_id
    if shop not in desk.shops.by_slug:
        raise _RefusedError(f"Put the profile of {shop} back into SHOPS first.")
    if fixed := await desk.fixed(record):
        key, snapshot = fixed
        return OperatorResend(snapshot=key, last_item_id=snapshot.last_item_id, kind=snapshot.kind)
    if await desk.conversations.last_item_id(shop, thread_id) is None:
        raise _RefusedError(
            "Nothing is left to send: what the mail would say and the conversation are gone."
            f" `handoff close {thread_id} --attempt {record.attempt}` ends it."
        )
    return OperatorResend()


async def _asked_for(desk: Desk, key: LeadKey) -> Shown:
    """What becomes of it now. The sweeper finds the record, whoever answers here."""
    wish = ConsiderLead(shop=key.shop, thread_id=key.thread_id, reason="operator")
    sweep = f"within {desk.settings.sweep_seconds:g} s"
    if desk.streams is None:
        said = f"Redis does not answer; it is looked at {sweep} all the same."
        return _still_open(key, "queued", said)
    try:
        if paused := await paused_before_a_mail(desk.streams.oversight):
            await desk.streams.publish(wish)
            resume = " and ".join(f"`handoff resume {name}`" for name in paused)
            return _still_open(key, "paused", f"It waits for {resume}.", code=1)
        return _told(key, await desk.streams.ask(wish, timeout_seconds=ANSWER_SECONDS))
    except TimeoutError:
        said = f"Nobody answered within {ANSWER_SECONDS:.0f} s; it goes on by itself."
        return _still_open(key, "queued", said)
    except Unavailable:
        said = f"Redis did not answer; it is looked at {sweep} all the same."
        return _still_open(key, "queued", said)


def _told(key: LeadKey, answer: Message) -> Shown:
    match answer:
        case LeadMailSent():
            return Shown(data={"thread_id": key.thread_id, "state": "sent"}, lines=["It was sent."])
        case LeadDecision(sent=True):
            return Shown(data={"thread_id": key.thread_id, "state": "sent"}, lines=["It was sent."])
        case LeadDecision(reason=reason) | LeadMailHeld(reason=reason):
            code = 0 if reason == "in_progress" else 1
            return _still_open(key, reason, f"Not sent yet: {in_words(reason)}.", code=code)
        case _:
            raise TypeError(f"{type(answer).__name__} does not answer a resend")


def _still_open(key: LeadKey, reason: str, said: str, *, code: int = 0) -> Shown:
    data = {"thread_id": key.thread_id, "state": "pending", "reason": reason}
    return Shown(data=data, lines=[f"{said} `handoff why` shows how it goes."], code=code)


def _refused(thread_id: str, refused: _RefusedError) -> Shown:
    said = str(refused)
    return Shown(data={"thread_id": thread_id, "error": said}, lines=[said], code=refused.code)
