"""The gates as pure functions: every state, every silence, every answer, in the table's order."""

from __future__ import annotations

import itertools

import pytest
from msgspec.structs import replace

from libs.conversations.port import Conversation, Item, Speaker
from libs.leads.snapshot import Contact, Summary
from libs.ledger.events import (
    DEFAULT_RULES,
    Considered,
    GaveUp,
    NothingToSend,
    NotNow,
    Refuse,
    Reopened,
    Write,
)
from libs.ledger.record import LeadKey, LeadRecord, State, Step
from libs.ledger.states import decide
from libs.ledger.timing import DAY_SECONDS
from libs.messages.lead import ConsiderLead
from services.lead import gates
from services.lead.gates import Case, Close, GiveUp, Send, Stop, Times, Verdict, Wait
from services.lead.transcript import Subject, lines_of
from tests.unit.lead.world import NOW, PROFILE

KEY = LeadKey("craigs", "cthr_x")
WISH = ConsiderLead(shop="craigs", thread_id="cthr_x", reason="pagehide", request_id="req-1")
PHONE = Contact(
    kind="phone", value="+14085550123", shown="(408) 555-0123", item_id="i1", start=0, end=12
)
SILENCES = (0, 299, 300, 301, 7199, 7200, DAY_SECONDS - 1, DAY_SECONDS, 10 * DAY_SECONDS)
SPEAKERS: tuple[tuple[Speaker, ...], ...] = ((), ("assistant",), ("note",), ("customer",))


def case(
    record: LeadRecord | None = None, *, speakers: tuple[Speaker, ...] = ("customer",),
    silent: float = 301, contacts: tuple[Contact, ...] = (PHONE,),
) -> tuple[Case, Subject]:  # fmt: skip
    items = tuple(
        Item(id=f"i{n}", speaker=speaker, text="words", at=NOW - silent)
        for n, speaker in enumerate(speakers, 1)
    )
    conversation = Conversation(thread_id="cthr_x", visitor="v_1", title="", items=items)
    subject = Subject(
        conversation=conversation,
        lines=lines_of(conversation, PROFILE),
        contacts=contacts,
        profile=PROFILE,
    )
    return Case(record=record, now=NOW, times=Times(), subject=subject), subject


def record(state: State, **fields: object) -> LeadRecord:
    made = {"key": KEY, "state": state, "created_at": NOW - 100 * DAY_SECONDS} | fields
    return LeadRecord(**made)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "leased", "expected"),
    [
        (None, True, None),
        (None, False, "in_progress"),
        (State.SENT, True, "already_sent"),
        (State.SENT, False, "already_sent"),
        (State.SENDING, True, "in_progress"),
        (State.SENDING, False, "in_progress"),
        (State.PENDING, True, None),
        (State.PENDING, False, "in_progress"),
        (State.CLOSED, True, None),
        (State.CLOSED, False, "in_progress"),
        (State.ERROR, False, "in_progress"),
        (State.HELD, True, "held"),
        (State.HELD, False, "in_progress"),
    ],
)
def test_record_and_lease_answer_in_the_order_of_the_table(
    state: State | None, expected: str | None, *, leased: bool
) -> None:
    found = gates.standing(record(state) if state else None, leased=leased, now=NOW)

    assert (found.reason if found else None) == expected


def test_failed_mail_cools_down_until_it_is_due() -> None:
    waiting = record(State.ERROR, due_at=NOW + 30)

    assert gates.standing(waiting, leased=True, now=NOW) == Stop(reason="cooldown", retry_after=30)
    assert gates.standing(waiting, leased=True, now=NOW + 30) is None


@pytest.mark.parametrize(
    ("speakers", "silent", "contacts", "expected"),
    [
        ((), 0, (), "empty_thread"),
        (("assistant", "note"), 0, (PHONE,), "empty_thread"),
        (("customer",), 299, (), "not_idle"),
        (("customer",), 299, (PHONE,), "not_idle"),
        (("customer", "assistant"), 299, (PHONE,), "not_idle"),
        (("customer",), 300, (), "missing_contact"),
        (("customer",), 300, (PHONE,), None),
    ],
)
def test_rows_five_to_seven_in_their_order(
    speakers: tuple[Speaker, ...], silent: float, contacts: tuple[Contact, ...], expected: str
) -> None:
    verdict = gates.heard(*case(speakers=speakers, silent=silent, contacts=contacts))

    assert (verdict.reason if verdict else None) == expected


def test_quiet_timer_stands_five_seconds_behind_the_window() -> None:
    verdict = gates.heard(*case(silent=100))

    assert verdict == Wait(reason="not_idle", until=NOW - 100 + 305, punctual=True)


