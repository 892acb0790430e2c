"""The one place that makes a lead's next record: `decide`, a pure table of state and event.

    none ─Considered─▶ PENDING ─Arm─▶ SENDING ─Accepted, ProviderEvent─▶ SENT (final)
    PENDING ─NothingToSend─▶ CLOSED ─Reopened─▶ PENDING
    SENDING ─Refused─▶ ERROR ─Arm, when due─▶ SENDING
    ERROR ─8 tries or 24 h─▶ HELD ─OperatorResend─▶ PENDING, ─OperatorClose─▶ CLOSED
    SENDING ─windows passed─▶ Arm again, flagged (never_zero, twice), or HELD (never_two)

A cell that is not listed refuses, changes nothing and alerts. The evidence that an event rests on
(where the transcript ends, which attempt a provider speaks of) travels in the event.

`due_at` is the durable timer. On a settled record (HELD, SENT) it means one thing only: a person
has yet to be told (`alert_owed`); whoever told them applies `Alerted`.
"""

from __future__ import annotations

from typing import assert_never

from libs.ledger.attempts import accepted, arm, provider_event, refused, windows_passed
from libs.ledger.events import (
    Accepted,
    Alerted,
    Arm,
    Considered,
    Decision,
    Event,
    GaveUp,
    NewerItems,
    Nothing,
    NothingToSend,
    NotNow,
    OperatorClose,
    OperatorConfirm,
    OperatorResend,
    ProviderEvent,
    Refuse,
    Refused,
    Reopened,
    Rules,
    ShopUnknown,
    WindowsPassed,
    Write,
)
from libs.ledger.record import LeadKey, LeadRecord, State, Step
from libs.ledger.steps import (
    FORGOTTEN,
    POSSIBLE_DUPLICATE,
    WHY,
    doubted,
    exhausted,
    hold,
    is_due,
    is_forgotten,
    next_record,
    sent,
)
from libs.ledger.timing import DAY_SECONDS


def decide(  # noqa: C901, PLR0911, PLR0912 - one case per event, nothing else
    key: LeadKey, record: LeadRecord | None, event: Event, now: float, rules: Rules
) -> Decision:
    """The next record for this event, or why there is none."""
    if record is None:
        return _first(key, event, now)
    match event:
        case Considered():
            return _considered(record, now)
        case NotNow():
            return _not_now(record, event, now)
        case NothingToSend():
            return _nothing_to_send(record, event, now)
        case Reopened():
            return _reopened(record, event, now)
        case Arm():
            return arm(record, event, now, rules)
        case Accepted():
            return accepted(record, event, now)
        case Refused():
            return refused(record, event, now, rules)
        case ProviderEvent():
            return provider_event(record, event, now)
        case WindowsPassed():
            return windows_passed(record, now, rules)
        case ShopUnknown():
            return _shop_unknown(record, event, now)
        case GaveUp():
            return _gave_up(record, event, now)
        case NewerItems():
            return _newer_items(record, event, now)
        case Alerted():
            return _alerted(record, now)
        case OperatorResend():
            return _operator_resend(record, event, now)
        case OperatorConfirm():
            return _operator_confirm(record, now)
        case OperatorClose():
            return _operator_close(record, event, now)
        case _:
            assert_never(event)


def possible_copy(record: LeadRecord) -> bool:
    """Whether the mail that would be armed now must say that it may be a copy."""
    return record.possible_duplicate or bool(record.ambiguous) or record.state is State.SENDING


def alert_owed(record: LeadRecord) -> str:
    """The cause that a person has yet to be told, or nothing."""
    if record.due_at is None or record.state not in {State.HELD, State.SENT}:
        return ""
    if record.state is State.HELD:
        return record.reason
    return record.delivery or (POSSIBLE_DUPLICATE if record.possible_duplicate else "")


def _first(key: LeadKey, event: Event, now: float) -> Decision:
    if not isinstance(event, Considered):
        return Refuse(f"{type(event).__name__} without a record")
    record = LeadRecord(
        key=key,
        state=State.PENDING,
        visitor=event.visitor,
        trigger=event.trigger,
        request_id=event.request_id,
        due_at=event.due_at,
        reason=event.reason,
        created_at=now,
        updated_at=now,
        history=(Step(now, "considered", event.reason),),
    )
    return Write(record, expected_version=None)


def _considered(record: LeadRecord, now: float) -> Decision:
    """Answers from the state; a mail that fails for a day is put before a person."""
    if record.state is State.ERROR and exhausted(record.tries, record.first_error_at, now):
        return hold(record, now, "refused_too_long")
    return Nothing(WHY[record.state])


