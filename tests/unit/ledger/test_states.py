"""The table of `libs/ledger/states.py`, written down a second time and compared cell by cell.

A cell in capitals is the state written, small letters are why nothing is, `!` refuses and alerts.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import msgspec
import pytest
from msgspec.structs import replace

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
from libs.ledger.states import alert_owed, decide, possible_copy
from libs.ledger.steps import a_person_wants, attempt_of, doubted, waits_in_vain

NOW: Final = 1_800_000_000.0
DAY: Final = 86_400.0
KEY: Final = LeadKey("craigs", "cthr_1")
ZERO: Final = Rules()
TWO: Final = Rules(policy="never_two")

FRESH: Final = LeadRecord(key=KEY, state=State.PENDING, version=1, due_at=NOW + 60, created_at=NOW)
TRIED: Final = replace(
    FRESH, version=9, attempt=2, ambiguous=(1,), lid="nonce2", snapshot="snap", last_item_id="i1"
)

STATES: Final[dict[str, LeadRecord | None]] = {
    "none": None,
    "pending": FRESH,
    "pending_due": replace(FRESH, due_at=NOW),
    "sending": replace(TRIED, state=State.SENDING, due_at=NOW + 1),
    "sending_due": replace(TRIED, state=State.SENDING, due_at=NOW),
    "sending_last": replace(TRIED, state=State.SENDING, due_at=NOW, attempt=3, ambiguous=(1, 2)),
    "sent": replace(TRIED, state=State.SENT, due_at=None, newer_items=2),
    "error": replace(TRIED, state=State.ERROR, due_at=NOW + 1, tries=7, first_error_at=NOW - 9),
    "error_due": replace(TRIED, state=State.ERROR, due_at=NOW, tries=1, first_error_at=NOW - 9),
    "error_old": replace(TRIED, state=State.ERROR, due_at=NOW, tries=1, first_error_at=NOW - DAY),
    "held": replace(
        TRIED, state=State.HELD, due_at=None, reason="refused", refused_since=NOW - DAY
    ),
    "held_untold": replace(TRIED, state=State.HELD, due_at=NOW + 60, reason="refused"),
    "closed": replace(FRESH, state=State.CLOSED, due_at=None, last_item_id="i1"),
}

NEXT: Final = -1
"""Stands for the attempt after the record's."""
ARM: Final = Arm(
    attempt=NEXT, lid="nonce3", last_item_id="i9", transcript_ends_at="i9", snapshot="snap",
    content_hash="c", kind="full",
)  # fmt: skip

LATER: Final = Refused(attempt=2, reason="dot_452", temporary=True)
DOOR: Final = Refused(attempt=NEXT, reason="rcpt_450", temporary=True, at_door=True)

EVENTS: Final[dict[str, tuple[Event, Rules]]] = {
    "considered": (Considered(reason="idle", due_at=NOW + 60, visitor="v_1"), ZERO),
    "not_now": (NotNow(reason="not_idle", due_at=NOW + 90), ZERO),
    "not_now_sooner": (NotNow(reason="not_idle", due_at=NOW + 30), ZERO),
    "nothing_to_send": (NothingToSend(reason="empty", quiet_since=NOW - DAY), ZERO),
    "nothing_too_soon": (NothingToSend(reason="empty", quiet_since=NOW - DAY + 1), ZERO),
    "reopened": (Reopened(last_item_id="i2", due_at=NOW + 5), ZERO),
    "reopened_same": (Reopened(last_item_id="i1", due_at=NOW + 5), ZERO),
    "arm": (ARM, ZERO),
    "arm_never_two": (ARM, TWO),
    "arm_stale": (replace(ARM, transcript_ends_at="i10"), ZERO),
    "arm_other_mail": (replace(ARM, snapshot="other"), ZERO),
    "arm_overtaken": (replace(ARM, attempt=9), ZERO),
    "arm_old_nonce": (replace(ARM, lid="nonce2"), ZERO),
    "arm_no_nonce": (replace(ARM, lid=""), ZERO),
    "accepted_now": (Accepted(attempt=2), ZERO),
    "accepted_before": (Accepted(attempt=1), ZERO),
    "accepted_never": (Accepted(attempt=4), ZERO),
    "refused_now": (Refused(attempt=2, reason="550"), ZERO),
    "refused_before": (Refused(attempt=1, reason="550"), ZERO),
    "refused_never": (Refused(attempt=4, reason="550"), ZERO),
    "refused_at_door": (Refused(attempt=NEXT, reason="550"), ZERO),
    "refused_at_door_2": (Refused(attempt=NEXT, reason="550"), TWO),
    "throttled": (Refused(attempt=2, reason="throttled", provider_wide=True), ZERO),
    "throttled_at_door": (Refused(attempt=NEXT, reason="throttled", provider_wide=True), ZERO),
    "delivered": (ProviderEvent(attempt=2, event="delivery"), ZERO),
    "delivered_before": (ProviderEvent(attempt=1, event="send"), ZERO),
    "delivered_never": (ProviderEvent(attempt=7, event="delivery"), ZERO),
    "delayed": (ProviderEvent(attempt=2, event="delay"), ZERO),
    "bounced": (ProviderEvent(attempt=2, event="bounce"), ZERO),
    "windows_passed": (WindowsPassed(), ZERO),
    "windows_passed_2": (WindowsPassed(), TWO),
    "shop_unknown": (ShopUnknown(due_at=NOW + 600), ZERO),
    "gave_up": (GaveUp(reason="no_mail_could_be_built"), ZERO),
    "newer_items": (NewerItems(count=3), ZERO),
    "newer_items_known": (NewerItems(count=2), ZERO),
    "alerted": (Alerted(), ZERO),
    "operator_resend": (OperatorResend(), ZERO),
    "operator_confirm": (OperatorConfirm(), ZERO),
    "operator_drop": (OperatorClose(reason="dropped"), ZERO),
    "operator_forget": (OperatorClose(reason="forgotten"), ZERO),
}

