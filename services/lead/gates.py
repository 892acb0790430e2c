"""Is this a lead, and may its mail leave now? The rows of `docs/promises.md`, pure.

standing(record, leased)      rows 1-4   what the record alone says
heard(record, conversation)   rows 5-7   what the customer said, and when
readiness(case, summary)      row  8     whether that is enough for a mail
to_remember(case, verdict, wish)         the ledger's events that make a verdict durable
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from libs.leads.snapshot import Summary
from libs.ledger.events import Considered, Event, GaveUp, HeldFor, NothingToSend, NotNow, Reopened
from libs.ledger.record import LeadRecord, State
from libs.ledger.steps import a_person_wants
from libs.ledger.timing import DAY_SECONDS
from libs.messages.lead import NOT_READY, ConsiderLead
from services.lead.transcript import Subject

QUIET_MARGIN_SECONDS: Final = 5.0
"""A timer set for the very end of the quiet window would come a moment too early."""

Kind = Literal["full", "partial"]


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """How long we wait; each is a setting."""

    quiet_seconds: float = 300
    partial_after_seconds: float = 7200
    lease_seconds: float = 120


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation beside its record, as they stand now."""

    record: LeadRecord | None
    now: float
    times: Times
    subject: Subject | None = None
    """None: not read, or no conversation has this id."""
    visitor: str = ""
    """Whose thread it is, where neither record nor conversation was at hand to tell."""

    @property
    def owner(self) -> str:
        """The visitor whose thread it is."""
        if self.subject:
            return self.subject.conversation.visitor
        return self.record.visitor if self.record else self.visitor

    @property
    def awaits_mail(self) -> bool:
        return self.record is not None and self.record.state in {State.PENDING, State.ERROR}

    @property
    def last_item_id(self) -> str:
        return self.subject.last_item_id if self.subject else ""

    @property
    def last_at(self) -> float:
        """When somebody last spoke; a time ahead of ours counts as now."""
        items = self.subject.conversation.items if self.subject else ()
        began = self.record.created_at if self.record else self.now
        return min(items[-1].at if items else began, self.now)

    @property
    def silent_seconds(self) -> float:
        return self.now - self.last_at


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """An answer; nothing to remember."""

    reason: str
    sent_at: float | None = None
    retry_after: float | None = None


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """Not now: look again at `until`."""

    reason: str
    until: float
    punctual: bool = False
    """Whether the sweeper's half minute would be late."""
    missing_info: tuple[str, ...] = ()


class Close(msgspec.Struct, frozen=True, kw_only=True):
    """A day of silence, and nobody to reach."""

    reason: str
    ends: Literal["no_contact", "empty", "gone"]


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """The mail may leave, if the record still agrees when it is armed."""

    reason: Literal["send"] = "send"
    kind: Kind
    snapshot: str = ""
    """Known already when it was fixed before: an earlier attempt's, or of a conversation that is
    gone.
    """
    last_item_id: str = ""
    """Of that snapshot; else the case has it."""


class GiveUp(msgspec.Struct, frozen=True, kw_only=True):
    """It was a lead, and no mail of it can be made any more: a person must know."""

    reason: Literal["held"] = "held"
    why: HeldFor


Verdict = Stop | Wait | Close | Send | GiveUp


def standing(record: LeadRecord | None, *, leased: bool, now: float) -> Stop | None:
    """Rows 1-4: what is already settled, and who else is at work."""
    state = record.state if record else None
    if record and state is State.SENT:
        return Stop(reason="already_sent", sent_at=record.sent_at)
    if state is State.SENDING or not leased:
        return Stop(reason="in_progress")
    if record and state is State.ERROR and (wait := (record.due_at or now) - now) > 0:
        return Stop(reason="cooldown", retry_after=wait)
    return Stop(reason="held") if state is State.HELD else None


def wanted(record: LeadRecord | None) -> Send | None:
    """What a person looked at and wants sent has been through the gates, or they overrule them."""
    if record is None or not (snapshot := a_person_wants(record)):
        return None
    return replace(_as_fixed(record), snapshot=snapshot)


def refused(record: LeadRecord | None) -> Send | None:
    """A mail that only failed to leave has been through the gates too, until somebody says more."""
    if record is None or record.state is not State.ERROR or not record.snapshot:
        return None
    return _as_fixed(record)


def gone(case: Case, fixed: Send | GiveUp | None) -> Verdict:
    """No conversation has this id, or no longer. A lead that was fixed before is one still."""
    if case.record is None or not case.awaits_mail:
        return Stop(reason="unknown_thread")
    if fixed:
        return fixed
    if case.record.snapshot:
        return GiveUp(why="snapshot_missing")
    if _was_reachable(case.record):
        return GiveUp(why="conversation_gone")
    return _silent(case, "unknown_thread", "gone")


