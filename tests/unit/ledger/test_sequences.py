"""Whatever happens in whatever order, a record keeps I3, I4, I10 and I14 of `docs/promises.md`."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.ledger.events import (
    Accepted,
    Alerted,
    Arm,
    Considered,
    Event,
    GaveUp,
    NewerItems,
    NothingToSend,
    NotNow,
    OperatorClose,
    OperatorConfirm,
    OperatorResend,
    ProviderEvent,
    Refused,
    Reopened,
    Rules,
    ShopUnknown,
    WindowsPassed,
    Write,
)
from libs.ledger.record import LeadKey, LeadRecord, State
from libs.ledger.states import decide
from libs.ledger.timing import MOST_UNKNOWN

KEY = LeadKey("craigs", "cthr_1")
ATTEMPTS = st.integers(min_value=0, max_value=5)
ITEMS = st.sampled_from(["i1", "i2"])
TIMES = st.floats(min_value=0, max_value=1e6)
NONCES = st.integers(min_value=0, max_value=9).map(lambda n: f"nonce{n}")

EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Considered, reason=st.just("idle"), due_at=TIMES),
    st.builds(NotNow, reason=st.just("not_idle"), due_at=TIMES),
    st.builds(NothingToSend, reason=st.just("empty"), quiet_since=TIMES, last_item_id=ITEMS),
    st.builds(Reopened, last_item_id=ITEMS, due_at=TIMES),
    st.builds(
        Arm, lid=NONCES, last_item_id=st.just("i1"), transcript_ends_at=ITEMS,
        snapshot=st.sampled_from(["a", "b"]), content_hash=st.just(""), kind=st.just("full"),
    ),
    st.builds(Accepted, attempt=ATTEMPTS),
    st.builds(
        Refused, attempt=ATTEMPTS, reason=st.just("550"), provider_wide=st.booleans(),
        snapshot=st.sampled_from(["", "a", "b"]),
    ),
    st.builds(
        ProviderEvent, attempt=ATTEMPTS, event=st.sampled_from(["delivery", "bounce", "delay"])
    ),
    st.builds(WindowsPassed),
    st.builds(GaveUp, reason=st.just("no_mail_could_be_built")),
    st.builds(ShopUnknown, due_at=TIMES),
    st.builds(NewerItems, count=ATTEMPTS),
    st.builds(Alerted),
    st.builds(OperatorResend, snapshot=st.sampled_from(["", "a"])),
    st.builds(OperatorConfirm),
    st.builds(OperatorClose, reason=st.sampled_from(["dropped", "forgotten"])),
)  # fmt: skip
STEPS = st.lists(
    st.tuples(EVENTS, st.sampled_from([0.0, 31.0, 1700.0, 90000.0])), min_size=5, max_size=40
)


@settings(max_examples=400, deadline=None)
@given(STEPS, st.sampled_from([Rules(), Rules(policy="never_two")]))
def test_a_record_keeps_its_promises(steps: list[tuple[Event, float]], rules: Rules) -> None:
    record: LeadRecord | None = None
    now = 1000.0
    for event, pause in [(Considered(reason="idle", due_at=now), 0.0), *steps]:
        now += pause
        decision = decide(KEY, record, event, now, rules)
        if not isinstance(decision, Write):
            continue
        if record is not None:
            _check_step(record, decision.record, event, now)
        record = decision.record
        assert record.state is not State.PENDING or record.due_at is not None  # I10


def _check_step(before: LeadRecord, after: LeadRecord, event: Event, now: float) -> None:
    assert after.version == before.version + 1
    assert after.attempt in {before.attempt, before.attempt + 1}  # I3
    if after.attempt > before.attempt:
        assert isinstance(event, Arm)
        assert after.lid != before.lid
        assert after.due_at is not None
        assert after.due_at >= now + 120
    if before.state is State.SENT:  # I4
        assert after.state is State.SENT
        assert (after.sent_by, after.sent_at) == (before.sent_by, before.sent_at)
    assert after.possible_duplicate >= before.possible_duplicate  # I14
    assert set(before.ambiguous) <= set(after.ambiguous)
    assert sorted(after.ambiguous_lids.values()) == sorted(after.ambiguous)
    if before.state is State.SENDING and isinstance(event, Arm):
        assert len(after.ambiguous) < MOST_UNKNOWN
    if before.state is after.state is State.SENDING and not isinstance(event, OperatorClose):
        assert before.reason != "forgotten"
        assert before.due_at is not None
        assert now >= before.due_at
        assert after.possible_duplicate or isinstance(event, ShopUnknown)