# fmt: off
_COLUMNS: Final = (
    "none", "pending", "pending_due", "sending", "sending_due", "sending_last", "sent",
    "error", "error_due", "error_old", "held", "held_untold", "closed",
)
_P, _S, _E, _H, _C = "pending", "in_progress", "cooldown", "held", "closed"
_F: Final = "ERROR"
_A, _N, _O, _V, _W, _D = (
    "already_sent", "newer_items", "another_snapshot", "overtaken", "SENDING", "SENT",
)
TABLE: Final[dict[str, tuple[str, ...]]] = {
    "considered":        ("PENDING", _P, _P, _S, _S, _S, _A, _E, _E, "HELD", _H, _H, _C),
    "not_now": ("!", "timer_stands", "PENDING", _S, _S, _S, _A, _E, _F, "HELD", _H, _H, _C),
    "not_now_sooner": ("!", "PENDING", "PENDING", _S, _S, _S, _A, _E, _F, "HELD", _H, _H, _C),
    "nothing_to_send":   ("!", "CLOSED", "CLOSED", _S, _S, _S, _A, _E, _E, _E, _H, _H, _C),
    "nothing_too_soon":  ("!", "!", "!", _S, _S, _S, _A, _E, _E, _E, _H, _H, _C),
    "reopened":          ("!", _P, _P, _S, _S, _S, _A, _E, _E, _E, _H, _H, "PENDING"),
    "reopened_same":     ("!", _P, _P, _S, _S, _S, _A, _E, _E, _E, _H, _H, _C),
    "arm": ("!", _W, _W, _S, _W, "!", _A, _E, _W, _W, _H, _H, _C),
    "arm_never_two": ("!", _W, _W, _S, "!", "!", _A, _E, _W, _W, _H, _H, _C),
    "arm_stale": ("!", _N, _N, _S, _W, "!", _A, _E, _N, _N, _H, _H, _C),
    "arm_other_mail": ("!", _W, _W, _S, _O, "!", _A, _E, _W, _W, _H, _H, _C),
    "arm_overtaken": ("!", _V, _V, _S, _V, _V, _A, _E, _V, _V, _H, _H, _C),
    "arm_old_nonce": ("!", _W, _W, "!", "!", "!", "!", "!", "!", "!", "!", "!", _C),
    "arm_no_nonce":      ("!",) * 13,
    "accepted_now":      ("!", "!", "!", _D, _D, _D, _A, _D, _D, _D, _D, _D, "!"),
    "accepted_before":   ("!", "!", "!", _D, _D, _D, _A, _D, _D, _D, _D, _D, "!"),
    "accepted_never":    ("!",) * 13,
    "refused_now":       ("!", "!", "!", _F, _F, _S, _A, _E, _E, _E, _H, _H, "!"),
    "refused_before":    ("!", _F, _F, _S, _S, _S, _A, _E, _E, _E, _H, _H, _C),
    "refused_never":     ("!", "!", "!", "!", "!", _S, _A, "!", "!", "!", _H, _H, "!"),
    "refused_at_door": ("!", _F, _F, _S, _F, _S, _A, _E, _F, "HELD", _H, _H, _C),
    "refused_at_door_2": ("!", _F, _F, _S, _S, _S, _A, _E, _F, "HELD", _H, _H, _C),
    "throttled":         ("!", "!", "!", _F, _F, _S, _A, _E, _E, _E, _H, _H, "!"),
    "throttled_at_door": ("!", _F, _F, _S, _F, _S, _A, _E, _F, _F, _H, _H, _C),
    "delivered":         ("!", "!", "!", _D, _D, _D, _D, _D, _D, _D, _D, _D, "!"),
    "delayed":           ("!", "!", "!", _D, _D, _D, _D, _D, _D, _D, _D, _D, "!"),
    "delivered_before":  ("!", "!", "!", _D, _D, _D, _A, _D, _D, _D, _D, _D, "!"),
    "delivered_never":   ("!",) * 13,
    "bounced":           ("!", "!", "!", _D, _D, _D, _D, _D, _D, _D, _D, _D, "!"),
    "windows_passed":    ("!", _P, _P, _S, "arm_again", "HELD", _A, _E, _E, _E, _H, _H, _C),
    "windows_passed_2":  ("!", _P, _P, _S, "HELD", "HELD", _A, _E, _E, _E, _H, _H, _C),
    "shop_unknown": ("!", "PENDING", "PENDING", _S, _W, _W, _A, _F, _F, _F, _H, _H, _C),
    "gave_up":           ("!", "HELD", "HELD", _S, _S, _S, _A, "HELD", "HELD", "HELD", _H, _H, _C),
    "newer_items":       ("!", _P, _P, _S, _S, _S, _D, _E, _E, _E, _H, _H, _C),
    "newer_items_known": ("!", _P, _P, _S, _S, _S, _A, _E, _E, _E, _H, _H, _C),
    "alerted": ("!", *["nothing_owed"] * 10, "HELD", "nothing_owed"),
    "operator_resend":   (*["!"] * 10, "PENDING", "PENDING", "!"),
    "operator_confirm":  ("!", "!", "!", "!", "!", "!", "!", "!", "!", "!", _D, _D, "!"),
    "operator_drop": ("!", _P, _P, _S, _S, _S, _A, _E, _E, _E, "CLOSED", "CLOSED", _C),
    "operator_forget": ("!", "CLOSED", "CLOSED", _W, _W, _W, _A, *["CLOSED"] * 5, _C),
}
# fmt: on

