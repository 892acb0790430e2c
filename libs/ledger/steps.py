"""What every cell of the table builds its answer from."""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from libs.ledger.events import Rules, Write
from libs.ledger.record import LeadRecord, State, Step
from libs.ledger.timing import DAY_SECONDS, HISTORY_STEPS, MOST_TRIES, MOST_UNKNOWN, TELL_SECONDS

WHY: Final = {
    State.PENDING: "pending",
    State.SENDING: "in_progress",
    State.SENT: "already_sent",
    State.ERROR: "cooldown",
    State.HELD: "held",
    State.CLOSED: "closed",
}
"""What to answer when the state has overtaken an event (`docs/promises.md`)."""


FORGOTTEN: Final = "forgotten"
PASSED_OVER: Final = "recipient_passed_over"
POSSIBLE_DUPLICATE: Final = "possible_duplicate"


def hold(record: LeadRecord, now: float, reason: str) -> Write:
    return next_record(
        record, now, "held", reason,
        state=State.HELD, due_at=now + TELL_SECONDS, reason=reason, alert=reason,
    )  # fmt: skip


def sent(
    record: LeadRecord, now: float, what: str, detail: str = "", *, failed: str = "", **changes: Any
) -> Write:
    """The end of a lead, of which a person may have to be told one thing more: the worst."""
    delivery = failed or (PASSED_OVER if record.passed_over else "")
    owed = delivery or (POSSIBLE_DUPLICATE if record.possible_duplicate else "")
    return next_record(
        record, now, what, detail, alert=owed,
        state=State.SENT,
        due_at=now + TELL_SECONDS if owed else None,
        delivery=delivery,
        **{"sent_at": now, **changes},
    )  # fmt: skip


def forget(record: LeadRecord, now: float) -> Write:
    """The end of one that `is_forgotten`: its words are gone, and nobody is to be told."""
    return next_record(
        record, now, "closed", FORGOTTEN, state=State.CLOSED, due_at=None, reason=FORGOTTEN
    )


def is_forgotten(record: LeadRecord) -> bool:
    """While its mail was in flight."""
    return record.state is State.SENDING and record.reason == FORGOTTEN


def is_due(record: LeadRecord, now: float) -> bool:
    return record.due_at is not None and record.due_at <= now


def a_person_wants(record: LeadRecord) -> str:
    """The snapshot that somebody looked at and wants sent, whatever was said since; or nothing."""
    waits = record.state in {State.PENDING, State.ERROR}
    return (record.wanted or "") if waits else ""


def exhausted(tries: int, first_error_at: float | None, now: float) -> bool:
    too_long = first_error_at is not None and now - first_error_at >= DAY_SECONDS
    return tries >= MOST_TRIES or too_long


def waits_in_vain(record: LeadRecord, now: float) -> bool:
    since = record.refused_since
    return record.state is State.ERROR and since is not None and now - since >= DAY_SECONDS


def may_have_left(record: LeadRecord, attempt: int) -> bool:
    """The current attempt, or an earlier one whose fate nobody knows."""
    return attempt in record.ambiguous or (attempt == record.attempt and attempt > 0)


def may_be_copied(record: LeadRecord, rules: Rules) -> bool:
    """An attempt that nobody answered for: once more by itself, or a person decides."""
    return rules.policy == "never_zero" and len(doubted(record).ambiguous) < MOST_UNKNOWN


def attempt_of(record: LeadRecord, lid: str) -> int:
    """The attempt that was armed with this nonce and may have left; 0: none is known."""
    if lid == record.lid:
        return record.attempt
    return record.ambiguous_lids.get(lid, 0)


def doubted(record: LeadRecord) -> LeadRecord:
    """The current attempt is one more whose fate nobody knows; to wait for it was no refusal."""
    return replace(
        record,
        refused_since=None,
        ambiguous=tuple(dict.fromkeys((*record.ambiguous, record.attempt))),
        ambiguous_lids=record.ambiguous_lids | {record.lid: record.attempt},
    )


def next_record(  # `changes` are fields of LeadRecord, which `replace` checks
    record: LeadRecord, now: float, what: str, detail: str = "", *, alert: str = "", **changes: Any
) -> Write:
    steps = (*record.history, Step(now, what, detail))[-HISTORY_STEPS:]
    written = replace(record, version=record.version + 1, updated_at=now, history=steps, **changes)
    return Write(written, expected_version=record.version, alert=alert)