def _not_now(record: LeadRecord, event: NotNow, now: float) -> Decision:
    """A timer still ahead stands: chat turns write nothing; one that fell due moves itself once."""
    if record.state is State.ERROR and is_due(record, now):
        return _not_now_again(record, event, now)
    if record.state is not State.PENDING:
        return Nothing(WHY[record.state])
    if record.due_at is not None and now < record.due_at <= event.due_at:
        return Nothing("timer_stands")
    return next_record(
        record, now, "not_now", event.reason, due_at=event.due_at, reason=event.reason
    )


def _not_now_again(record: LeadRecord, event: NotNow, now: float) -> Decision:
    """Something was said after a refused mail: its retry waits for that, and never past a day."""
    if exhausted(record.tries, record.first_error_at, now):
        return hold(record, now, "refused_too_long")
    return next_record(
        record, now, "not_now", event.reason, due_at=event.due_at, refused_since=None
    )


def _nothing_to_send(record: LeadRecord, event: NothingToSend, now: float) -> Decision:
    if record.state is not State.PENDING:
        return Nothing(WHY[record.state])
    if now - event.quiet_since < DAY_SECONDS:
        return Refuse("closing a thread that spoke within a day")
    return next_record(
        record, now, "closed", event.reason,
        state=State.CLOSED, due_at=None, reason=event.reason, last_item_id=event.last_item_id,
    )  # fmt: skip


def _reopened(record: LeadRecord, event: Reopened, now: float) -> Decision:
    """A lead like any other: what a provider or a person said of the old one is over."""
    if record.state is not State.CLOSED or event.last_item_id == record.last_item_id:
        return Nothing(WHY[record.state])
    return next_record(
        record, now, "reopened", event.reason,
        state=State.PENDING, due_at=event.due_at, reason=event.reason or "reopened",
        tries=0, first_error_at=None, refused_since=None, plainer=0, wanted=None,
    )  # fmt: skip


def _shop_unknown(record: LeadRecord, event: ShopUnknown, now: float) -> Decision:
    again = record.state is State.SENDING and is_due(record, now) and not is_forgotten(record)
    if not again and record.state not in {State.PENDING, State.ERROR}:
        return Nothing(WHY[record.state])
    if not record.history or record.history[-1].what != "shop_unknown":
        return next_record(record, now, "shop_unknown", due_at=event.due_at)
    if not is_due(record, now):
        return Nothing("timer_stands")
    return hold(doubted(record) if again else record, now, "unknown_shop")


def _gave_up(record: LeadRecord, event: GaveUp, now: float) -> Decision:
    if record.state not in {State.PENDING, State.ERROR}:
        return Nothing(WHY[record.state])
    return hold(record, now, event.reason)


def _newer_items(record: LeadRecord, event: NewerItems, now: float) -> Decision:
    if record.state is not State.SENT or event.count <= record.newer_items:
        return Nothing(WHY[record.state])
    return next_record(record, now, "newer_items", str(event.count), newer_items=event.count)


def _alerted(record: LeadRecord, now: float) -> Decision:
    cause = alert_owed(record)
    return (
        next_record(record, now, "alerted", cause, due_at=None)
        if cause
        else Nothing("nothing_owed")
    )


def _operator_resend(record: LeadRecord, event: OperatorResend, now: float) -> Decision:
    if record.state is not State.HELD:
        return Refuse(f"an operator can resend what is held, this is {record.state}")
    return next_record(
        record, now, "operator_resend",
        state=State.PENDING, due_at=now, tries=0, first_error_at=None, refused_since=None,
        reason="operator",
        snapshot=event.snapshot,
        wanted=event.snapshot,
        last_item_id=event.last_item_id or record.last_item_id,
        kind=event.kind or record.kind,
    )  # fmt: skip


def _operator_confirm(record: LeadRecord, now: float) -> Decision:
    if record.state is not State.HELD:
        return Refuse(f"an operator can settle what is held, this is {record.state}")
    return sent(record, now, "operator_confirm", sent_by="operator")


def _operator_close(record: LeadRecord, event: OperatorClose, now: float) -> Decision:
    """An attempt in flight goes its way: what became of it is still worth knowing."""
    forgotten = event.reason == FORGOTTEN
    if forgotten and record.state is State.SENDING and not is_forgotten(record):
        return next_record(record, now, "forgotten", reason=FORGOTTEN)
    open_ = {State.PENDING, State.ERROR, State.HELD} if forgotten else {State.HELD}
    if record.state not in open_:
        return Nothing(WHY[record.state])
    return next_record(
        record, now, "operator_close", event.reason,
        state=State.CLOSED, due_at=None, reason=event.reason,
        last_item_id=event.last_item_id or record.last_item_id,
    )  # fmt: skip