@pytest.mark.parametrize("silent", SILENCES)
@pytest.mark.parametrize("ready", [True, False])
def test_readiness_is_full_partial_or_later(silent: float, *, ready: bool) -> None:
    asked, _ = case(silent=silent)
    verdict = gates.readiness(asked, Summary(handoff_ready=ready, handoff_reason="missing_contact"))

    if ready:
        assert verdict == Send(kind="full")
    elif silent >= 7200:
        assert verdict == Send(kind="partial")
    else:
        assert verdict == Wait(reason="missing_contact", until=NOW - silent + 7200)


def test_unknown_thread_is_closed_only_where_a_record_waits() -> None:
    old = NOW - DAY_SECONDS

    def gone(state: State | None, created_at: float = NOW) -> Verdict:
        known = record(state, created_at=created_at) if state else None
        return gates.gone(Case(record=known, now=NOW, times=Times()), None)

    assert gone(None) == Stop(reason="unknown_thread")
    assert gone(State.CLOSED, old) == Stop(reason="unknown_thread")
    assert gone(State.PENDING) == Wait(reason="unknown_thread", until=NOW + DAY_SECONDS)
    assert gone(State.PENDING, old) == Close(reason="unknown_thread", ends="gone")


@pytest.mark.parametrize(
    ("looks", "verdict"),
    [
        (("not_idle", "missing_vehicle_context"), GiveUp(why="conversation_gone")),
        (("missing_project_details", "not_idle"), GiveUp(why="conversation_gone")),
        (("idle",), GiveUp(why="conversation_gone")),
        (("not_ready", "missing_contact"), Wait(reason="unknown_thread", until=NOW + DAY_SECONDS)),
        (("watch", "not_idle"), Wait(reason="unknown_thread", until=NOW + DAY_SECONDS)),
        (("empty_thread",), Wait(reason="unknown_thread", until=NOW + DAY_SECONDS)),
    ],
)
def test_who_could_be_reached_is_not_forgotten_with_the_conversation(
    looks: tuple[str, ...], verdict: Verdict
) -> None:
    steps = tuple(Step(NOW, "not_now", look) for look in looks)
    known = record(State.PENDING, history=steps, reason=looks[-1], created_at=NOW)

    assert gates.gone(Case(record=known, now=NOW, times=Times()), None) == verdict


@pytest.mark.parametrize(
    ("look", "verdict"),
    [
        ("", Wait(reason="unknown_thread", until=NOW + DAY_SECONDS)),
        ("not_idle", Wait(reason="unknown_thread", until=NOW + DAY_SECONDS)),
        ("missing_vehicle_context", GiveUp(why="conversation_gone")),
    ],
)
def test_coming_back_tells_of_a_contact_only_where_one_was_read(
    look: str, verdict: Verdict
) -> None:
    closed = record(
        State.CLOSED, reason="no_contact", last_item_id="i0", created_at=NOW,
        history=(Step(NOW, "closed", "no_contact"),),
    )  # fmt: skip
    back = Reopened(last_item_id="i1", due_at=NOW, reason=look)
    written = decide(KEY, closed, back, NOW, DEFAULT_RULES)

    assert isinstance(written, Write)
    assert gates.gone(Case(record=written.record, now=NOW, times=Times()), None) == verdict


def test_thread_that_is_reopened_remembers_what_was_read() -> None:
    closed = record(State.CLOSED, reason="no_contact", last_item_id="i0")
    later = Wait(reason="missing_vehicle_context", until=NOW + 60)

    (event,) = gates.to_remember(case(closed)[0], later, WISH)

    assert event == Reopened(last_item_id="i1", due_at=NOW + 60, reason="missing_vehicle_context")


def test_lead_that_was_fixed_outlives_its_conversation() -> None:
    fixed = Send(kind="partial", snapshot="s", last_item_id="i9")

    def gone(known: LeadRecord | None, found: Send | None) -> Verdict:
        return gates.gone(Case(record=known, now=NOW, times=Times()), found)

    armed = record(State.PENDING, snapshot="s")
    failed = record(State.ERROR, snapshot="s")
    for known in (record(State.PENDING), armed, failed):
        assert gone(known, fixed) == fixed
    assert gone(armed, None) == gone(failed, None) == GiveUp(why="snapshot_missing")
    for state in (State.CLOSED, State.SENT, State.HELD):
        assert gone(record(state, snapshot="s"), fixed) == Stop(reason="unknown_thread")