CELLS: Final = [
    pytest.param(state, event, wanted, id=f"{state}-{event}")
    for event, row in TABLE.items()
    for state, wanted in zip(_COLUMNS, row, strict=True)
]


def after(record: LeadRecord | None, event: Event) -> Event:
    if isinstance(event, Arm | Refused) and event.attempt == NEXT:
        return replace(event, attempt=(record.attempt if record else 0) + 1)
    return event


def outcome(decision: Decision) -> str:
    match decision:
        case Write(record=record):
            return record.state.name
        case Nothing(why=why):
            return why
        case Refuse():
            return "!"


def decided(state: str, event: Event, rules: Rules = ZERO, now: float = NOW) -> LeadRecord:
    decision = decide(KEY, STATES[state], after(STATES[state], event), now, rules)
    assert isinstance(decision, Write), decision
    return decision.record


def test_the_table_is_complete() -> None:
    kinds = {type(event) for event, _ in EVENTS.values()}

    assert TABLE.keys() == EVENTS.keys()
    assert tuple(STATES) == _COLUMNS
    assert {kind.__name__ for kind in kinds} == {kind.__name__ for kind in Event.__args__}
    assert {r.state for r in STATES.values() if r} == set(State)


@pytest.mark.parametrize(("state", "event", "wanted"), CELLS)
def test_every_cell(state: str, event: str, wanted: str) -> None:
    record = STATES[state]
    happening, rules = EVENTS[event]

    decision = decide(KEY, record, after(record, happening), NOW, rules)

    assert outcome(decision) == wanted
    if isinstance(decision, Write):
        assert decision.expected_version == (record.version if record else None)
        assert decision.record.version == (record.version + 1 if record else 1)
        assert decision.record.key == KEY
        assert decision.record.updated_at == NOW
        assert decision.record.history[-1].at == NOW


def test_arming_fixes_what_is_sent_and_when_it_is_settled() -> None:
    armed = decided("pending", ARM)

    assert (armed.attempt, armed.lid, armed.armed_at) == (1, "nonce3", NOW)
    assert armed.due_at == NOW + 300 + 1200 + 120
    assert (armed.last_item_id, armed.snapshot, armed.content_hash) == ("i9", "snap", "c")
    assert (armed.ambiguous, armed.possible_duplicate, armed.kind) == ((), False, "full")


class TestPassedOver:
    """One of the recipients was not taken."""

    armed = decided("pending", replace(ARM, passed_over="rcpt_450"))

    @pytest.mark.parametrize("event", [Accepted(attempt=1), OperatorConfirm()])
    def test_a_person_is_told_whatever_proves_that_it_left(self, event: Event) -> None:
        state = State.HELD if isinstance(event, OperatorConfirm) else State.SENDING
        decision = decide(KEY, replace(self.armed, state=state), event, NOW, ZERO)

        assert isinstance(decision, Write)
        assert decision.record.state is State.SENT
        assert alert_owed(decision.record) == decision.alert == "recipient_passed_over"

    def test_nobody_was_by_an_attempt_that_was_refused(self) -> None:
        refused = decide(KEY, self.armed, Refused(attempt=1, reason="554"), NOW, ZERO)

        assert isinstance(refused, Write)
        assert refused.record.passed_over == ""

    @pytest.mark.parametrize(
        "event", [replace(ARM, lid="nonce4"), Refused(attempt=NEXT, reason="550")]
    )
    def test_it_stands_while_that_attempt_may_be_the_one_that_arrived(self, event: Event) -> None:
        later = (self.armed.due_at or 0) + 1
        decision = decide(KEY, self.armed, after(self.armed, event), later, ZERO)

        assert isinstance(decision, Write)
        assert decision.record.ambiguous == (1,)
        assert decision.record.passed_over == "rcpt_450"