def heard(case: Case, subject: Subject) -> Verdict | None:
    """Rows 5-7. Before them: what was closed as it is."""
    record = case.record
    if record and record.state is State.CLOSED and record.last_item_id == case.last_item_id:
        return Stop(reason=CLOSED_AS.get(record.reason, "missing_contact"))
    if not any(item.speaker == "customer" for item in subject.conversation.items):
        return _silent(case, "empty_thread", "empty")
    if case.silent_seconds < case.times.quiet_seconds:
        until = case.last_at + case.times.quiet_seconds + QUIET_MARGIN_SECONDS
        return Wait(reason="not_idle", until=until, punctual=True)
    if not subject.contacts:
        return _silent(case, "missing_contact", "no_contact")
    return None


def readiness(case: Case, summary: Summary) -> Wait | Send:
    """Row 8. Who can be reached is never lost: after a longer silence the lead is partial."""
    if summary.handoff_ready:
        return Send(kind="full")
    if case.silent_seconds >= case.times.partial_after_seconds:
        return Send(kind="partial")
    why = summary.handoff_reason
    return Wait(
        reason=why if why in NOT_READY else "not_ready",
        until=case.last_at + case.times.partial_after_seconds,
        missing_info=summary.missing_info,
    )


def to_remember(case: Case, verdict: Verdict, wish: ConsiderLead) -> tuple[Event, ...]:
    """In order. Nothing where the record already promises to look again in time."""
    match verdict:
        case Wait(reason=why, until=until):
            return (_look_again(case, wish, why, until),)
        case Close(ends=ends) if case.record and _is_awaited(case.record):
            return (GaveUp(reason=ends),)
        case Close(ends=ends):
            end = NothingToSend(
                reason=ends, quiet_since=case.last_at, last_item_id=case.last_item_id
            )
            state = case.record.state if case.record else None
            opened = () if state is State.PENDING else (_look_again(case, wish, ends, case.now),)
            return (*opened, end)
        case Send():
            return _before_sending(case, wish)
        case GiveUp(why=why):
            return (GaveUp(reason=why),)
        case Stop():
            return ()


CLOSED_AS: Final = {
    "no_contact": "missing_contact",
    "empty": "empty_thread",
    "dropped": "held",
    "forgotten": "unknown_thread",
}
"""What an asker is told about a closed thread."""

_READY: Final = "ready"
"""What a record says while its mail is being made; no asker is told."""
_LOOKED_AWAY: Final = frozenset({"", "not_idle", "reopened", "unknown_thread", "watch"})
"""Steps of a record at which nobody had asked yet whether the customer can be reached."""
_NOBODY_TO_REACH: Final = frozenset(
    {"missing_contact", "empty_thread", "no_contact", "empty", "gone"}
)


def _was_reachable(record: LeadRecord) -> bool:
    """Whether the conversation, when it was last read to its end, held a phone or an email."""
    looks = (record.reason, *(step.detail for step in reversed(record.history)))
    last = next((look for look in looks if look not in _LOOKED_AWAY), "no_contact")
    return last not in _NOBODY_TO_REACH


def _is_awaited(record: LeadRecord) -> bool:
    """Its mail was on the way, or a person wants one: neither ends without a word."""
    return record.state is State.ERROR or record.wanted is not None


def _silent(case: Case, reason: str, ends: Literal["no_contact", "empty", "gone"]) -> Wait | Close:
    """Watched until a day has passed without a new item."""
    if case.silent_seconds >= DAY_SECONDS:
        return Close(reason=reason, ends=ends)
    return Wait(reason=reason, until=case.last_at + DAY_SECONDS)


def _look_again(case: Case, wish: ConsiderLead, reason: str, until: float) -> Event:
    if case.record is None:
        return Considered(
            reason=reason,
            due_at=until,
            visitor=case.owner,
            trigger=wish.reason,
            request_id=wish.request_id,
        )
    if case.record.state is State.CLOSED:
        return Reopened(last_item_id=case.last_item_id, due_at=until, reason=reason)
    return NotNow(reason=reason, due_at=until)


def _before_sending(case: Case, wish: ConsiderLead) -> tuple[Event, ...]:
    """Should the mailer never hear of it, the sweeper comes back once our lease is over."""
    until = case.now + case.times.lease_seconds
    if case.record is None or case.record.state is not State.PENDING:
        return (_considered_or_reopened(case, wish, until),)
    due_at = case.record.due_at
    return (NotNow(reason=_READY, due_at=until),) if due_at is None or due_at > until else ()


def _considered_or_reopened(case: Case, wish: ConsiderLead, until: float) -> Event:
    """A mail that was refused for too long is put before a person by `Considered`."""
    if case.record and case.record.state is State.ERROR:
        return Considered(reason=_READY, due_at=until)
    return _look_again(case, wish, _READY, until)


def _as_fixed(record: LeadRecord) -> Send:
    kind: Kind = "partial" if record.kind == "partial" else "full"
    return Send(kind=kind, snapshot=record.snapshot, last_item_id=record.last_item_id)
