"""Which lane a message takes, and what an envelope keeps."""

from __future__ import annotations

import random

import pytest

from libs.errors import Rejected, Retryable, Unavailable
from libs.messages.lead import ConsiderLead
from libs.messages.session import MintSession
from libs.messages.streams import LEAD_CONSIDER, STREAMS
from libs.streams import lanes
from libs.streams.broker import DeadLetter, Entry, Later
from libs.streams.envelope import decoder, reseal, seal, unseal
from libs.streams.fate import MAX_ATTEMPTS, backoff_seconds, decide_fate
from libs.streams.lanes import lane_of, lanes_of


def wish(thread: str) -> ConsiderLead:
    return ConsiderLead(shop="s", thread_id=thread, reason="idle")


def test_a_stream_has_one_lane_unless_it_needs_more() -> None:
    assert [lanes_of(stream) for stream in STREAMS] == [(f"{s.name}:0",) for s in STREAMS]
    assert lane_of(LEAD_CONSIDER, wish("t")) == "lead.consider:0"


def test_a_conversation_always_takes_the_same_of_several_lanes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(lanes.PARTITIONS, "lead.consider", 4)
    taken = {f"t{n}": lane_of(LEAD_CONSIDER, wish(f"t{n}")) for n in range(100)}

    assert set(taken.values()) == set(lanes_of(LEAD_CONSIDER))
    assert all(lane_of(LEAD_CONSIDER, wish(thread)) == lane for thread, lane in taken.items())
    assert taken["t0"] == "lead.consider:1", "moving a thread to another lane breaks its order"


def test_an_envelope_keeps_who_waits_and_until_when() -> None:
    opened = decoder(MintSession).decode(seal(MintSession(shop="s"), "reply.x/1", 12.5))

    assert opened.message == MintSession(shop="s")
    assert (opened.reply_to, opened.deadline, opened.attempts) == ("reply.x/1", 12.5, 0)


def test_trying_again_touches_nothing_of_the_message() -> None:
    newer = b'[{"type":"lead.consider.v1", "shop":"s","field_of_tomorrow":[1, 2]},"a",5.0,1]'

    assert reseal(unseal(newer), attempts=3, outages=2) == newer[:-2] + b'3,2,""]'
    with pytest.raises(Rejected):
        unseal(b"no envelope")


def test_backoff_doubles_with_jitter_up_to_five_minutes() -> None:
    rng = random.Random(1)
    for attempt, longest in ((1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (5000, 300)):
        waits = [backoff_seconds(attempt, rng) for _ in range(200)]
        assert longest / 2 <= min(waits) < max(waits) <= longest
        assert max(waits) - min(waits) > longest / 4


ENTRY = Entry("1-0", seal(wish("t")))


@pytest.mark.parametrize(
    ("error", "attempt", "kind"),
    [
        (Retryable("x"), 1, Later),
        (Retryable("x"), MAX_ATTEMPTS - 1, Later),
        (Retryable("x"), MAX_ATTEMPTS, DeadLetter),
        (Retryable("x", after_seconds=5), MAX_ATTEMPTS, DeadLetter),
        (Unavailable("records", "x"), 10 * MAX_ATTEMPTS, Later),
        (Rejected("x"), 1, DeadLetter),
    ],
)
def test_what_becomes_of_a_failure(
    error: Retryable | Rejected, attempt: int, kind: type[object]
) -> None:
    assert type(decide_fate(ENTRY, attempt, error, 1000.0, random.Random(1))) is kind


def test_an_entry_put_back_remembers_its_attempts() -> None:
    fate = decide_fate(ENTRY, 3, Retryable("x", after_seconds=0), 1000.0, random.Random(1))

    assert isinstance(fate, Later)
    assert fate.at == 1000.0
    assert decoder(ConsiderLead).decode(fate.body).attempts == 3
