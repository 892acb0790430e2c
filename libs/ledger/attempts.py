"""The cells about an attempt at sending: arming it, and what the provider says of it."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from libs.ledger.events import (
    Accepted,
    Arm,
    Decision,
    Nothing,
    ProviderEvent,
    Refuse,
    Refused,
    Rules,
    Write,
)
from libs.ledger.record import LeadRecord, State
from libs.ledger.steps import (
    WHY,
    a_person_wants,
    doubted,
    exhausted,
    forget,
    hold,
    is_due,
    is_forgotten,
    may_be_copied,
    may_have_left,
    next_record,
    sent,
)
from libs.ledger.timing import TELL_SECONDS, backoff_seconds, growing_seconds

_FAILED: Final = frozenset({"bounce", "complaint", "reject"})
"""What a provider reports when it took the mail and the shop did not get it."""
_ON_ITS_WAY: Final = {"delay": 1, "delivery": 2}
"""And of one that has not failed, the last word highest: events come in any order."""


def arm(record: LeadRecord, event: Arm, now: float, rules: Rules) -> Decision:
    """Only whose write succeeds, or who reads its own nonce back, may send."""
    if not event.lid or event.lid == record.lid:
        return Refuse("a nonce was used twice")
    if record.state in {State.SENT, State.HELD, State.CLOSED}:
        return Nothing(WHY[record.state])
    if record.state is not State.PENDING and not is_due(record, now):
        return Nothing(WHY[record.state])
    if event.attempt != record.attempt + 1:
        return Nothing("overtaken")  # built before a long sleep: it would say what is no longer so
    if record.state is State.SENDING:
        return _arm_again(record, event, now, rules)
    if event.transcript_ends_at != event.last_item_id and event.snapshot != a_person_wants(record):
        return Nothing("newer_items")
    return _armed(record, event, now, rules)


def _arm_again(record: LeadRecord, event: Arm, now: float, rules: Rules) -> Decision:
    """The windows passed without evidence: the same snapshot once more, flagged."""
    if is_forgotten(record):
        return Nothing(WHY[record.state])
    if not may_be_copied(record, rules):
        return Refuse("an operator decides about an ambiguous attempt")
    if event.snapshot != record.snapshot:
        return Nothing("another_snapshot")
    return _armed(doubted(record), event, now, rules)


def _armed(record: LeadRecord, event: Arm, now: float, rules: Rules) -> Write:
    but = f" without a recipient ({event.passed_over})" if event.passed_over else ""
    return next_record(
        record, now, "armed", f"attempt {event.attempt}{but}",
        state=State.SENDING,
        attempt=event.attempt,
        lid=event.lid,
        armed_at=now,
        due_at=now + rules.fence_seconds + rules.evidence_seconds + 2 * rules.skew_seconds,
        possible_duplicate=record.possible_duplicate or bool(record.ambiguous),
        last_item_id=event.last_item_id,
        snapshot=event.snapshot,
        content_hash=event.content_hash,
        passed_over=event.passed_over or record.passed_over,
        kind=event.kind,
    )  # fmt: skip


def accepted(record: LeadRecord, event: Accepted, now: float) -> Decision:
    if not may_have_left(record, event.attempt):
        return Refuse(f"accepted attempt {event.attempt}, which cannot have left")
    if record.state is State.SENT:
        return Nothing(WHY[record.state])
    return sent(
        record, now, "accepted", f"attempt {event.attempt}",
        sent_by="reply", message_id=event.message_id,
    )  # fmt: skip


def refused(record: LeadRecord, event: Refused, now: float, rules: Rules) -> Decision:
    """From SENDING n for attempt n, or at the door: attempt n+1 was refused before its ARM."""
    if record.state in {State.SENT, State.HELD}:
        return Nothing(WHY[record.state])
    armed = record.state is State.SENDING and event.attempt == record.attempt
    if armed and not event.at_door:
        return _error(record, event, now, rules)
    at_door = event.attempt == record.attempt + 1
    if at_door and _may_knock(record, now, rules):
        again = record.state is State.SENDING
        return _error(doubted(record) if again else record, event, now, rules)
    if at_door or event.attempt <= record.attempt:  # written before, or others tried it meanwhile
        return Nothing(WHY[record.state])
    return Refuse(f"refused attempt {event.attempt}, which cannot have left")


def _may_knock(record: LeadRecord, now: float, rules: Rules) -> bool:
    """Whether a sender may be talking to the provider about an attempt that is not armed yet."""
    match record.state:
        case State.PENDING:
            return True
        case State.ERROR:
            return is_due(record, now)
        case State.SENDING:
            return is_due(record, now) and may_be_copied(record, rules)
        case _:
            return False


def _error(record: LeadRecord, event: Refused, now: float, rules: Rules) -> Decision:
    if is_forgotten(record):
        return forget(record, now)
    error = _counted(record, event, now)
    if not event.provider_wide and exhausted(error.tries, error.first_error_at, now):
        return hold(error, now, event.reason)
    seed, first = f"{record.key}:{record.version}", rules.cooldown_seconds
    if error.tries > record.tries:
        wait = backoff_seconds(error.tries, seed, first)
    else:
        wait = growing_seconds(now - (error.refused_since or now), seed, first)
    due_at = now + max(wait, event.delay_seconds)
    return next_record(error, now, "refused", event.reason, state=State.ERROR, due_at=due_at)


def _counted(record: LeadRecord, event: Refused, now: float) -> LeadRecord:
    again = event.of_content_if_again and event.reason == record.reason
    since = now if record.refused_since is None else record.refused_since
    first_error_at = record.first_error_at
    if first_error_at is None and not event.provider_wide:
        first_error_at = now
    if not record.ambiguous:  # else it tells of a mail that may have arrived
        record = replace(
            record,
            snapshot=event.snapshot or record.snapshot,
            last_item_id=event.last_item_id or record.last_item_id,
            kind=event.kind or record.kind,
            passed_over="",
        )
    return replace(
        record,
        tries=record.tries + (not (event.provider_wide or event.temporary)),
        plainer=record.plainer + (event.of_content or again),
        refused_since=since,
        first_error_at=first_error_at,
        reason=event.reason,
    )


def provider_event(record: LeadRecord, event: ProviderEvent, now: float) -> Decision:
    """The provider speaks of an attempt: it took it, whatever became of it later."""
    failed = event.event if event.event in _FAILED else ""
    if not may_have_left(record, event.attempt):
        return Refuse(f"{event.event} of attempt {event.attempt}, which cannot have left")
    if record.state is State.SENT:
        return _said_since(record, event, failed, now)
    return sent(
        record, now, "provider_event", f"{event.event} of attempt {event.attempt}",
        failed=failed,
        sent_by="event",
        sent_at=event.at or now,
        message_id=event.message_id or record.message_id,
        arrival=event.event if event.event in _ON_ITS_WAY else "",
    )  # fmt: skip


def _said_since(record: LeadRecord, event: ProviderEvent, failed: str, now: float) -> Decision:
    """Only what is new; a person is told of a failure, and the rest is for `handoff why`."""
    if failed and failed != record.delivery:
        return next_record(
            record, now, failed, delivery=failed, due_at=now + TELL_SECONDS, alert=failed
        )
    ours = event.message_id in {"", record.message_id} or not record.message_id
    of_this = event.attempt == record.attempt and ours
    if of_this and _ON_ITS_WAY.get(event.event, 0) > _ON_ITS_WAY.get(record.arrival, 0):
        return next_record(
            record, now, event.event, f"attempt {event.attempt}", arrival=event.event
        )
    return Nothing(WHY[record.state])


def windows_passed(record: LeadRecord, now: float, rules: Rules) -> Decision:
    """Fence and evidence windows are over, no evidence was found."""
    if record.state is not State.SENDING:
        return Nothing(WHY[record.state])
    if not is_due(record, now):
        return Nothing("in_progress")
    if is_forgotten(record):
        return forget(doubted(record), now)
    if may_be_copied(record, rules):
        return Nothing("arm_again")
    return hold(doubted(record), now, "ambiguous")