@pytest.mark.parametrize(
    ("event", "passed_over", "owed"),
    [
        (Accepted(attempt=3), "", "possible_duplicate"),
        (ProviderEvent(attempt=1, event="delivery"), "", "possible_duplicate"),
        (ProviderEvent(attempt=1, event="delivery"), "rcpt_450", "recipient_passed_over"),
        (Accepted(attempt=3), "rcpt_450", "recipient_passed_over"),
        (ProviderEvent(attempt=3, event="bounce"), "rcpt_450", "bounce"),
    ],
)
def test_of_what_may_have_arrived_twice_a_person_is_told_unless_of_worse(
    event: Event, passed_over: str, owed: str
) -> None:
    copy = replace(decided("sending_due", ARM), passed_over=passed_over)

    settled = decide(KEY, copy, event, NOW, ZERO)

    assert isinstance(settled, Write)
    assert settled.record.state is State.SENT
    assert alert_owed(settled.record) == settled.alert == owed
    assert settled.record.delivery == owed.removeprefix("possible_duplicate")


def test_a_transport_without_events_has_only_its_fence() -> None:
    smtp = Rules(fence_seconds=900, evidence_seconds=0)

    assert decided("pending", ARM, smtp).due_at == NOW + 900 + 120


def test_the_cooldown_doubles_from_what_the_rules_say() -> None:
    rules = Rules(cooldown_seconds=5)
    first = decide(KEY, FRESH, Refused(attempt=1, reason="550"), NOW, rules)
    assert isinstance(first, Write)
    assert first.record.due_at
    again = NOW + 100
    second = decide(KEY, first.record, Refused(attempt=1, reason="550"), again, rules)
    assert isinstance(second, Write)
    assert second.record.due_at

    assert 3.75 <= first.record.due_at - NOW <= 5
    assert 7.5 <= second.record.due_at - again <= 10


def test_arming_again_is_flagged_and_remembers_the_unknown_attempt() -> None:
    armed = decided("sending_due", ARM)

    assert (armed.attempt, armed.ambiguous, armed.possible_duplicate) == (3, (1, 2), True)


def test_the_nonce_of_each_attempt_whose_fate_is_unknown_is_kept() -> None:
    armed = decided("sending_due", ARM)
    refused = decide(KEY, armed, Refused(attempt=3, reason="550"), NOW, ZERO)
    held = decided("sending_due", WindowsPassed(), TWO)

    assert isinstance(refused, Write)
    for record in (armed, refused.record, held):
        assert [attempt_of(record, lid) for lid in ("nonce2", "made up", "")] == [2, 0, 0]
    assert attempt_of(armed, "nonce3") == 3


def test_a_record_from_before_nonces_were_kept_is_read() -> None:
    old = b'{"key":{"shop":"s","thread_id":"t"},"state":"sending","attempt":2,"lid":"b",'
    record = msgspec.json.decode(old + b'"ambiguous":[1],"due_at":1}', type=LeadRecord)

    assert [attempt_of(record, lid) for lid in ("a", "b")] == [0, 2]
    assert doubted(record).ambiguous == (1, 2)
    assert attempt_of(doubted(record), "b") == 2


def test_the_flag_survives_refusals_and_holding() -> None:
    armed = decided("sending_due", ARM)
    refused = decide(KEY, armed, Refused(attempt=3, reason="550"), NOW, ZERO)
    assert isinstance(refused, Write)
    held = decide(KEY, refused.record, GaveUp(reason="no_mail_could_be_built"), NOW, ZERO)
    assert isinstance(held, Write)
    again = decide(KEY, held.record, OperatorResend(), NOW, ZERO)
    assert isinstance(again, Write)

    for record in (refused.record, held.record, again.record):
        assert record.possible_duplicate
        assert record.ambiguous == (1, 2)


def test_a_copy_refused_at_the_door_leaves_the_first_one_unknown() -> None:
    refused = decided("sending_due", Refused(attempt=3, reason="550"))

    assert (refused.state, refused.attempt, refused.ambiguous) == (State.ERROR, 2, (1, 2))
    assert possible_copy(refused)


def test_a_refusal_at_the_door_says_nothing_of_an_attempt_that_another_armed() -> None:
    armed = decided("sending_due", ARM)

    decision = decide(KEY, armed, Refused(attempt=3, reason="550", at_door=True), NOW, ZERO)

    assert isinstance(decision, Nothing)


@pytest.mark.parametrize("door", [True, False])
@pytest.mark.parametrize("state", ["sending", "error"])
def test_a_refusal_of_an_attempt_that_others_have_followed_says_nothing(
    state: str, *, door: bool
) -> None:
    """Its sender slept: meanwhile that attempt was refused, perhaps by its own write whose reply
    was lost, and another one made.
    """
    at = replace(TRIED, state=State[state.upper()], due_at=NOW + 1, ambiguous=())

    decision = decide(KEY, at, Refused(attempt=1, reason="550", at_door=door), NOW, ZERO)

    assert isinstance(decision, Nothing)


