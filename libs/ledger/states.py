"""
The one place that makes a lead's next record: `decide`, a pure table of state and event.

    none ─Considered─▶ PENDING ─Arm─▶ SENDING ─Accepted, ProviderEvent─▶ SENT (final)
    PENDING ─NothingToSend─▶ CLOSED ─Reopened─▶ PENDING
    SENDING ─Refused─▶ ERROR ─Arm, when due─▶ SENDING
    ERROR ─8 tries or 24 h─▶ HELD ─OperatorResend─▶ PENDING
    SENDING ─windows passed─▶ Arm again, flagged (never_zero) or HELD (never_two)

A cell that is not listed refuses, changes nothing and alerts. The evidence that an event rests on
(where the transcript ends, which attempt a provider speaks of) travels in the event.

`due_at` is the durable timer. On a settled record (HELD, SENT) it means one thing only: a person
has yet to be told (`alert_owed`); whoever told them applies `Alerted`.
"""

from __future__ import annotations

from typing import Any, Final, assert_never

from msgspec.structs import replace

from libs.ledger.events import (
    Accepted,
    Alerted,
    Arm,
    Considered,
    Decision,
    Event,
    FateUnknown,
    GaveUp,
    NewerItems,
    Nothing,
    NothingToSend,
    NotNow,
    OperatorConfirm,
    OperatorResend,
    ProviderEvent,
    Refuse,
    Refused,
    Reopened,
    Rules,
    WindowsPassed,
    Write,
)
from libs.ledger.record import LeadKey, LeadRecord, State, Step
from libs.ledger.timing import DAY_SECONDS, HISTORY_STEPS, MOST_TRIES, TELL_SECONDS, backoff_seconds

WHY: Final = {
    State.PENDING: "pending",
    State.SENDING: "in_progress",
    State.SENT: "already_sent",
    State.ERROR: "cooldown",
    State.HELD: "held",
    State.CLOSED: "closed",
}
"""What to answer when the state has overtaken an event (contracts §2)."""

_FAILED: Final = frozenset({"bounce", "complaint", "reject"})
"""What a provider reports when it took the mail and the shop did not get it."""


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
            return _arm(record, event, now, rules)
        case Accepted():
            return _accepted(record, event, now)
        case Refused():
            return _refused(record, event, now, rules)
        case FateUnknown():
            return Nothing(WHY[record.state])
        case ProviderEvent():
            return _provider_event(record, event, now)
        case WindowsPassed():
            return _windows_passed(record, now, rules)
        case GaveUp():
            return _gave_up(record, event, now)
        case NewerItems():
            return _newer_items(record, event, now)
        case Alerted():
            return _alerted(record, now)
        case OperatorResend():
            return _operator_resend(record, now)
        case OperatorConfirm():
            return _operator_confirm(record, now)
        case _:
            assert_never(event)


def possible_copy(record: LeadRecord) -> bool:
    """Whether the mail that would be armed now must say that it may be a copy."""
    return record.possible_duplicate or bool(record.ambiguous) or record.state is State.SENDING


def alert_owed(record: LeadRecord) -> str:
    """The cause that a person has yet to be told, or nothing."""
    if record.due_at is None or record.state not in {State.HELD, State.SENT}:
        return ""
    return record.reason if record.state is State.HELD else record.delivery


def _first(key: LeadKey, event: Event, now: float) -> Decision:
    if not isinstance(event, Considered):
        return Refuse(f"{type(event).__name__} without a record")
    record = LeadRecord(
        key=key,
        state=State.PENDING,
        visitor=event.visitor,
        due_at=event.due_at,
        reason=event.reason,
        created_at=now,
        updated_at=now,
        history=(Step(now, "considered", event.reason),),
    )
    return Write(record, expected_version=None)


def _considered(record: LeadRecord, now: float) -> Decision:
    """Answers from the state; a mail that fails for a day is put before a person."""
    if record.state is State.ERROR and _exhausted(record.tries, record.first_error_at, now):
        return _hold(record, now, "refused_too_long")
    return Nothing(WHY[record.state])


def _not_now(record: LeadRecord, event: NotNow, now: float) -> Decision:
    """A timer still ahead stands: chat turns write nothing; one that fell due moves itself once."""
    if record.state is not State.PENDING:
        return Nothing(WHY[record.state])
    if record.due_at is not None and now < record.due_at <= event.due_at:
        return Nothing("timer_stands")
    return _next(record, now, "not_now", event.reason, due_at=event.due_at, reason=event.reason)


