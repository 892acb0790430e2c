"""`docs/promises.md` row by row, on fakes: what is answered, what is remembered, what is sent."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from libs.attachments.records import StoredAttachment, record_key, refusal_key
from libs.conversations.fakes import MemoryConversations
from libs.conversations.port import Attachment
from libs.errors import Rejected, Unavailable
from libs.identity.visitors import visitor_ids
from libs.leads.attribution import Told, Touches, TrailKey
from libs.ledger.fakes import MemoryRecords
from libs.ledger.record import LeadKey, LeadRecord, State
from libs.ledger.timing import DAY_SECONDS
from libs.messages.base import Attribution
from libs.messages.lead import ConsiderLead, LeadDecision, thread_name
from libs.messages.mail import SendLeadMail
from libs.runtime.metrics import HELD
from services.lead.fakes import EMPTY, ScriptedModel
from services.lead.ports import Draft, MayRetry, Prompt
from tests.unit.lead.world import NOW, READY_WORDS, SHOP, THREAD, VISITOR, World

TIMER = thread_name(SHOP, THREAD)


@pytest.fixture
def world() -> World:
    return World()


async def test_straight_lead_is_one_write_one_snapshot_one_mail(world: World) -> None:
    item = world.say(READY_WORDS)
    world.wait(301)

    mail = await world.sends("idle")

    assert (mail.thread_id, mail.kind, mail.reason) == (THREAD, "full", "idle")
    assert (mail.last_item_id, mail.visitor, mail.request_id) == (item.id, VISITOR, "req-1")
    assert world.publisher.reply_to == [("reply:1", NOW + 311)]
    assert world.records.writes == 1
    assert world.record
    assert (world.record.state, world.record.visitor) == (State.PENDING, VISITOR)
    assert world.record.due_at == NOW + 301 + 120
    snapshot = world.snapshot(mail)
    assert snapshot.contacts[0].value == "+14085550123"
    assert snapshot.summary.vehicle == "2016 Honda Civic"


async def test_a_straight_lead_asks_for_its_record_once() -> None:
    calls = list[str]()

    async def noted(method: str, _: object) -> None:
        calls.append(method)

    world = World(records=MemoryRecords(noted))
    world.say(READY_WORDS)
    world.wait(301)

    await world.sends("idle")

    assert calls == ["read", "write"]


async def test_lease_travels_with_the_mail(world: World) -> None:
    world.say(READY_WORDS)
    world.wait(301)

    mail = await world.sends()

    name = thread_name(SHOP, THREAD)
    assert await world.leases.extend(name, mail.lease, 120)
    assert not await world.leases.extend(name, "somebody else", 120)


async def test_lease_is_free_again_after_any_other_answer(world: World) -> None:
    world.say("Hello")

    await world.decided()

    assert not world.leases.held


async def test_already_sent_is_answered_from_the_record(world: World) -> None:
    world.put_record(State.SENT, sent_at=NOW - 60)

    answer = await world.decided()

    assert (answer.sent, answer.reason, answer.sent_at) == (True, "already_sent", NOW - 60)
    assert answer.visitor == VISITOR
    assert world.conversations.reads == 0


@pytest.mark.parametrize(
    ("state", "fields", "reason"),
    [
        (State.SENDING, {"due_at": NOW + 1500}, "in_progress"),
        (State.SENDING, {"due_at": NOW - 1}, "in_progress"),
        (State.ERROR, {"due_at": NOW + 42}, "cooldown"),
        (State.HELD, {}, "held"),
    ],
)
async def test_state_of_the_record_answers_first(
    world: World, state: State, fields: dict[str, float], reason: str
) -> None:
    world.say(READY_WORDS)
    world.wait(301)
    world.clock.at = NOW
    world.put_record(state, **fields)

    answer = await world.decided()

    assert (answer.sent, answer.reason) == (False, reason)
    assert answer.retry_after == (42 if reason == "cooldown" else None)
    assert world.conversations.reads == 0


async def test_another_worker_is_in_progress_and_we_come_back_after_its_lease(
    world: World,
) -> None:
    world.say(READY_WORDS)
    world.wait(301)
    await world.leases.take(thread_name(SHOP, THREAD), "other", 120)

    answer = await world.decided()

    assert (answer.reason, answer.visitor) == ("in_progress", VISITOR)
    assert world.conversations.reads == 0
    at, wish = world.publisher.scheduled[TIMER]
    assert at == world.clock.at + 120
    assert isinstance(wish, ConsiderLead)
    assert wish.reason == "quiet"


async def test_sent_is_said_even_while_another_worker_holds_the_lease(world: World) -> None:
    world.put_record(State.SENT, sent_at=NOW)
    await world.leases.take(thread_name(SHOP, THREAD), "other", 120)

    assert (await world.decided()).reason == "already_sent"
    assert not world.publisher.scheduled


async def test_same_entry_delivered_again_takes_its_own_lease(world: World) -> None:
    world.say(READY_WORDS)
    world.wait(301)

    first = await world.sends(entry_id="7-1")
    second = await world.sends(entry_id="7-1")

    assert first.lease == second.lease == "7-1"
    assert world.records.writes == 1


async def test_thread_without_a_customer_line_is_empty_and_watched_for_a_day(
    world: World,
) -> None:
    world.say("Hi, I'm Roxana.", speaker="assistant")

    answer = await world.decided()

    assert answer.reason == "empty_thread"
    assert world.record
    assert world.record.due_at == NOW + DAY_SECONDS


async def test_not_idle_tells_when_and_sets_both_timers(world: World) -> None:
    world.say(READY_WORDS)
    world.wait(100)

    answer = await world.decided("chat_closed")

    assert answer.reason == "not_idle"
    assert answer.last_activity_at == NOW
    assert answer.idle_seconds == 300
    assert answer.seconds_since_last_activity == 100
    assert answer.scheduled_for == NOW + 305
    assert world.record
    assert world.record.due_at == NOW + 305
    assert world.publisher.scheduled[TIMER][0] == NOW + 305


async def test_newer_activity_moves_the_punctual_timer_without_a_write(world: World) -> None:
    world.say(READY_WORDS)
    await world.decided()
    world.wait(60)
    world.say("And the passenger seat.")

    await world.decided()

    assert world.publisher.scheduled[TIMER][0] == NOW + 365
    assert world.records.writes == 1
    assert world.record
    assert world.record.due_at == NOW + 305


async def test_timer_that_falls_due_too_early_moves_itself_once(world: World) -> None:
    world.say(READY_WORDS)
    await world.decided()
    world.wait(100)
    world.say("And the passenger seat.")
    world.wait(206)

    answer = await world.decided("quiet")

    assert answer.scheduled_for == NOW + 405
    assert world.record
    assert world.record.due_at == NOW + 405
    assert world.records.writes == 2


async def test_photo_alone_is_a_customer_line(world: World) -> None:
    world.say("", attachments=(Attachment(id="a", name="seat.jpg", mime_type="image/jpeg"),))
    world.wait(301)

    assert (await world.decided()).reason == "missing_contact"


async def test_missing_contact_is_watched_for_a_day_then_closed(world: World) -> None:
    world.say("My seat is torn.")
    world.wait(301)
    assert (await world.decided()).reason == "missing_contact"
    assert world.record
    assert world.record.due_at == NOW + DAY_SECONDS
    world.wait(DAY_SECONDS)

    answer = await world.decided("quiet")

    assert answer.reason == "missing_contact"
    assert world.record.key in world.records.leads
    assert (world.record.state, world.record.reason) == (State.CLOSED, "no_contact")
    assert world.record.due_at is None


async def test_contact_in_an_assistants_line_is_none(world: World) -> None:
    world.say("My seat is torn.")
    world.say("Call us at 408-555-0999 then.", speaker="assistant")
    world.wait(301)

    assert (await world.decided()).reason == "missing_contact"


async def test_closed_thread_stays_closed_until_the_customer_comes_back(world: World) -> None:
    world.say("My seat is torn.")
    world.wait(DAY_SECONDS + 301)
    await world.decided()
    writes = world.records.writes
    assert (await world.decided()).reason == "missing_contact"
    assert world.records.writes == writes

    world.say(READY_WORDS)
    world.wait(301)
    mail = await world.sends()

    assert mail.kind == "full"
    assert world.record
    assert world.record.state is State.PENDING


async def test_closed_as_empty_answers_empty_thread(world: World) -> None:
    world.say("Hi!", speaker="assistant")
    world.wait(DAY_SECONDS + 1)
    await world.decided()

    assert world.record
    assert (world.record.state, world.record.reason) == (State.CLOSED, "empty")
    assert (await world.decided()).reason == "empty_thread"


async def test_not_ready_says_what_is_missing_and_waits_two_hours(world: World) -> None:
    world.say("Call me at 408-555-0123 please")
    world.wait(301)

    answer = await world.decided()

    assert answer.reason == "missing_project_details"
    assert "what needs to be done" in answer.missing_info
    assert world.record
    assert world.record.due_at == NOW + 7200


async def test_models_reason_is_the_answer(world: World) -> None:
    world = World(ScriptedModel(replace(EMPTY, handoff_reason="missing_vehicle_context")))
    world.say("Call me at 408-555-0123 please")
    world.wait(301)

    assert (await world.decided()).reason == "missing_vehicle_context"


async def test_contradiction_of_the_model_is_just_not_ready(world: World) -> None:
    world = World(ScriptedModel(replace(EMPTY, handoff_reason="ready_for_follow_up")))
    world.say("Call me at 408-555-0123 please")
    world.wait(301)

    assert (await world.decided()).reason == "not_ready"


async def test_partial_lead_after_a_longer_silence_is_honestly_labelled(world: World) -> None:
    world.say("Call me at 408-555-0123 please")
    world.wait(301)
    await world.decided()
    world.wait(7200 - 301)

    mail = await world.sends("quiet")

    assert mail.kind == "partial"
    assert world.snapshot(mail).kind == "partial"


async def test_unknown_thread_writes_nothing(world: World) -> None:
    answer = await world.decided()

    assert (answer.known, answer.reason) == (False, "unknown_thread")
    assert world.records.writes == 0


async def test_forgotten_thread_is_closed_after_a_day(world: World) -> None:
    world.say("My seat is torn.")
    await world.decided()
    world.conversations.threads.clear()
    assert not (await world.decided()).known
    world.wait(DAY_SECONDS)

    assert not (await world.decided()).known
    assert world.record
    assert world.record.state is State.CLOSED
    assert not (await world.decided()).known


async def test_failed_mail_is_sent_again_from_the_same_snapshot(world: World) -> None:
    world = World(ScriptedModel())
    item = world.say(READY_WORDS)
    world.wait(400)
    world.put_record(
        State.ERROR, due_at=world.clock.at - 1, last_item_id=item.id, snapshot="snapshots/x.json",
        kind="full", tries=1, first_error_at=world.clock.at - 90,
    )  # fmt: skip

    mail = await world.sends("quiet")

    assert (mail.snapshot, mail.last_item_id) == ("snapshots/x.json", item.id)
    assert world.conversations.reads == 0
    assert world.model
    assert not world.model.prompts
    assert world.records.writes == 0


async def test_failed_mail_with_newer_words_gets_a_new_snapshot(world: World) -> None:
    old = world.say(READY_WORDS)
    world.say("And the passenger seat")
    world.wait(400)
    world.put_record(
        State.ERROR, due_at=world.clock.at - 1, last_item_id=old.id, snapshot="snapshots/x.json",
        kind="full", tries=1, first_error_at=world.clock.at - 90,
    )  # fmt: skip

    mail = await world.sends("quiet")

    assert len(world.snapshot(mail).lines) == 2


async def test_mail_that_failed_for_a_day_is_held(world: World) -> None:
    item = world.say(READY_WORDS)
    world.wait(400)
    world.put_record(
        State.ERROR, due_at=world.clock.at - 1, last_item_id=item.id, snapshot="snapshots/x.json",
        kind="full", tries=3, first_error_at=world.clock.at - DAY_SECONDS,
    )  # fmt: skip

    answer = await world.decided("quiet")

    assert answer.reason == "held"
    assert world.record
    assert world.record.state is State.HELD
    [line] = [
        json.loads(each) for each in world.logged.getvalue().splitlines() if "lead_held" in each
    ]
    assert (line["event"], line["level"], line["thread_id"], line["reason"]) == (
        "lead_held", "error", THREAD, "refused_too_long",
    )  # fmt: skip
    assert world.metrics.value(HELD, "refused_too_long") == 1


async def test_unknown_reason_counts_as_other_and_obeys_every_guard(world: World) -> None:
    world.say(READY_WORDS)
    assert (await world.decided("force")).reason == "not_idle"
    world.wait(301)

    mail = await world.sends("force")

    assert mail.reason == "other"


async def test_a_trigger_for_a_shop_that_never_was_is_parked(world: World) -> None:
    with pytest.raises(Rejected):
        await world.handlers.consider(world.delivery(shop="nobody"))


async def test_a_lead_whose_shop_is_gone_is_held_and_grows_no_dead_letters(world: World) -> None:
    """Not at once: a process from before a shop was added may have been asked."""
    key, states = LeadKey("renamed", THREAD), list[tuple[State, str]]()
    world.records.leads[key] = LeadRecord(key=key, state=State.PENDING, due_at=NOW)
    for _ in range(3):
        await world.handlers.consider(world.delivery("quiet", shop="renamed"))
        states.append((world.records.leads[key].state, world.records.leads[key].reason))
        world.wait(601)

    assert [state for state, _ in states] == [State.PENDING, State.HELD, State.HELD]
    assert states[-1][1] == "unknown_shop"
    assert "lead_held" in world.logged.getvalue()


async def test_sixty_four_triggers_at_once_are_one_call_one_mail_and_64_answers() -> None:
    async def elsewhere(_method: str, _argument: object) -> None:
        await asyncio.sleep(0)

    world = World(ScriptedModel(), records=MemoryRecords(elsewhere))
    world.say(READY_WORDS)
    world.wait(301)

    await asyncio.gather(*(world.handlers.consider(world.delivery()) for _ in range(64)))

    mails = [m for m in world.publisher.published if isinstance(m, SendLeadMail)]
    assert world.model
    assert (len(world.model.prompts), len(mails)) == (1, 1)
    answers = [answer for _, answer in world.publisher.replies]
    assert len(answers) == 63
    assert {getattr(answer, "reason", "") for answer in answers} == {"in_progress"}
    assert world.records.writes == 1


async def test_slow_transcript_and_slow_model_are_one_call() -> None:
    async def slow(method: str, _thread: str) -> None:
        if method == "read":
            world.wait(30)

    class SlowModel(ScriptedModel):
        async def draft(self, prompt: Prompt, _: MayRetry) -> Draft:
            self.prompts.append(prompt)
            world.wait(91)
            second.append(await world.decided("chat_closed"))
            world.wait(4)
            return EMPTY

    second: list[LeadDecision] = []
    model = SlowModel()
    world = World(model, conversations=MemoryConversations(slow))
    world.say(READY_WORDS)
    world.wait(301)

    await world.handlers.consider(world.delivery())

    assert [answer.reason for answer in second] == ["in_progress"]
    assert len(model.prompts) == 1


async def test_lease_lost_while_reading_is_somebody_elses_lead() -> None:
    async def slower(method: str, _thread: str) -> None:
        if method == "read" and world.clock.at < NOW + 400:
            world.wait(121)
            await world.leases.take(thread_name(SHOP, THREAD), "another", 120)

    model = ScriptedModel()
    world = World(model, conversations=MemoryConversations(slower))
    world.say(READY_WORDS)
    world.wait(301)

    assert (await world.decided()).reason == "in_progress"
    assert not model.prompts


@pytest.mark.parametrize("part", ["records", "conversations", "blobs"])
async def test_store_that_is_down_is_tried_again_and_nothing_is_lost(part: str) -> None:
    async def down(method: str, _argument: object) -> None:
        raise Unavailable(part, method)

    world = World()
    world.say(READY_WORDS)
    world.wait(301)
    failing: Any = getattr(world, part)
    failing._hook = down

    with pytest.raises(Unavailable):
        await world.consider()

    assert not world.leases.held
    assert not world.publisher.published
    assert not world.publisher.replies
    failing._hook = None
    assert (await world.sends()).kind == "full"


@pytest.mark.parametrize(
    ("slow", "down"),
    [("snapshots/", "write"), ("attachments/", "write"), ("attachments/", "list")],
)
async def test_nothing_of_a_failed_try_goes_on_behind_its_retry(
    world: World, slow: str, down: str
) -> None:
    begun: list[str] = []

    async def hook(method: str, what: object) -> None:
        if str(what).startswith(slow):
            begun.append(str(what))
            await asyncio.Event().wait()
        if method == down:
            while not begun:
                await asyncio.sleep(0)
            raise Unavailable("a store", method)

    photo = Attachment(id="att_" + "a" * 22, name="x.jpg", mime_type="image/jpeg")
    world.say(READY_WORDS, attachments=(photo,))
    world.wait(301)
    world.blobs._hook = world.records._hook = hook

    with pytest.raises(Unavailable):
        await world.consider()

    assert begun
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("state", [State.PENDING, State.ERROR])
@pytest.mark.parametrize("part", ["conversations", "blobs"])
async def test_a_store_that_refuses_for_good_leaves_the_lead_overdue(
    world: World, part: str, state: State
) -> None:
    """The mailer tells a person of what is overdue for an hour; a new timer each time hid it."""

    async def down(*_: str) -> None:
        raise Unavailable(part, "AccessDenied")

    world.say(READY_WORDS)
    world.wait(301)
    due_at = world.clock.at
    world.put_record(state, due_at=due_at, snapshot="gone", first_error_at=due_at)
    getattr(world, part)._hook = down

    for _ in range(5):
        world.wait(600)
        with pytest.raises(Unavailable):
            await world.consider("quiet")

    assert world.record
    assert world.record.due_at == due_at


async def test_leases_down_is_no_reason_to_stop(world: World) -> None:
    async def gone(*_: object) -> bool:
        raise Unavailable("redis", "gone")

    world.leases.take = gone  # type: ignore[method-assign]
    world.leases.release = gone  # type: ignore[method-assign,assignment]
    world.say(READY_WORDS)
    assert (await world.decided()).reason == "not_idle"
    world.wait(301)

    assert (await world.sends()).kind == "full"


async def test_time_ahead_of_ours_counts_as_now(world: World) -> None:
    item = world.say(READY_WORDS)
    conversation = world.conversations.threads[SHOP, THREAD]
    ahead = replace(item, at=NOW + 9_000)
    world.conversations.put(SHOP, replace(conversation, items=(ahead,)))

    answer = await world.decided()

    assert answer.scheduled_for == NOW + 305


async def test_owner_is_the_threads_visitor_whoever_asks(world: World) -> None:
    world.say(READY_WORDS)

    answer = await world.decided(visitor="v_stranger")

    assert answer.visitor == VISITOR


async def test_only_the_owners_browser_says_where_they_came_from(world: World) -> None:
    world.say(READY_WORDS)
    world.wait(301)
    stranger = Attribution(gclid="stolen")
    await world.sends(visitor="v_stranger", attribution=stranger, locale="fr", page_url="https://x")
    assert await world.trails.touches(TrailKey(SHOP, VISITOR), now=NOW) == Touches()

    world.leases.held.clear()
    mail = await world.sends(attribution=Attribution(gclid="mine"), locale="es")

    snapshot = world.snapshot(mail)
    assert snapshot.attribution
    assert (snapshot.attribution.gclid, snapshot.locale) == ("mine", "es")


async def test_our_own_timer_does_not_tell_an_older_page_again(world: World) -> None:
    world.say(READY_WORDS)
    await world.decided(page_url="https://x.test/seats", locale="es")
    _, timer = world.publisher.scheduled[TIMER]
    assert isinstance(timer, ConsiderLead)
    world.wait(100)
    where = TrailKey(SHOP, VISITOR)
    await world.trails.touch(where, Told(page_url="https://x.test/contact"), at=world.clock.now())

    world.wait(301)
    snapshot = world.snapshot(await world.sends("quiet", page_url=timer.page_url))

    assert (snapshot.page_url, snapshot.locale) == ("https://x.test/contact", "es")


async def test_what_is_told_while_another_worker_is_at_it_is_in_the_mail(world: World) -> None:
    world.say(READY_WORDS)
    await world.leases.take(thread_name(SHOP, THREAD), "other", 120)
    answer = await world.decided(attribution=Attribution(gclid="mine"), page_url="https://x.test/")
    assert answer.reason == "in_progress"

    world.wait(301)
    snapshot = world.snapshot(await world.sends("quiet", visitor=""))

    assert snapshot.attribution
    assert (snapshot.attribution.gclid, snapshot.page_url) == ("mine", "https://x.test/")


async def test_what_is_told_of_a_lead_that_was_sent_is_not_kept(world: World) -> None:
    world.put_record(State.SENT, sent_at=NOW)
    await world.decided(attribution=Attribution(gclid="late"))

    assert await world.trails.touches(TrailKey(SHOP, VISITOR), now=NOW) == Touches()


async def test_signals_and_first_touch_reach_the_snapshot(world: World) -> None:
    await world.signal(
        at=NOW - 50, attribution=Attribution(gclid="g1", landing_page="/seats", utm_source="ad")
    )
    await world.signal(at=NOW - 40, event="click_text")
    world.say(READY_WORDS)
    world.wait(301)

    mail = await world.sends(attribution=Attribution(landing_page="/contact", device_type="mobile"))

    snapshot = world.snapshot(mail)
    assert [signal.event for signal in snapshot.signals] == ["click_call", "click_text"]
    assert snapshot.attribution
    assert (snapshot.attribution.gclid, snapshot.attribution.landing_page) == ("g1", "/seats")
    assert snapshot.attribution.device_type == "mobile"


async def test_thread_begun_before_a_rotation_of_the_site_keys_keeps_its_trail(
    world: World,
) -> None:
    new, old = visitor_ids(("new" * 11, "old" * 11), "u-1")
    world.say(READY_WORDS, visitor=old)
    await world.signal(visitor=new, also=(old,))
    world.wait(301)
    ad = Attribution(gclid="g1")

    mail = await world.sends(visitor=new, also=(old,), attribution=ad, page_url="/seats")

    snapshot = world.snapshot(mail)
    assert [signal.event for signal in snapshot.signals] == ["click_call"]
    assert (snapshot.attribution and snapshot.attribution.gclid, snapshot.page_url) == (
        "g1", "/seats",
    )  # fmt: skip


async def test_no_customer_words_reach_the_log(world: World) -> None:
    world.say(READY_WORDS)
    world.wait(301)

    await world.sends()

    line = world.logged.getvalue()
    assert "lead_decided" in line
    assert "Civic" not in line
    assert "0123" not in line.replace(THREAD, "")


async def test_first_wish_without_a_request_id_gets_one_that_stays(world: World) -> None:
    """No browser asked, and its session is of an earlier release."""
    world.say(READY_WORDS)
    await world.decided("watch", request_id="", entry_id="17-0")
    world.wait(301)

    mail = await world.sends("quiet", request_id="", entry_id="18-0")

    assert mail.request_id == world.snapshot(mail).request_id == "lead-17-0"


async def test_mail_is_of_the_request_that_asked_first_whoever_asks_later(world: World) -> None:
    """Redis is wiped in between: a sweep is all that comes back to it."""
    world.say(READY_WORDS)
    await world.decided("pagehide", request_id="req-first")
    await world.decided("idle", request_id="req-second")
    world.publisher.scheduled.clear()
    world.wait(400)
    await world.sweeper.sweep()
    _, wish = world.publisher.scheduled[TIMER]
    assert isinstance(wish, ConsiderLead)

    mail = await world.sends(wish.reason, request_id=wish.request_id)

    assert wish.request_id == "req-first"
    assert mail.request_id == world.snapshot(mail).request_id == "req-first"
    assert world.record
    assert (world.record.trigger, world.record.request_id) == ("pagehide", "req-first")


async def test_another_request_that_comes_in_time_leaves_the_mail_to_the_first(
    world: World,
) -> None:
    world.say(READY_WORDS)
    await world.decided("pagehide", request_id="req-first")
    world.wait(301)

    mail = await world.sends("idle", request_id="req-second")

    assert mail.request_id == world.snapshot(mail).request_id == "req-first"


async def stored(world: World, attachment_id: str, **fields: Any) -> None:
    kept: dict[str, Any] = {
        "id": attachment_id, "shop": SHOP, "visitor": VISITOR, "name": "seat.heic",
        "created_at": NOW, "mime_type": "image/heic", "fingerprint": "f1",
    }  # fmt: skip
    body = msgspec.json.encode(StoredAttachment(**(kept | fields)))
    await world.blobs.put(record_key(attachment_id), body, content_type="application/json")


@pytest.mark.parametrize(
    ("fields", "key", "failed"),
    [
        ({}, "chatkit-attachments/att_aaaaaaaaaaaaaaaaaaaaaa.heic", ""),
        ({"shop": "another"}, "", "not_uploaded"),
        ({"mime_type": ""}, "", "not_uploaded"),
        ({"mime_type": "", "problem": "too_large"}, "", "too_large"),
        (None, "", "missing"),
    ],
)
async def test_photo_uploaded_to_us_is_found_whoever_hosts_the_talk(
    world: World, fields: dict[str, Any] | None, key: str, failed: str
) -> None:
    photo = Attachment(id="att_" + "a" * 22, name="x.jpg", mime_type="image/jpeg")
    if fields is not None:
        await stored(world, photo.id, **fields)
    world.say(READY_WORDS, attachments=(photo,))
    world.wait(301)

    mail = await world.sends()

    (shown,) = world.snapshot(mail).photos
    assert (shown.blob_key, shown.failed) == (key, failed)
    assert shown.fingerprint == ("f1" if key else "")


async def test_photo_that_others_host_is_never_taken_from_its_url(world: World) -> None:
    hosted = Attachment(
        id="cfile_1", name="x.jpg", mime_type="image/jpeg", preview_url="https://evil.example/x"
    )
    world.say(READY_WORDS, attachments=(hosted,))
    world.wait(301)

    mail = await world.sends()

    assert "evil.example" not in world.blobs.bodies[mail.snapshot].decode()


async def refused(world: World, name: str, **fields: Any) -> None:
    """As the attachments service remembers a file that it did not take."""
    kept: dict[str, Any] = {
        "id": f"att_{name:a>22}", "shop": SHOP, "visitor": VISITOR, "name": name,
        "created_at": world.clock.at, "problem": "unsupported_type",
    }  # fmt: skip
    record = StoredAttachment(**(kept | fields))
    key = refusal_key(SHOP, record.visitor, record.id)
    await world.blobs.put(key, msgspec.json.encode(record), content_type="application/json")


async def test_refused_photos_are_missed_though_no_message_names_them(world: World) -> None:
    await refused(world, "before-there-was-a-thread")
    world.say(READY_WORDS)
    await refused(world, "in-it", thread_id=THREAD, problem="too_large")
    await refused(world, "in-it", id="att_" + "b" * 22, thread_id=THREAD, problem="too_large")
    await refused(world, "in-another-thread", thread_id="cthr_other")
    await refused(world, "of-another-visit", created_at=world.clock.at - 4_000)
    await refused(world, "of-another-visitor", visitor="v_eve", thread_id=THREAD)
    world.wait(301)

    mail = await world.sends()

    missed = {(photo.name, photo.failed) for photo in world.snapshot(mail).photos}
    assert missed == {("before-there-was-a-thread", "unsupported_type"), ("in-it", "too_large")}


async def test_a_refused_photo_is_missed_by_one_of_its_visitors_leads(world: World) -> None:
    earlier, later = "cthr_" + "1" * 16, "cthr_" + "2" * 16
    world.say(READY_WORDS, thread_id=earlier)
    world.wait(20 * 3_600)
    await refused(world, "seat.svg")
    world.wait(30)
    world.say(READY_WORDS)
    world.wait(2_400)
    world.say(READY_WORDS, thread_id=later)
    world.wait(301)

    missed = {
        thread: [photo.name for photo in world.snapshot(await world.sends(thread_id=thread)).photos]
        for thread in (earlier, THREAD, later)
    }

    assert missed == {earlier: [], THREAD: ["seat.svg"], later: []}


async def test_a_lead_that_is_fixed_again_misses_the_same_photo(world: World) -> None:
    await refused(world, "seat.svg")
    world.say(READY_WORDS)
    world.wait(301)
    await world.sends()
    world.say("And the door panel")
    world.wait(7_200)

    mail = await world.sends("quiet")

    assert [photo.name for photo in world.snapshot(mail).photos] == ["seat.svg"]


@pytest.mark.parametrize("seconds", [-3_000, 3_000])
async def test_a_photo_that_was_refused_beside_the_conversation_is_missed(
    world: World, seconds: float
) -> None:
    """OpenAI's runtime names no thread, also where there is one."""
    await refused(world, "seat.svg", created_at=world.clock.at + seconds)
    world.say(READY_WORDS)
    world.wait(7_200)

    mail = await world.sends()

    assert [photo.name for photo in world.snapshot(mail).photos] == ["seat.svg"]


