"""`handoff why` has human words for whatever the ledger can write, and always a next step."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from libs.conversations.port import Item
from libs.leads.snapshot import Photo, Summary
from libs.ledger import events
from libs.ledger.events import DEFAULT_RULES, Event, Rules, Write
from libs.ledger.record import LeadRecord, State, Step
from libs.ledger.states import decide
from libs.messages.lead import NOT_READY
from libs.messages.lead import REASONS as TRIGGERS
from libs.streams.broker import DeadLetter
from ops.story import Facts, Parked, Story, tell
from ops.threads import why
from ops.wording import REASONS, STEPS, TIMERS
from services.lead.gates import CLOSED_AS
from services.mailer.alerts import CAUSES
from tests.unit.ops.desks import (
    KEY,
    NOW,
    SHOP,
    THREAD,
    conversation,
    on_fake_redis,
    record,
    snapshot,
    stores,
)

TWO = Rules(policy="never_two")
DAY = 86_400.0


def arm(attempt: int) -> Event:
    return events.Arm(
        attempt=attempt, lid=f"nonce-{attempt}", last_item_id="i", transcript_ends_at="i",
        snapshot="s", content_hash="h", kind="full",
    )  # fmt: skip


def happenings(attempt: int) -> Iterator[tuple[Event, float, Rules]]:
    """Every event, some moments after the last."""
    asked = events.Considered(reason="not_idle", due_at=NOW, trigger="pagehide", request_id="req-1")
    yield asked, 1, DEFAULT_RULES
    yield events.NotNow(reason="not_idle", due_at=NOW + 9), 1, DEFAULT_RULES
    yield events.NothingToSend(reason="empty", quiet_since=NOW - 2 * DAY), 1, DEFAULT_RULES
    yield events.Reopened(last_item_id="newer", due_at=NOW), 1, DEFAULT_RULES
    yield arm(attempt), 4000, DEFAULT_RULES
    yield events.Accepted(attempt=attempt), 1, DEFAULT_RULES
    yield events.Refused(attempt=attempt, reason="throttled"), 1, DEFAULT_RULES
    yield events.WindowsPassed(), 4000, TWO
    yield events.ShopUnknown(due_at=NOW + 9), 1, DEFAULT_RULES
    yield events.GaveUp(reason="snapshot_missing"), 1, DEFAULT_RULES
    yield events.NewerItems(count=3), 1, DEFAULT_RULES
    yield events.Alerted(), 1, DEFAULT_RULES
    yield events.OperatorResend(), 1, DEFAULT_RULES
    yield events.OperatorConfirm(), 1, DEFAULT_RULES
    yield events.OperatorClose(reason="dropped"), 1, DEFAULT_RULES
    yield events.OperatorClose(reason="forgotten"), 1, DEFAULT_RULES
    for kind in ("send", "delay", "delivery", "bounce", "complaint", "reject"):
        yield events.ProviderEvent(attempt=attempt, event=kind), 1, DEFAULT_RULES


def reachable(rounds: int = 5) -> list[LeadRecord]:
    """Every record that some order of events leads to, by the states and steps it went through."""
    seen: dict[tuple[str, ...], LeadRecord] = {}
    edge: list[LeadRecord | None] = [None]
    for turn in range(rounds):
        found: list[LeadRecord | None] = []
        for last in edge:
            attempt = last.attempt if last else 0
            for n in (attempt, attempt + 1):
                for event, later, rules in happenings(n):
                    now = (last.updated_at if last else NOW) + later
                    decision = decide(KEY, last, event, now, rules)
                    if isinstance(decision, Write):
                        new = decision.record
                        path = (new.state, new.delivery, *(step.what for step in new.history[-3:]))
                        if path not in seen:
                            seen[path] = new
                            found.append(new)
        edge = found
        assert turn or found
    return list(seen.values())


RECORDS = reachable()


def facts(of: LeadRecord | None, **known: object) -> Facts:
    given = {"now": NOW, "record": of, **known}
    return Facts(shop=SHOP, thread_id=THREAD, **given)  # type: ignore[arg-type]


def said(story: Story) -> str:
    return "\n".join(event.what for event in story.events)


def test_every_step_the_ledger_writes_is_reached_and_has_words() -> None:
    source = "".join(path.read_text() for path in Path("libs/ledger").glob("*.py"))
    named = set(re.findall(r'(?:next_record|sent)\(\s*\w+, now, "(\w+)"', source))
    named |= set(re.findall(r'Step\(now, "(\w+)"', source))
    named |= {"delay", "delivery", "bounce", "complaint", "reject"}

    written = {step.what for each in RECORDS for step in each.history}

    assert written == named == set(STEPS)


def test_every_state_is_reached_and_told() -> None:
    assert {each.state for each in RECORDS} == set(State)
    for each in RECORDS:
        story = tell(facts(each))
        assert story.headline.endswith(".")
        assert story.next_step
        assert "{" not in said(story) + story.headline + story.next_step
        assert "_" not in said(story).replace("never_two", "").replace("DUPLICATE_POLICY", "")


def test_an_unknown_step_is_not_told_in_its_code() -> None:
    with pytest.raises(KeyError):
        tell(facts(record(history=(Step(NOW, "teleported"),))))


@pytest.mark.parametrize("code", sorted({*NOT_READY, *CLOSED_AS, *CLOSED_AS.values(), *TRIGGERS}))
def test_reasons_of_triggers_and_gates_have_words(code: str) -> None:
    assert " " in REASONS[code]


def test_causes_that_a_record_is_held_for_have_words() -> None:
    of_no_lead = {
        "clock_skewed", "not_in_the_table", "unexpected_event", "record_unreadable",
        "event_unreadable", "leads_overdue",
    }  # fmt: skip

    assert set(CAUSES) - of_no_lead <= set(REASONS)


@pytest.mark.parametrize("state", list(TIMERS))
def test_a_timer_is_told_with_its_moment(state: State) -> None:
    ahead = tell(facts(record(state, due_at=NOW + 60)))
    behind = tell(facts(record(state, due_at=NOW - 60)))

    assert (ahead.events[-1].at, ahead.events[-1].what) == (NOW + 60, f"Timer: {TIMERS[state]}")
    assert behind.events[-1].what.startswith("Overdue since then")


def test_a_sent_lead_says_that_a_recipient_was_passed_over() -> None:
    story = tell(facts(record(delivery="recipient_passed_over")))

    assert story.headline.endswith(
        "Then: the mail server did not take it for one of the shop's recipients."
    )
    assert story.next_step.startswith("Check the recipients in the shop's profile")


def test_a_sent_lead_says_how_we_know() -> None:
    by_event = tell(facts(record(sent_by="event", possible_duplicate=True, attempt=2)))

    assert by_event.headline == (
        "Sent as a full lead with attempt 2, marked as a possible copy;"
        " known by a delivery event of the provider."
    )
    assert "known by the provider's own answer" in tell(facts(record())).headline
    settled = record(attempt=0, sent_by="operator")
    assert tell(facts(settled)).headline == "Settled without a mail, by an operator's word."


def test_the_lead_itself_is_told_in_numbers_and_not_in_words() -> None:
    partial = snapshot(
        kind="partial",
        summary=Summary(handoff_reason="missing_vehicle_context", removed=2, customer_name="Ana"),
        photos=(
            Photo(id="att_1", name="a.jpg", mime_type="image/jpeg"),
            Photo(id="att_2", name="b.jpg", mime_type="image/jpeg", failed="missing"),
        ),
    )

    told = said(tell(facts(record(), snapshot=partial, conversation=conversation())))

    assert "Triggered: the visitor closed the chat, request req-1." in told
    assert "partial lead: phone, email, 2 photos (1 cannot be shown), summary by our rules." in told
    assert "Partial, because the vehicle or item is not known yet." in told
    assert "2 things the customer never said were taken out." in told
    assert "Ana" not in told
    assert "Customer message 1, the newest." in told


def test_a_lead_without_a_mail_says_who_asked_and_what_was_found() -> None:
    [first] = [each for each in RECORDS if [step.what for step in each.history] == ["considered"]]

    told = tell(facts(first))

    assert [event.what for event in told.events if event.at == first.created_at] == [
        "First asked: the visitor left the page, request req-1.",
        "Looked at for the first time: the last message is too young.",
    ]
    assert told.headline == "Waiting: the last message is too young."


def test_events_come_in_order_of_time() -> None:
    story = tell(facts(record(), snapshot=snapshot(), conversation=conversation()))

    assert [event.at for event in story.events] == sorted(event.at for event in story.events)


def test_what_is_parked_comes_first_while_the_lead_is_open() -> None:
    parked = (Parked("mail.send/7-0", "no shop has this name"),)

    waiting = tell(facts(record(State.PENDING), parked=parked))
    sent = tell(facts(record(), parked=parked))

    assert "`handoff dead retry mail.send/7-0`" in waiting.next_step
    assert waiting.warnings == ("Parked: mail.send/7-0, no shop has this name.",)
    assert sent.next_step == "Nothing for the lead; `handoff dead drop mail.send/7-0`."


def test_a_paused_stream_is_the_next_step() -> None:
    story = tell(facts(record(State.PENDING), paused=("lead.consider",)))

    assert story.next_step == "`handoff resume lead.consider`."
    assert story.warnings == ("The stream lead.consider is paused.",)


def test_doubts_are_warnings() -> None:
    doubted = record(State.PENDING, ambiguous=(1, 2), newer_items=3, snapshot="gone")

    warnings = "\n".join(tell(facts(doubted, lease_held=True, unknown=("Redis",))).warnings)

    assert "Nobody knows whether it arrived: attempt 1, 2." in warnings
    assert "the customer wrote 3 more" in warnings
    assert "What the mail said is not kept" in warnings
    assert "A worker holds its lease" in warnings
    assert "Redis did not answer" in warnings


def test_what_came_after_the_mail_is_told_before_the_record_counts_it() -> None:
    sent = record(last_item_id="cthi_1")
    more = tuple(
        Item(id=f"cthi_{n}", speaker="customer", text="one more thing", at=NOW) for n in (2, 3)
    )
    longer = replace(conversation(), items=(*conversation().items, *more))

    assert not tell(facts(sent, conversation=conversation())).warnings
    assert tell(facts(sent, conversation=longer)).warnings == (
        "After the mail the customer wrote 2 more; it does not hold them.",
    )


def test_a_held_lead_of_which_nothing_is_left_can_be_closed() -> None:
    story = tell(facts(record(State.HELD, attempt=3, reason="ambiguous")))

    assert f"`handoff resend {THREAD} --attempt 3`" not in story.next_step
    assert f"Nothing is left to send: `handoff close {THREAD} --attempt 3`." in story.next_step


@pytest.mark.parametrize(
    "left",
    [{"snapshot": snapshot()}, {"conversation": conversation()}, {"unknown": ("The blob store",)}],
    ids=lambda left: next(iter(left)),
)
def test_a_held_lead_that_may_still_be_sent_names_each_way_out(left: dict[str, object]) -> None:
    parked = (Parked("mail.send/7-0", "tried too often"),)
    held = record(State.HELD, attempt=3, reason="ambiguous")

    story = tell(facts(held, parked=parked, paused=("mail.send",), **left))

    for command in ("resend", "close"):
        assert f"`handoff {command} {THREAD} --attempt 3`" in story.next_step
    assert "`--arrived`" in story.next_step
    assert story.next_step.startswith("`handoff resume mail.send`. ")
    assert story.next_step.endswith(" Afterwards `handoff dead drop mail.send/7-0`.")


@pytest.mark.parametrize("state", [State.PENDING, State.SENDING, State.ERROR])
def test_an_open_lead_of_no_shop_waits_for_its_profile_alone(state: State) -> None:
    story = tell(facts(record(state, due_at=NOW), shops=("other",), snapshot=snapshot()))

    assert story.next_step == "Put the profile of craigs back into SHOPS, or it will be held."


def test_a_held_lead_of_no_shop_needs_more_than_its_profile() -> None:
    held = record(State.HELD, attempt=2, reason="unknown_shop")

    left = tell(facts(held, shops=("other",), snapshot=snapshot())).next_step
    nothing_left = tell(facts(held, shops=("other",))).next_step

    assert left.startswith("Put the profile of craigs back into SHOPS. Ask the shop")
    assert f"`handoff resend {THREAD} --attempt 2`" in left
    assert nothing_left.startswith("Nothing is left to send: ")


def test_a_delivered_lead_says_so_and_wants_nobody() -> None:
    sent = record(history=(Step(NOW, "accepted", "attempt 1"),))
    event = events.ProviderEvent(attempt=1, event="delivery")
    decision = decide(KEY, sent, event, NOW + 9, DEFAULT_RULES)
    assert isinstance(decision, Write)

    story = tell(facts(decision.record))

    assert story.headline.endswith("own answer. Then: the shop's mail server took it.")
    assert story.events[-1].at == NOW + 9
    assert "delivered it, the shop's mail server took it: attempt 1." in story.events[-1].what
    assert (story.next_step, story.needs_a_person) == ("Nothing.", False)


def test_a_bounce_sends_somebody_to_the_profile() -> None:
    story = tell(facts(record(delivery="bounce")))

    assert "could not deliver it" in story.headline
    assert "recipients" in story.next_step


def test_a_full_history_says_that_older_steps_are_gone() -> None:
    steps = tuple(Step(NOW + n, "not_now", "not_idle") for n in range(32))

    told = said(tell(facts(record(State.PENDING, created_at=NOW - 9, history=steps))))

    assert "are not kept" in told
    assert "are not kept" not in said(tell(facts(record(State.PENDING, history=steps[:3]))))


async def test_why_asks_every_store_and_names_those_that_are_silent() -> None:
    there = stores()
    await there.lead(record(), snapshot())
    there.conversations.put(SHOP, conversation())

    shown = await why(there.desk, THREAD)

    assert shown.code == 0
    assert isinstance(shown.data, Story)
    assert shown.data.warnings == ("Redis did not answer, so this may be incomplete.",)


@pytest.mark.parametrize(
    ("stands", "code"),
    [
        (record(State.PENDING), 0),
        (record(State.CLOSED), 0),
        (record(State.HELD, attempt=1), 1),
        (record(delivery="bounce"), 1),
    ],
    ids=lambda value: getattr(value, "state", None),
)
async def test_why_ends_with_1_when_a_person_has_to_act(stands: LeadRecord, code: int) -> None:
    there = stores()
    await there.lead(stands)

    assert (await why(there.desk, THREAD)).code == code


async def test_why_sees_lease_pause_and_parked_messages() -> None:
    from libs.leases.redis import RedisLeases
    from libs.messages.lead import thread_name
    from libs.messages.streams import LEAD_CONSIDER

    there = stores()
    streams = on_fake_redis()
    await there.lead(record(State.PENDING))
    await RedisLeases(streams.redis).take(thread_name(SHOP, THREAD), "n", 60)
    await streams.oversight.pause(LEAD_CONSIDER)
    await streams.broker.prepare("mail.send:0")
    await streams.broker.add("mail.send:0", b'[{"thread_id":"cthr_1"}]')
    [entry] = await streams.broker.read("mail.send:0", "r", count=1, wait_seconds=0.1)
    await streams.broker.park("mail.send:0", [DeadLetter("", entry.id, "broken", 2, entry.body)])
    desk = dataclasses.replace(there.desk, streams=streams)

    shown = await why(desk, THREAD)

    assert shown.code == 1
    assert isinstance(shown.data, Story)
    warnings = "\n".join(shown.data.warnings)
    assert "broken" in warnings
    assert "lead.consider is paused" in warnings
    assert "lease" in warnings
    await streams.aclose()


async def test_why_sees_no_parked_message_of_a_thread_whose_id_only_begins_alike() -> None:
    there, streams = stores(), on_fake_redis()
    await there.lead(record(State.PENDING))
    await streams.broker.prepare("mail.send:0")
    body = b'[{"thread_id":"cthr_1234"}]'
    await streams.broker.add("mail.send:0", body)
    [entry] = await streams.broker.read("mail.send:0", "r", count=1, wait_seconds=0.1)
    await streams.broker.park("mail.send:0", [DeadLetter("", entry.id, "broken", 2, entry.body)])

    shown = await why(dataclasses.replace(there.desk, streams=streams), THREAD)

    assert isinstance(shown.data, Story)
    assert "broken" not in "\n".join(shown.data.warnings)
    await streams.aclose()


async def test_why_knows_nothing_of_a_thread_that_never_was() -> None:
    shown = await why(stores().desk, "cthr_never")

    assert shown.code == 3


def test_every_record_keeps_its_attempt_in_the_story() -> None:
    assert tell(facts(replace(record(), attempt=4))).attempt == 4