def _nothing_to_send(record: LeadRecord, event: NothingToSend, now: float) -> Decision:
    if record.state is not State.PENDING:
        return Nothing(WHY[record.state])
    if now - event.quiet_since < DAY_SECONDS:
        return Refuse("closing a thread that spoke within a day")
    return _next(
        record, now, "closed", event.reason,
        state=State.CLOSED, due_at=None, reason=event.reason, last_item_id=event.last_item_id,
    )  # fmt: skip


def _reopened(record: LeadRecord, event: Reopened, now: float) -> Decision:
    if record.state is not State.CLOSED or event.last_item_id == record.last_item_id:
        return Nothing(WHY[record.state])
    return _next(
        record, now, "reopened", state=State.PENDING, due_at=event.due_at, reason="reopened"
    )


def _arm(record: LeadRecord, event: Arm, now: float, rules: Rules) -> Decision:
    """Only whose write succeeds, or who reads its own nonce back, may send."""
    if not event.lid or event.lid == record.lid:
        return Refuse("a nonce was used twice")
    if record.state in {State.SENT, State.HELD, State.CLOSED}:
        return Nothing(WHY[record.state])
    if record.state is not State.PENDING and not _due(record, now):
        return Nothing(WHY[record.state])
    if record.state is State.SENDING:
        return _arm_again(record, event, now, rules)
    if event.transcript_ends_at != event.last_item_id:
        return Nothing("newer_items")
    return _armed(record, event, now, rules, record.ambiguous)


def _arm_again(record: LeadRecord, event: Arm, now: float, rules: Rules) -> Decision:
    """The windows passed without evidence: the same snapshot once more, flagged."""
    if rules.policy != "never_zero":
        return Refuse("never_two: an operator decides about an ambiguous attempt")
    if event.snapshot != record.snapshot:
        return Nothing("another_snapshot")
    return _armed(record, event, now, rules, _with_current(record))


def _armed(
    record: LeadRecord, event: Arm, now: float, rules: Rules, ambiguous: tuple[int, ...]
) -> Write:
    attempt = record.attempt + 1
    return _next(
        record, now, "armed", f"attempt {attempt}",
        state=State.SENDING,
        attempt=attempt,
        lid=event.lid,
        armed_at=now,
        due_at=now + rules.fence_seconds + rules.evidence_seconds + 2 * rules.skew_seconds,
        ambiguous=ambiguous,
        possible_duplicate=record.possible_duplicate or bool(ambiguous),
        last_item_id=event.last_item_id,
        snapshot=event.snapshot,
        content_hash=event.content_hash,
        kind=event.kind,
    )  # fmt: skip


def _accepted(record: LeadRecord, event: Accepted, now: float) -> Decision:
    if record.state is State.SENT:
        return Nothing(WHY[record.state])
    if not _may_have_left(record, event.attempt):
        return Refuse(f"accepted attempt {event.attempt}, which was never armed")
    return _next(
        record, now, "accepted", f"attempt {event.attempt}",
        state=State.SENT, due_at=None, message_id=event.message_id, sent_by="reply", sent_at=now,
    )  # fmt: skip


def _refused(record: LeadRecord, event: Refused, now: float, rules: Rules) -> Decision:
    """From SENDING n for attempt n, or at the door: attempt n+1 was refused before its ARM."""
    if record.state in {State.SENT, State.HELD}:
        return Nothing(WHY[record.state])
    if record.state is State.SENDING and event.attempt == record.attempt:
        return _error(record, event, now, record.ambiguous)
    at_door = event.attempt == record.attempt + 1
    if at_door and _may_knock(record, now, rules):
        again = record.state is State.SENDING
        return _error(record, event, now, _with_current(record) if again else record.ambiguous)
    if at_door or _may_have_left(record, event.attempt):
        return Nothing(WHY[record.state])
    return Refuse(f"refused attempt {event.attempt}, which was never armed")


def _may_knock(record: LeadRecord, now: float, rules: Rules) -> bool:
    """Whether a sender may be talking to the provider about an attempt that is not armed yet."""
    match record.state:
        case State.PENDING:
            return True
        case State.ERROR:
            return _due(record, now)
        case State.SENDING:
            return _due(record, now) and rules.policy == "never_zero"
        case _:
            return False


