"""The invariants of `docs/promises.md`, checked at every write, send and answer of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from libs.ledger.events import Rules
from libs.ledger.record import LeadKey, LeadRecord, State
from libs.ledger.timing import DAY_SECONDS
from services.mailer.letter.shape import Rung
from services.mailer.ports import Windows
from tests.simulation.evidence import Evidence

SEND_WITHIN_SECONDS = 30.0
TOO_LARGE = "too_large"
"""What the provider says of a mail that a plainer one would not hear."""
DISK_FULL = "dot_452"
"""And of every mail, for a few hours."""
PUT_OFF = "rcpt_450"
"""And of one recipient, beside others whom it takes."""
NEVER_SAID = frozenset(
    {"unhandled_exception", "not_in_the_table", "unexpected_event", "reply_undecodable"}
)
"""A bug of ours that a retry may heal, or a cell that the table does not have: told in an error."""
GIVEN_UP = ("gave up: ", "handed out ")
"""Why an entry may be parked: its handler failed, or its process died, too often."""
WORK_SECONDS = 200.0
"""A lead handler's longest: what befell it, or its lease, before the first call was not earlier."""


class Violation(AssertionError):  # noqa: N818 - it names what happened
    """An invariant does not hold."""

    def __init__(self, invariant: str, what: str) -> None:
        super().__init__(f"{invariant}: {what}")
        self.invariant = invariant


class Accept(msgspec.Struct, frozen=True):
    """One mail that the provider took."""

    attempt: int
    at: float
    flagged: bool
    windows: Windows
    """Of the transport that it took: how long an armed attempt is left alone."""
    by_fallback: bool = False
    passed_over: bool = False
    """One of its recipients was not reached."""