@pytest.mark.parametrize(
    ("problem", "told", "missed"),
    [
        ("not_uploaded", {"event": "photo_removed", "name": "seat.jpg"}, False),
        ("not_uploaded", {"event": "photo_removed", "name": "C:\\fakepath\\seat.jpg"}, False),
        ("not_uploaded", {"event": "photo_removed", "name": "other.jpg"}, True),
        ("not_uploaded", {"event": "click_call", "name": "seat.jpg"}, True),
        ("not_uploaded", {"event": "photo_removed", "name": "seat.jpg", "at": NOW - 1}, True),
        ("too_large", {"event": "photo_removed", "name": "seat.jpg"}, True),
        ("unavailable", {"event": "photo_removed", "name": "seat.jpg"}, True),
    ],
)
async def test_photo_that_its_visitor_removed_on_its_way_is_not_missed(
    world: World, problem: str, told: dict[str, Any], *, missed: bool
) -> None:
    await refused(world, "seat.jpg", id="att_" + "b" * 22, problem=problem)
    await world.signal(**told)
    world.say(READY_WORDS)
    world.wait(301)

    mail = await world.sends()

    assert [photo.name for photo in world.snapshot(mail).photos] == ["seat.jpg"] * missed


async def test_a_visitor_whose_name_can_stand_in_no_key_is_a_lead(world: World) -> None:
    """As an earlier chat named them, whose threads OpenAI keeps."""
    world.say(READY_WORDS, visitor="Ana <ana@example.com>")
    await refused(world, "seat.svg", visitor="Ana <ana@example.com>")
    world.wait(301)

    mail = await world.sends("quiet", visitor="")

    assert [photo.name for photo in world.snapshot(mail).photos] == ["seat.svg"]


async def test_photo_that_came_after_all_is_not_missed(world: World) -> None:
    await refused(world, "x.jpg", thread_id=THREAD)
    again = Attachment(id="att_" + "a" * 22, name="x.jpg", mime_type="image/jpeg")
    await stored(world, again.id)
    world.wait(10)
    world.say(READY_WORDS, attachments=(again,))
    world.wait(301)

    mail = await world.sends()

    (shown,) = world.snapshot(mail).photos
    assert shown.failed == ""


async def test_refused_file_that_a_message_names_is_missed_once(world: World) -> None:
    photo = Attachment(id="att_" + "a" * 22, name="x.jpg", mime_type="image/jpeg")
    await stored(world, photo.id, mime_type="", problem="too_large")
    world.say(READY_WORDS, attachments=(photo,))
    world.wait(1)
    await refused(world, "x.jpg", id=photo.id, problem="too_large")
    world.wait(301)

    mail = await world.sends()

    (shown,) = world.snapshot(mail).photos
    assert (shown.id, shown.failed) == (photo.id, "too_large")