def _error(record: LeadRecord, event: Refused, now: float, ambiguous: tuple[int, ...]) -> Decision:
    tries = record.tries + (0 if event.provider_wide else 1)
    first_error_at = record.first_error_at
    if first_error_at is None and not event.provider_wide:
        first_error_at = now
    delay = max(backoff_seconds(tries, f"{record.key}:{record.version}"), event.delay_seconds)
    error = replace(
        record, ambiguous=ambiguous, tries=tries, first_error_at=first_error_at, reason=event.reason
    )
    if not event.provider_wide and _exhausted(tries, first_error_at, now):
        return _hold(error, now, event.reason)
    return _next(error, now, "refused", event.reason, state=State.ERROR, due_at=now + delay)


def _provider_event(record: LeadRecord, event: ProviderEvent, now: float) -> Decision:
    """The provider speaks of an attempt: it took it, whatever became of it later."""
    failed = event.event if event.event in _FAILED else ""
    if not _may_have_left(record, event.attempt):
        return Refuse(f"{event.event} of attempt {event.attempt}, which was never armed")
    if record.state is State.SENT:
        if not failed or failed == record.delivery:
            return Nothing(WHY[record.state])
        return _next(record, now, failed, delivery=failed, due_at=now + TELL_SECONDS, alert=failed)
    return _next(
        record, now, "provider_event", f"{event.event} of attempt {event.attempt}",
        state=State.SENT,
        due_at=now + TELL_SECONDS if failed else None,
        message_id=event.message_id or record.message_id,
        sent_by="event",
        sent_at=event.at or now,
        delivery=failed,
        alert=failed,
    )  # fmt: skip


def _windows_passed(record: LeadRecord, now: float, rules: Rules) -> Decision:
    """Fence and evidence windows are over, no evidence was found."""
    if record.state is not State.SENDING:
        return Nothing(WHY[record.state])
    if not _due(record, now):
        return Nothing("in_progress")
    if rules.policy == "never_zero":
        return Nothing("arm_again")
    return _hold(replace(record, ambiguous=_with_current(record)), now, "ambiguous")


def _gave_up(record: LeadRecord, event: GaveUp, now: float) -> Decision:
    if record.state not in {State.PENDING, State.ERROR}:
        return Nothing(WHY[record.state])
    return _hold(record, now, event.reason)


def _newer_items(record: LeadRecord, event: NewerItems, now: float) -> Decision:
    if record.state is not State.SENT or event.count <= record.newer_items:
        return Nothing(WHY[record.state])
    return _next(record, now, "newer_items", str(event.count), newer_items=event.count)


def _alerted(record: LeadRecord, now: float) -> Decision:
    cause = alert_owed(record)
    return _next(record, now, "alerted", cause, due_at=None) if cause else Nothing("nothing_owed")


def _operator_resend(record: LeadRecord, now: float) -> Decision:
    if record.state is not State.HELD:
        return Refuse(f"an operator can resend what is held, this is {record.state}")
    return _next(
        record, now, "operator_resend",
        state=State.PENDING, due_at=now, tries=0, first_error_at=None, reason="operator",
    )  # fmt: skip


def _operator_confirm(record: LeadRecord, now: float) -> Decision:
    if record.state is not State.HELD:
        return Refuse(f"an operator can settle what is held, this is {record.state}")
    return _next(
        record, now, "operator_confirm",
        state=State.SENT, due_at=None, sent_by="operator", sent_at=now,
    )  # fmt: skip


def _hold(record: LeadRecord, now: float, reason: str) -> Write:
    return _next(
        record, now, "held", reason,
        state=State.HELD, due_at=now + TELL_SECONDS, reason=reason, alert=reason,
    )  # fmt: skip


def _due(record: LeadRecord, now: float) -> bool:
    return record.due_at is not None and record.due_at <= now


def _exhausted(tries: int, first_error_at: float | None, now: float) -> bool:
    too_long = first_error_at is not None and now - first_error_at >= DAY_SECONDS
    return tries >= MOST_TRIES or too_long


def _may_have_left(record: LeadRecord, attempt: int) -> bool:
    """The current attempt, or an earlier one whose fate nobody knows."""
    return attempt in record.ambiguous or (attempt == record.attempt and attempt > 0)


def _with_current(record: LeadRecord) -> tuple[int, ...]:
    return tuple(dict.fromkeys((*record.ambiguous, record.attempt)))


def _next(  # `changes` are fields of LeadRecord, which `replace` checks
    record: LeadRecord, now: float, what: str, detail: str = "", *, alert: str = "", **changes: Any
) -> Write:
    steps = (*record.history, Step(now, what, detail))[-HISTORY_STEPS:]
    written = replace(record, version=record.version + 1, updated_at=now, history=steps, **changes)
    return Write(written, expected_version=record.version, alert=alert)