def test_an_ambiguous_attempt_is_held_for_the_operator_who_may_resend_it_flagged() -> None:
    held = decided("sending_due", WindowsPassed(), TWO)
    resend = decide(KEY, held, OperatorResend(), NOW, TWO)
    assert isinstance(resend, Write)
    armed = decide(KEY, resend.record, after(resend.record, ARM), NOW, TWO)
    assert isinstance(armed, Write)

    assert held.ambiguous == (1, 2)
    assert armed.record.possible_duplicate


@pytest.mark.parametrize("state", ["sending", "error", "error_due", "held"])
@pytest.mark.parametrize("attempt", [1, 2])
def test_evidence_settles_whatever_waits(state: str, attempt: int) -> None:
    sent = decided(state, ProviderEvent(attempt=attempt, event="delivery", message_id="m", at=5.0))

    assert (sent.sent_by, sent.sent_at, sent.message_id, sent.due_at) == ("event", 5.0, "m", None)
    assert alert_owed(sent) == ""


@pytest.mark.parametrize("state", ["sent", "sending"])
@pytest.mark.parametrize(
    ("said", "known", "writes"),
    [
        (["delay", "delivery"], "delivery", 2),
        (["delivery", "delay", "send"], "delivery", 1),
        (["delay", "delay"], "delay", 1),
        (["delivery", "delivery"], "delivery", 1),
    ],
)
def test_what_a_provider_says_of_its_way_is_kept_and_tells_nobody(
    state: str, said: list[str], known: str, writes: int
) -> None:
    """Each word once, in whatever order they come; SENT and its attempt stand."""
    record = STATES[state]
    assert record
    version = record.version
    for word in said:
        decision = decide(KEY, record, ProviderEvent(attempt=2, event=word), NOW, ZERO)
        assert not isinstance(decision, Refuse)
        if isinstance(decision, Write):
            assert not decision.alert
            record = decision.record

    assert (record.state, record.attempt, record.arrival) == (State.SENT, 2, known)
    assert (record.delivery, record.due_at, alert_owed(record)) == ("", None, "")
    assert record.version == version + writes


@pytest.mark.parametrize(
    ("attempt", "message_id"),
    [(1, "ours"), (1, ""), (2, "theirs")],
    ids=["an earlier attempt", "one without an id", "another sender"],
)
def test_another_mail_s_way_says_nothing_of_ours(attempt: int, message_id: str) -> None:
    sent = STATES["sent"]
    assert sent
    record = replace(sent, message_id="ours", ambiguous=(1,))
    word = ProviderEvent(attempt=attempt, event="delivery", message_id=message_id)

    assert isinstance(decide(KEY, record, word, NOW, ZERO), Nothing)


@pytest.mark.parametrize("failure", ["bounce", "complaint", "reject"])
def test_a_delivery_hides_no_failure_whichever_comes_first(failure: str) -> None:
    for order in (("delivery", failure), (failure, "delivery")):
        record, alerts = STATES["sent"], list[str]()
        for word in order:
            decision = decide(KEY, record, ProviderEvent(attempt=2, event=word), NOW, ZERO)
            assert isinstance(decision, Write)
            record = decision.record
            alerts.append(decision.alert)

        assert sorted(alerts) == ["", failure]
        assert record
        assert (record.delivery, alert_owed(record)) == (failure, failure)


@pytest.mark.parametrize("word", ["delay", "delivery"])
def test_a_delivery_hides_no_alert_that_is_owed(word: str) -> None:
    for owing in (
        replace(TRIED, state=State.SENT, possible_duplicate=True, due_at=NOW + 60),
        replace(TRIED, state=State.SENT, delivery="recipient_passed_over", due_at=NOW + 60),
    ):
        decision = decide(KEY, owing, ProviderEvent(attempt=2, event=word), NOW, ZERO)
        assert isinstance(decision, Write)

        assert alert_owed(decision.record) == alert_owed(owing) != ""


def test_the_receipt_settles_the_attempt() -> None:
    sent = decided("sending", Accepted(attempt=2, message_id="m"))

    assert (sent.sent_by, sent.sent_at, sent.message_id, sent.due_at) == ("reply", NOW, "m", None)


@pytest.mark.parametrize("failure", ["bounce", "complaint", "reject"])
@pytest.mark.parametrize("state", ["sent", "sending"])
def test_a_failure_after_acceptance_is_told_once(state: str, failure: str) -> None:
    event = ProviderEvent(attempt=2, event=failure)
    decision = decide(KEY, STATES[state], event, NOW, ZERO)
    assert isinstance(decision, Write)

    assert (decision.alert, decision.record.delivery) == (failure, failure)
    assert alert_owed(decision.record) == failure
    assert outcome(decide(KEY, decision.record, event, NOW, ZERO)) == "already_sent"
    told = decide(KEY, decision.record, Alerted(), NOW, ZERO)
    assert isinstance(told, Write)
    assert (told.record.due_at, told.record.state) == (None, State.SENT)