RECORDS = (
    None,
    record(State.PENDING, due_at=NOW - 1),
    record(State.PENDING, due_at=NOW + 60),
    record(State.PENDING, due_at=NOW + DAY_SECONDS),
    record(State.PENDING),
    record(State.CLOSED, reason="no_contact", last_item_id="i0"),
    record(State.CLOSED, reason="no_contact", last_item_id="i1"),
    record(State.CLOSED, reason="empty"),
    record(State.ERROR, due_at=NOW - 1, last_item_id="i0", snapshot="s", kind="full", tries=1),
    record(State.ERROR, due_at=NOW - 1, last_item_id="i1", snapshot="s", kind="partial", tries=1),
)


@pytest.mark.parametrize("known", RECORDS)
def test_every_case_leaves_a_record_that_will_be_looked_at_again(known: LeadRecord | None) -> None:
    """I10: whatever was decided, PENDING has a timer; the ledger takes every event we make."""
    for speakers, silent, contacts, ready in itertools.product(
        SPEAKERS, SILENCES, ((), (PHONE,)), (True, False)
    ):
        asked, subject = case(known, speakers=speakers, silent=silent, contacts=contacts)
        summary = Summary(handoff_ready=ready)
        verdict = gates.heard(asked, subject) or gates.readiness(asked, summary)

        _check(verdict, known, _applied(asked, verdict))


def _applied(asked: Case, verdict: Verdict) -> LeadRecord:
    after = asked.record
    for event in gates.to_remember(asked, verdict, WISH):
        decision = decide(KEY, after, event, NOW, DEFAULT_RULES)
        assert not isinstance(decision, Refuse), (event, decision)
        after = decision.record if isinstance(decision, Write) else after
    assert after is not None
    return after


def _check(verdict: Verdict, before: LeadRecord | None, after: LeadRecord) -> None:
    pending = after.state is State.PENDING
    match verdict:
        case Stop():
            assert after == before
        case Close():
            assert after.state in {State.CLOSED, State.HELD}
        case Wait(until=until):
            assert after.state in {State.PENDING, State.ERROR}
            assert after.due_at is not None
            assert NOW < after.due_at <= until
        case Send():
            assert after.state in {State.PENDING, State.ERROR}
            assert after.due_at is not None
            assert not pending or after.due_at <= NOW + Times().lease_seconds


@pytest.mark.parametrize(
    "verdict", [Wait(reason="not_idle", until=NOW + 5), Send(kind="full")], ids=["wait", "send"]
)
def test_the_first_write_says_who_asked_beside_what_was_found(verdict: Verdict) -> None:
    (event,) = gates.to_remember(case()[0], verdict, WISH)

    assert isinstance(event, Considered)
    assert (event.trigger, event.request_id) == ("pagehide", "req-1")
    assert event.reason == ("not_idle" if isinstance(verdict, Wait) else "ready")


def test_closed_thread_speaks_the_askers_language() -> None:
    closed = record(State.CLOSED, reason="no_contact", last_item_id="i1")

    assert gates.heard(*case(closed)) == Stop(reason="missing_contact")


def test_failed_mail_goes_again_as_it_was() -> None:
    failed = record(State.ERROR, due_at=NOW, last_item_id="i1", snapshot="s", kind="partial")

    assert gates.refused(failed) == Send(kind="partial", snapshot="s", last_item_id="i1")
    assert gates.refused(replace(failed, snapshot="")) is None
    assert gates.refused(replace(failed, state=State.PENDING)) is None


def test_events_are_as_few_as_can_be() -> None:
    def events(known: LeadRecord | None, verdict: Verdict) -> list[type]:
        asked, _ = case(known, silent=DAY_SECONDS)
        return [type(event) for event in gates.to_remember(asked, verdict, WISH)]

    wait, close, send = (
        Wait(reason="not_idle", until=NOW + 5),
        Close(reason="missing_contact", ends="no_contact"),
        Send(kind="full"),
    )
    pending = record(State.PENDING, due_at=NOW + 60)
    closed = record(State.CLOSED, last_item_id="i0")
    assert events(None, wait) == events(None, send) == [Considered]
    assert events(None, close) == [Considered, NothingToSend]
    assert events(pending, wait) == [NotNow]
    assert events(pending, close) == [NothingToSend]
    assert events(pending, send) == []
    assert events(record(State.PENDING, due_at=NOW + 9_000), send) == [NotNow]
    assert events(closed, send) == events(closed, wait) == [Reopened]
    assert events(closed, close) == [Reopened, NothingToSend]
    failed = record(State.ERROR, due_at=NOW)
    assert events(failed, send) == [Considered]
    assert events(failed, wait) == [NotNow]
    assert events(failed, close) == events(failed, GiveUp(why="snapshot_missing")) == [GaveUp]
