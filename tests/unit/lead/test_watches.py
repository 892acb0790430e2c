"""A visitor who never comes back is looked at all the same."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from libs.conversations.fakes import MemoryConversations
from libs.errors import Unavailable
from libs.ledger.record import LeadKey, LeadRecord, State, Watch
from libs.messages.lead import ConsiderLead
from tests.unit.lead.world import NOW, READY_WORDS, SHOP, VISITOR, World

WATCH = Watch(
    shop=SHOP, visitor=VISITOR, due_at=NOW, locale="es", page_url="/seats", request_id="req-s"
)


async def test_a_thread_that_only_a_watch_asks_for_is_of_its_session_s_request() -> None:
    world = World()
    world.say(READY_WORDS)
    world.wait(301)
    await world.records.put_watch(WATCH)
    await world.sweeper.sweep()
    [wish] = world.publisher.published
    assert isinstance(wish, ConsiderLead)

    mail = await world.sends(wish.reason, request_id=wish.request_id)

    assert world.record
    assert (world.record.trigger, world.record.request_id) == ("watch", "req-s")
    assert mail.request_id == world.snapshot(mail).request_id == "req-s"


@pytest.fixture
async def world() -> World:
    world = World()
    await world.records.put_watch(WATCH)
    return world


def settle(world: World, thread_id: str, state: State) -> None:
    key = LeadKey(SHOP, thread_id)
    world.records.leads[key] = LeadRecord(key=key, state=state)


async def test_due_watch_puts_every_open_thread_up_for_decision(world: World) -> None:
    for thread_id in ("cthr_open", "cthr_sent", "cthr_held", "cthr_closed", "cthr_pending"):
        world.say(READY_WORDS, thread_id=thread_id)
    world.say(READY_WORDS, thread_id="cthr_other", visitor="v_somebody_else")
    settle(world, "cthr_sent", State.SENT)
    settle(world, "cthr_held", State.HELD)
    settle(world, "cthr_closed", State.CLOSED)
    settle(world, "cthr_pending", State.PENDING)

    await world.sweeper.sweep()

    wishes = [wish for wish in world.publisher.published if isinstance(wish, ConsiderLead)]
    assert {wish.thread_id for wish in wishes} == {"cthr_open", "cthr_closed", "cthr_pending"}
    assert {(wish.reason, wish.visitor, wish.locale) for wish in wishes} == {
        ("watch", VISITOR, "es")
    }
    assert not world.records.watches


async def test_threads_that_began_under_an_older_site_key_are_watched_too(world: World) -> None:
    for visitor in ("v_old", "v_older"):
        world.say(READY_WORDS, thread_id=f"cthr_{visitor}", visitor=visitor)
    settle(world, "cthr_v_older", State.CLOSED)
    await world.records.put_watch(replace(WATCH, also=("v_old", "v_older")))

    await world.sweeper.sweep()

    wishes = [wish for wish in world.publisher.published if isinstance(wish, ConsiderLead)]
    assert [wish.thread_id for wish in wishes] == ["cthr_v_old", "cthr_v_older"]
    assert {(wish.visitor, wish.also) for wish in wishes} == {(VISITOR, ("v_old", "v_older"))}
    assert world.records.leads[LeadKey(SHOP, "cthr_v_old")].visitor == "v_old"
    assert not world.records.watches


async def test_an_older_id_that_cannot_be_read_holds_up_no_thread_of_another() -> None:
    async def down_for_one(method: str, about: str) -> None:
        if (method, about) == ("threads_of", "v_old"):
            raise Unavailable("conversations", "openai answered 500")

    world = World(conversations=MemoryConversations(down_for_one))
    world.say(READY_WORDS, thread_id="cthr_new")
    world.say(READY_WORDS, thread_id="cthr_older", visitor="v_older")
    await world.records.put_watch(replace(WATCH, also=("v_old", "v_older")))

    await world.sweeper.sweep()

    assert {wish.thread_id for wish in world.publisher.published} == {"cthr_new", "cthr_older"}
    assert world.records.watches


async def test_a_watch_of_an_earlier_release_gives_one_request_id(world: World) -> None:
    world.say(READY_WORDS)
    await world.records.put_watch(replace(WATCH, request_id=""))

    await world.sweeper.sweep()

    (wish,) = world.publisher.published
    assert world.record
    assert wish.request_id == world.record.request_id == f"watch-{WATCH.due_at:.0f}"


async def test_what_the_customer_wrote_after_the_mail_is_counted(world: World) -> None:
    sent = world.say(READY_WORDS)
    world.say("Thank you!", speaker="assistant")
    world.put_record(State.SENT, last_item_id=sent.id)
    await world.sweeper.end_due_watches()
    untouched = world.record
    world.say("And the back seat, too.")
    world.say("Are you open on Sunday?")
    await world.records.put_watch(WATCH)

    await world.sweeper.end_due_watches()

    assert untouched
    assert untouched.newer_items == 0
    assert world.record
    assert (world.record.newer_items, world.record.state) == (2, State.SENT)
    assert not world.publisher.published


async def test_a_sent_conversation_without_news_is_not_read(world: World) -> None:
    sent = world.say(READY_WORDS)
    world.put_record(State.SENT, last_item_id=sent.id)

    await world.sweeper.end_due_watches()

    assert world.conversations.reads == 0


async def test_watch_that_is_not_due_stays(world: World) -> None:
    world.clock.at = NOW - 1

    assert await world.sweeper.end_due_watches() == 0
    assert world.records.watches


async def test_watch_moved_by_a_newer_session_stays(world: World) -> None:
    newer = Watch(shop=SHOP, visitor=VISITOR, due_at=NOW + 900, version=2)

    async def while_we_work(_method: str, _about: str) -> None:
        await world.records.put_watch(newer)

    world.conversations._hook = while_we_work

    await world.sweeper.sweep()

    assert list(world.records.watches.values()) == [newer]


@pytest.mark.parametrize("part", ["conversations", "records"])
async def test_what_cannot_be_done_now_is_done_at_the_next_sweep(world: World, part: str) -> None:
    async def down(_method: str, _about: object) -> None:
        raise Unavailable(part, "down")

    world.say(READY_WORDS)
    failing = world.conversations if part == "conversations" else world.records
    failing._hook = down
    await world.sweeper.sweep()
    assert not world.publisher.published
    failing._hook = None
    world.wait(30)

    await world.sweeper.sweep()

    assert len(world.publisher.published) == 1
    assert not world.records.watches


async def test_visitor_who_cannot_be_read_delays_nobody_else_and_is_tried_again() -> None:
    asked: list[float] = []

    async def down_for_one(method: str, about: str) -> None:
        if (method, about) == ("threads_of", "v_a"):
            asked.append(world.clock.at - NOW)
            raise Unavailable("conversations", "openai answered 500")

    world = World(conversations=MemoryConversations(down_for_one))
    world.say(READY_WORDS, thread_id="cthr_b", visitor="v_b")
    for visitor, due_at in (("v_a", NOW - 9), ("v_b", NOW)):
        await world.records.put_watch(replace(WATCH, visitor=visitor, due_at=due_at))

    for _ in range(8):
        await world.sweeper.sweep()
        world.wait(30)

    assert [watch.visitor for watch in world.records.watches.values()] == ["v_a"]
    assert [mail.thread_id for mail in world.publisher.published] == ["cthr_b"]
    assert asked == [0, 30, 90, 210]


async def test_source_that_is_down_is_not_asked_for_every_watch_of_a_sweep() -> None:
    asked: list[str] = []

    async def down(_method: str, about: str) -> None:
        asked.append(about)
        raise Unavailable("conversations", "down")

    world = World(conversations=MemoryConversations(down))
    for number in range(20):
        await world.records.put_watch(replace(WATCH, visitor=f"v_{number:02}"))

    await world.sweeper.sweep()
    assert len(asked) == 5
    await world.sweeper.sweep()

    assert len(set(asked)) == 10


async def test_crash_before_the_watch_ended_only_publishes_again(world: World) -> None:
    world.say(READY_WORDS)
    await world.sweeper.end_due_watches()
    await world.records.put_watch(WATCH)

    assert await world.sweeper.end_due_watches() == 1


async def test_wish_that_a_wiped_redis_lost_comes_again(world: World) -> None:
    """Found by the simulator, seed 117: the watch had ended, and nothing else knew the thread."""
    world.say(READY_WORDS)
    await world.sweeper.sweep()
    world.publisher.published.clear()
    world.publisher.scheduled.clear()

    await world.sweeper.sweep()

    assert not world.records.watches
    assert len(world.publisher.scheduled) == 1


async def test_overdue_record_is_swept_as_well(world: World) -> None:
    world.put_record(State.PENDING, due_at=NOW - 1)

    await world.sweeper.sweep()

    scheduled = [wish for _, wish in world.publisher.scheduled.values()]
    assert [getattr(wish, "reason", "") for wish in scheduled] == ["quiet"]


async def test_visitor_without_a_thread_just_ends_the_watch() -> None:
    world = World(conversations=MemoryConversations())
    await world.records.put_watch(WATCH)

    assert await world.sweeper.end_due_watches() == 0
    assert not world.records.watches


async def test_a_record_that_cannot_be_read_holds_up_no_other_thread(world: World) -> None:
    for thread_id in ("cthr_good", "cthr_bad"):  # the newest is looked at first
        world.say(READY_WORDS, thread_id=thread_id)
    settle(world, "cthr_bad", State.PENDING)
    world.records.spoiled.add(LeadKey(SHOP, "cthr_bad"))

    await world.sweeper.sweep()

    wishes = [wish for wish in world.publisher.published if isinstance(wish, ConsiderLead)]
    assert [wish.thread_id for wish in wishes] == ["cthr_good"]
    assert world.records.watches