@pytest.mark.parametrize(
    ("state", "event", "rules", "cause"),
    [
        ("sending_due", WindowsPassed(), TWO, "ambiguous"),
        ("error_old", Considered(reason="quiet", due_at=NOW), ZERO, "refused_too_long"),
        ("pending", GaveUp(reason="no_mail_could_be_built"), ZERO, "no_mail_could_be_built"),
        ("error_old", Refused(attempt=3, reason="550"), ZERO, "550"),
    ],
)
def test_holding_owes_an_alert_until_a_person_was_told(
    state: str, event: Event, rules: Rules, cause: str
) -> None:
    decision = decide(KEY, STATES[state], event, NOW, rules)
    assert isinstance(decision, Write)

    assert decision.alert == cause
    assert alert_owed(decision.record) == cause
    assert decision.record.due_at is not None
    told = decide(KEY, decision.record, Alerted(), NOW + 1, rules)
    assert isinstance(told, Write)
    assert told.record.due_at is None
    assert alert_owed(told.record) == ""


def test_refusals_back_off_from_one_minute_to_thirty_and_stop_at_eight() -> None:
    record = replace(FRESH, state=State.SENDING, attempt=1, lid="n1")
    now, waits = NOW, []
    for attempt in range(1, 9):
        decision = decide(KEY, record, Refused(attempt=attempt, reason="550"), now, ZERO)
        assert isinstance(decision, Write)
        record = decision.record
        if record.state is State.HELD:
            break
        assert record.due_at is not None
        waits.append(record.due_at - now)
        now = record.due_at
        arm = replace(ARM, attempt=attempt + 1, lid=f"n{attempt + 1}")
        armed = decide(KEY, record, arm, now, ZERO)
        assert isinstance(armed, Write)
        record = armed.record

    assert (record.state, record.tries) == (State.HELD, 8)
    for wait, whole in zip(waits, (60, 120, 240, 480, 960, 1800, 1800), strict=True):
        assert 0.75 * whole <= wait <= whole


def test_refusals_of_one_moment_spread() -> None:
    waits = {
        decide(
            LeadKey("craigs", f"cthr_{n}"),
            replace(FRESH, key=LeadKey("craigs", f"cthr_{n}"), state=State.SENDING, attempt=1),
            Refused(attempt=1, reason="550"), NOW, ZERO,
        ).record.due_at  # type: ignore[union-attr]
        for n in range(20)
    }  # fmt: skip

    assert len(waits) == 20


def test_a_provider_wide_refusal_delays_without_counting() -> None:
    event = Refused(attempt=2, reason="paused", provider_wide=True, delay_seconds=1800)

    refused = decided("sending", event, now=NOW + 2 * DAY)

    assert (refused.state, refused.tries, refused.first_error_at) == (State.ERROR, 0, None)
    assert refused.due_at == NOW + 2 * DAY + 1800


@pytest.mark.parametrize("door", [True, False], ids=["at the door", "armed"])
@pytest.mark.parametrize("wide", [True, False], ids=["provider", "this mail"])
def test_refusals_that_are_no_try_come_ever_more_rarely(*, door: bool, wide: bool) -> None:
    event = Refused(
        attempt=NEXT, reason="no", provider_wide=wide, temporary=not wide, at_door=door
    )  # fmt: skip
    record, now, waits = FRESH, NOW, list[float]()
    for n in range(10):
        if not door:
            armed = decide(KEY, record, after(record, replace(ARM, lid=f"n{n}")), now, ZERO)
            assert isinstance(armed, Write)
            record = armed.record
        refused = decide(KEY, record, replace(event, attempt=record.attempt + door), now, ZERO)
        assert isinstance(refused, Write)
        record = refused.record
        assert record.due_at is not None
        waits.append(record.due_at - now)
        now = record.due_at

    assert record.tries == 0
    assert 45 <= waits[0] <= 60
    assert all(later > 1.2 * wait for wait, later in pairwise(waits) if later < 1350)
    assert 1350 <= waits[-1] <= 1800


def test_a_refusal_keeps_what_was_to_be_sent_for_the_next_attempt() -> None:
    newer = replace(DOOR, snapshot="newer", last_item_id="i3", kind="partial")
    error = replace(TRIED, state=State.ERROR, due_at=NOW, ambiguous=())
    again = decide(KEY, error, after(error, newer), NOW, ZERO)
    assert isinstance(again, Write)
    first = decided("pending", newer)
    looked_up = decided("sending", Refused(attempt=2, reason="never_left", provider_wide=True))

    for record in (again.record, first):
        assert (record.snapshot, record.last_item_id, record.kind) == ("newer", "i3", "partial")
    assert (looked_up.snapshot, looked_up.last_item_id) == ("snap", "i1")


def test_a_refusal_leaves_the_words_of_a_mail_that_may_have_arrived() -> None:
    """Its links open while the record names its snapshot, and what came later is newer than it."""
    refused = decided("error_due", replace(DOOR, snapshot="newer", last_item_id="i3", kind="other"))

    arrived = decide(KEY, refused, ProviderEvent(attempt=1, event="delivery"), NOW, ZERO)

    assert isinstance(arrived, Write)
    assert (arrived.record.state, arrived.record.snapshot) == (State.SENT, "snap")
    assert (arrived.record.last_item_id, arrived.record.kind) == ("i1", TRIED.kind)