@dataclass
class Checker:
    rules: Rules
    recipients: frozenset[str]
    """Of the shop's leads."""
    alert_to: str = ""
    evidence: Evidence = field(default_factory=Evidence)
    lied: bool = False
    """Redis has said something untrue, in a run in which nothing else goes wrong."""
    violations: list[Violation] = field(default_factory=list)
    accepts: dict[LeadKey, list[Accept]] = field(default_factory=dict)
    arms: dict[tuple[LeadKey, int], float] = field(default_factory=dict)
    """When each attempt was armed."""
    records: dict[LeadKey, LeadRecord] = field(default_factory=dict)
    """As they are now."""
    nonces: set[str] = field(default_factory=set)
    model_calls: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    """When, per thread and snapshot."""
    overruled: set[LeadKey] = field(default_factory=set)
    """Threads about which a person decided."""
    handled: set[tuple[str, str]] = field(default_factory=set)
    """Stream and entry: its handler has ended, so a durable state was read or written."""
    excuses: dict[str, list[float]] = field(default_factory=dict)
    """When, per thread, a model's answer may have been parted from its cache, or a worker from its
    lease.
    """
    excuses_of_all: list[float] = field(default_factory=list)

    def fail(self, invariant: str, what: str) -> None:
        self.violations.append(Violation(invariant, what))

    def on_write(self, before: LeadRecord | None, after: LeadRecord, now: float) -> None:
        self.records[after.key] = after
        if after.state is State.PENDING and after.due_at is None:
            self.fail("I10", f"{after.key} is PENDING and nobody will ever look again")
        by_us = after.state is State.SENT and after.sent_by != "operator"
        if by_us and not self.accepts.get(after.key):
            self.fail("I5", f"{after.key} is SENT and no provider ever took it")
        if before is None:
            return
        self._on_held(before, after)
        if after.attempt < before.attempt:
            self.fail("I3", f"{after.key} went back to attempt {after.attempt}")
        if before.state is State.SENT and after.state is not State.SENT:
            self.fail("I4", f"{after.key} left SENT for {after.state}")
        if before.possible_duplicate and not after.possible_duplicate:
            self.fail("I14", f"{after.key} lost its flag")
        if after.state is State.SENDING and after.lid != before.lid:
            self._on_arm(before, after, now)

    def _on_held(self, before: LeadRecord, after: LeadRecord) -> None:
        """Not for what would soon have been taken: a plainer mail, or any once the disk has room.
        Other refusals may have used up its tries before.
        """
        held = before.state is not State.HELD and after.state is State.HELD
        since = after.updated_at - (after.first_error_at or after.updated_at)
        in_vain = sum(step.detail == TOO_LARGE for step in after.history) >= len(Rung)
        if held and since < DAY_SECONDS and (after.reason == DISK_FULL or in_vain):
            self.fail("I8", f"{after.key} is held for {after.reason}, and waiting would have done")

    def _on_arm(self, before: LeadRecord, after: LeadRecord, now: float) -> None:
        if after.attempt != before.attempt + 1:
            self.fail("I3", f"{after.key} was armed as attempt {after.attempt} again")
        if after.lid in self.nonces:
            self.fail("I3", f"{after.key} was armed with a nonce of before")
        self.nonces.add(after.lid)
        self.arms[after.key, after.attempt] = now

    def on_armed_against(self, key: LeadKey, seen: str) -> None:
        """`seen`: the proof of an earlier send that whoever armed had before its eyes."""
        if seen:
            self.fail("I2", f"{key} was armed again against {seen}")

    def on_operator(self, key: LeadKey) -> None:
        """A person sends again knowing all there is to know."""
        self.overruled.add(key)
        self.evidence.forget(key)

    def on_send(self, key: LeadKey, attempt: int, lid: str, waited: float) -> None:
        """A sender is about to let the mail go."""
        record = self.records.get(key)
        own = (State.SENDING, attempt, lid)
        if record is None or (record.state, record.attempt, record.lid) != own:
            self.fail("I6", f"{key} attempt {attempt} is sent by one who did not arm it")
        if waited > SEND_WITHIN_SECONDS + 1:
            self.fail("I7", f"{key} attempt {attempt} is sent {waited:.0f} s after it was signed")

    def on_accept(self, key: LeadKey, accept: Accept, recipients: tuple[str, ...]) -> None:
        attempt, earlier = accept.attempt, self.accepts.setdefault(key, [])
        if set(recipients) != self.recipients:
            self.fail("I12", f"{key} went to somebody else, or not to all")
        if earlier and not accept.flagged:
            self.fail("I1", f"{key} was accepted twice, attempt {attempt} without the flag")
            if self.lied:
                self.fail("I15", f"{key} was accepted twice because Redis lied")
        if earlier:
            self._on_second(key, earlier[-1], accept)
        earlier.append(accept)

    def on_accept_aged(self, key: LeadKey, accept: Accept, age: float) -> None:
        """By a provider whom nobody can ask: only time keeps a sender back who was silent."""
        if age > accept.windows.fence_seconds:
            self.fail("I7", f"{key} attempt {accept.attempt} was taken {age:.0f} s after signing")

    def on_alert(self, recipients: tuple[str, ...]) -> None:
        if set(recipients) != {self.alert_to}:
            self.fail("I12", "an alert went to somebody else")

    def _on_second(self, key: LeadKey, first: Accept, second: Accept) -> None:
        # Two clocks, each wrong by up to the skew, measured the windows between these two times.
        waited = self._armed_at(key, second) - self._armed_at(key, first)
        if waited < first.windows.fence_seconds + first.windows.evidence_seconds:
            self.fail("I2", f"{key} was armed again {waited:.0f} s after")
        if self.rules.policy == "never_two" and key not in self.overruled:
            self.fail("I2", f"{key} was sent twice under never_two")

    def _armed_at(self, key: LeadKey, accept: Accept) -> float:
        return self.arms.get((key, accept.attempt), 0.0)

    def on_ack(self, stream: str, entry_id: str) -> None:
        if (stream, entry_id) not in self.handled:
            self.fail("I10", f"an entry of {stream} was acked before its handler had ended")

    def on_error(self, event: str, fields: Mapping[str, object]) -> None:
        """An error line of a process."""
        if event in NEVER_SAID:
            self.fail("surprise", f"{event} {dict(fields)}")

    def on_parked(self, reason: str) -> None:
        """An entry is put before a person."""
        if not reason.startswith(GIVEN_UP):
            self.fail("surprise", f"parked: {reason}")

    def on_excuse(self, threads: Iterable[str], now: float) -> None:
        for thread_id in set(threads):
            self.excuses.setdefault(thread_id, []).append(now)

    def on_lie(self) -> None:
        self.lied = True

    def on_model_call(self, thread_id: str, snapshot: str, now: float) -> None:
        calls = self.model_calls.setdefault((thread_id, snapshot), [])
        calls.append(now)
        since = calls[0] - WORK_SECONDS
        excuses = (*self.excuses.get(thread_id, ()), *self.excuses_of_all)
        if len(calls) > 1 + sum(at >= since for at in excuses):
            self.fail("I11", f"{thread_id} paid the model {len(calls)} times for one snapshot")

    def on_202(self, key: LeadKey, *, taken: bool, kept: bool) -> None:
        """`taken`: Redis said that it had the trigger. `kept`: somebody will come back to it."""
        if not taken:
            self.fail("I9", f"{key} was answered 202 before its trigger was in the stream")
        elif not kept:
            self.fail("I9", f"{key} was answered 202 and is nowhere")

    def on_let_go(self, key: LeadKey) -> None:
        self.fail("I9", f"{key} was considered, and nobody will come back to it")

    def at_the_end(
        self, leads: dict[LeadKey, LeadRecord], with_contact: set[LeadKey], told: set[LeadKey]
    ) -> None:
        """`told`: the threads that an alert mail has named, where nobody acts upon it."""
        for key in self.accepts.keys() - with_contact:
            self.fail("surprise", f"{key} became a mail and gave no contact")
        for key in with_contact:
            self._settled(key, leads.get(key), told=key in told)

    def _settled(self, key: LeadKey, record: LeadRecord | None, *, told: bool) -> None:
        state = record.state if record else None
        if state is State.HELD:
            if not told or record is None or record.due_at is not None:
                self.fail("I8", f"{key} is HELD, and nobody was told or acted")
        elif state is not State.SENT:
            self.fail("I8", f"{key} has contact and is {state}")
        elif record and not record.delivery and self._left_somebody_out(key):
            self.fail("I8", f"{key} left without a recipient, and nobody will hear of it")

    def _left_somebody_out(self, key: LeadKey) -> bool:
        accepts = self.accepts.get(key, [])
        return bool(accepts) and all(accept.passed_over for accept in accepts)

    @property
    def sends(self) -> int:
        return sum(len(accepts) for accepts in self.accepts.values())

    @property
    def by_fallback(self) -> int:
        return sum(accept.by_fallback for accepts in self.accepts.values() for accept in accepts)

    @property
    def second(self) -> int:
        """Second mails, flagged or not."""
        return sum(len(accepts) - 1 for accepts in self.accepts.values())

    @property
    def flagged(self) -> int:
        """Mails that say they may be copies, first ones too."""
        return sum(accept.flagged for accepts in self.accepts.values() for accept in accepts)

    @property
    def unflagged(self) -> int:
        """Second accepted mails that did not say so."""
        return sum(
            not accept.flagged for accepts in self.accepts.values() for accept in accepts[1:]
        )