@pytest.mark.parametrize("between", [NotNow(reason="not_idle", due_at=NOW + 9 * 3600), ARM])
def test_time_in_which_nothing_was_refused_makes_no_wait_longer(between: Event) -> None:
    """The customer chats on, or an attempt waits for its answer."""
    wide = Refused(attempt=NEXT, reason="rcpt_421", provider_wide=True, at_door=True)
    refused = decided("pending", wide)
    assert refused.due_at is not None
    moved = decide(KEY, refused, after(refused, between), refused.due_at, ZERO)
    assert isinstance(moved, Write)
    assert moved.record.due_at is not None
    now = moved.record.due_at

    again = decide(KEY, moved.record, after(moved.record, wide), now, ZERO)

    assert isinstance(again, Write)
    assert again.record.due_at is not None
    assert again.record.due_at - now <= 60
    assert not waits_in_vain(again.record, NOW + DAY)


def test_the_third_attempt_that_nobody_answers_for_is_left_to_a_person() -> None:
    record, now = FRESH, NOW
    for attempt in (1, 2, 3):
        armed = decide(KEY, record, replace(ARM, attempt=attempt, lid=f"n{attempt}"), now, ZERO)
        assert isinstance(armed, Write)
        record = armed.record
        assert record.due_at is not None
        now = record.due_at
    held = decide(KEY, record, WindowsPassed(), now, ZERO)
    assert isinstance(held, Write)

    assert (held.record.state, held.record.reason, held.alert) == (
        State.HELD, "ambiguous", "ambiguous",
    )  # fmt: skip
    assert held.record.ambiguous == (1, 2, 3)
    late = decide(KEY, held.record, Accepted(attempt=2), now, ZERO)
    assert outcome(late) == "SENT"


def test_an_outage_of_hours_holds_nothing_and_a_day_of_it_is_told() -> None:
    """Half an hour between tries at the most, and not one of them counts."""
    record, now, waits = decided("sending", LATER), NOW, list[float]()
    while record.state is State.ERROR:
        assert record.due_at is not None
        waits.append(record.due_at - now)
        now = record.due_at
        arm = replace(ARM, attempt=record.attempt + 1, lid=f"n{record.attempt}")
        armed = decide(KEY, record, arm, now, ZERO)
        assert isinstance(armed, Write)
        event = replace(LATER, attempt=armed.record.attempt)
        refused = decide(KEY, armed.record, event, now, ZERO)
        assert isinstance(refused, Write)
        record = refused.record

    assert (record.state, record.tries, record.reason) == (State.HELD, 0, "dot_452")
    assert DAY <= now - NOW < DAY + 1800
    assert waits[0] <= 60
    assert max(waits) <= 1800
    assert len(waits) < 72


def test_a_refusal_of_its_content_makes_the_next_mail_plainer_also_for_an_operator() -> None:
    refused = decided("sending", Refused(attempt=2, reason="too_large", of_content=True))
    resent = decide(KEY, replace(refused, state=State.HELD), OperatorResend(), NOW, ZERO)

    assert refused.plainer == 1
    assert decided("sending", Refused(attempt=2, reason="rcpt_550")).plainer == 0
    assert isinstance(resent, Write)
    assert resent.record.plainer == 1


def test_what_may_have_been_the_network_makes_the_mail_plainer_when_it_comes_again() -> None:
    lost = Refused(attempt=NEXT, reason="body_lost", at_door=True, of_content_if_again=True)
    first = decided("pending", lost)
    assert first.due_at is not None

    second = decide(KEY, first, after(first, lost), first.due_at, ZERO)

    assert first.plainer == 0
    assert isinstance(second, Write)
    assert second.record.plainer == 1


def test_history_is_bounded_and_keeps_the_newest() -> None:
    record = replace(FRESH, history=tuple(Step(float(n), "x") for n in range(32)))
    decision = decide(KEY, record, after(record, ARM), NOW, ZERO)
    assert isinstance(decision, Write)

    assert len(decision.record.history) == 32
    assert decision.record.history[0].at == 1.0
    assert decision.record.history[-1].what == "armed"


def test_a_closed_thread_remembers_where_it_ended() -> None:
    event = NothingToSend(reason="no_contact", quiet_since=NOW - DAY, last_item_id="i7")

    closed = decided("pending", event)

    assert (closed.reason, closed.last_item_id, closed.due_at) == ("no_contact", "i7", None)
    same = decide(KEY, closed, Reopened(last_item_id="i7", due_at=NOW), NOW, ZERO)
    assert outcome(same) == "closed"


def test_an_operator_starts_a_held_lead_afresh() -> None:
    resend = decided("held", OperatorResend())

    assert (resend.due_at, resend.tries) == (NOW, 0)
    assert (resend.first_error_at, resend.refused_since) == (None, None)
    assert decided("held", OperatorConfirm()).sent_by == "operator"


def wants(snapshot: str) -> LeadRecord:
    return decided("held", OperatorResend(snapshot=snapshot, last_item_id="i7", kind="partial"))


def test_what_a_person_wants_sent_is_armed_whatever_was_said_since() -> None:
    resent = wants("snap")
    arm = after(resent, replace(ARM, last_item_id="i7", transcript_ends_at="i9"))

    assert (resent.snapshot, resent.last_item_id, resent.kind) == ("snap", "i7", "partial")
    assert outcome(decide(KEY, resent, arm, NOW, ZERO)) == "SENDING"


@pytest.mark.parametrize(
    ("happened", "waits"),
    [
        (NotNow(reason="watch", due_at=NOW), State.PENDING),
        (ShopUnknown(due_at=NOW), State.PENDING),
        (DOOR, State.ERROR),
    ],
)
def test_what_a_person_wants_sent_outlives_whatever_is_written_meanwhile(
    happened: Event, waits: State
) -> None:
    resent = wants("snap")

    decision = decide(KEY, resent, after(resent, happened), NOW, ZERO)

    assert isinstance(decision, Write)
    assert (decision.record.state, a_person_wants(decision.record)) == (waits, "snap")


@pytest.mark.parametrize("end", [OperatorConfirm(), OperatorClose(reason="dropped")])
def test_what_a_person_wanted_is_over_with_their_lead(end: Event) -> None:
    held = replace(wants("snap"), state=State.HELD)

    ended = decide(KEY, held, end, NOW, ZERO)

    assert isinstance(ended, Write)
    assert a_person_wants(held) == a_person_wants(ended.record) == ""


def test_a_dropped_lead_that_comes_back_starts_afresh() -> None:
    """Its first greylisting would have held it again, and its photos stayed away."""
    tried = replace(STATES["held"], tries=8, first_error_at=NOW - DAY, plainer=2, wanted="snap")
    closed = decide(KEY, tried, OperatorClose(reason="dropped", last_item_id="i1"), NOW, ZERO)
    assert isinstance(closed, Write)
    opened = decide(KEY, closed.record, Reopened(last_item_id="i2", due_at=NOW), NOW, ZERO)
    assert isinstance(opened, Write)

    refused = decide(KEY, opened.record, after(opened.record, DOOR), NOW, ZERO)

    assert (opened.record.plainer, a_person_wants(opened.record)) == (0, "")
    assert outcome(refused) == "ERROR"


@pytest.mark.parametrize("wanted", ["another", ""])
def test_a_person_overrules_the_newest_words_for_what_they_looked_at_only(wanted: str) -> None:
    """A wish from before it was held comes late, or the gates decide once more."""
    resent = wants(wanted)
    arm = after(resent, replace(ARM, last_item_id="i7", transcript_ends_at="i9"))

    assert outcome(decide(KEY, resent, arm, NOW, ZERO)) == "newer_items"


def test_a_lead_that_a_person_ended_owes_no_alert_and_is_still_settled_by_evidence() -> None:
    closed = decided("held_untold", OperatorClose(reason="dropped", last_item_id="i9"))

    assert (alert_owed(closed), closed.due_at, closed.reason) == ("", None, "dropped")
    same = Reopened(last_item_id="i9", due_at=NOW)
    assert outcome(decide(KEY, closed, same, NOW, ZERO)) == "closed"
    late = decide(KEY, closed, ProviderEvent(attempt=2, event="delivery"), NOW, ZERO)
    assert outcome(late) == "SENT"


@pytest.mark.parametrize("rules", [ZERO, TWO])
def test_what_is_forgotten_in_flight_ends_with_its_windows_and_nobody_is_told(rules: Rules) -> None:
    forgotten = decided("sending_due", OperatorClose(reason="forgotten"))

    ended = decide(KEY, forgotten, WindowsPassed(), NOW, rules)

    assert isinstance(ended, Write)
    assert (forgotten.state, forgotten.due_at) == (State.SENDING, NOW)
    assert (ended.record.state, ended.record.reason) == (State.CLOSED, "forgotten")
    assert (ended.record.due_at, ended.record.ambiguous, ended.alert) == (None, (1, 2), "")


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        (OperatorClose(reason="forgotten"), "in_progress"),
        (ARM, "in_progress"),
        (ShopUnknown(due_at=NOW + 600), "in_progress"),
        (WindowsPassed(), "CLOSED"),
        (Refused(attempt=2, reason="550"), "CLOSED"),
        (Refused(attempt=2, reason="throttled", provider_wide=True), "CLOSED"),
        (DOOR, "CLOSED"),
        (Accepted(attempt=2), "SENT"),
        (ProviderEvent(attempt=2, event="delivery"), "SENT"),
    ],
)
def test_what_is_forgotten_in_flight_is_settled_and_never_sent_again(
    event: Event, wanted: str
) -> None:
    forgotten = decided("sending_due", OperatorClose(reason="forgotten"))

    assert outcome(decide(KEY, forgotten, after(forgotten, event), NOW, ZERO)) == wanted


def test_windows_that_are_not_over_end_nothing_that_is_forgotten() -> None:
    forgotten = decided("sending", OperatorClose(reason="forgotten"))

    assert outcome(decide(KEY, forgotten, WindowsPassed(), NOW, ZERO)) == "in_progress"
