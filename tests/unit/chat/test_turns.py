"""A request of the chat becomes a kept message, an answer in pieces and a considered lead."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator

import pytest

from libs.conversations.fakes import MemoryChatStore
from libs.conversations.store import ItemRow, Owner
from libs.errors import Unavailable
from libs.messages.base import Message
from libs.messages.lead import ConsiderLead
from libs.streams.fakes import RememberingPublisher
from services.chat.ports import AnswerFailed, Moment, PhoneField
from services.chat.prompt import instructions
from tests.unit.chat.world import SHOPS, Answer, Scripted, World, add, answer_field, create, retry

ANA = Owner("craigs", "v_ana")


def kinds(answer: Answer) -> list[str]:
    return [str(item["type"]) for item in answer.items]


async def test_a_first_message_makes_a_thread_with_its_answer() -> None:
    world = World(Scripted())
    answer = await world.ask(create("My seat is torn"))

    assert kinds(answer) == ["user_message", "assistant_message"]
    assert answer.said == "Sure, tell me more."
    conversation = await world.conversations.read("craigs", answer.thread_id)
    assert conversation
    assert [(item.speaker, item.text) for item in conversation.items] == [
        ("customer", "My seat is torn"),
        ("assistant", "Sure, tell me more."),
    ]
    assert conversation.visitor == "v_ana"
    assert conversation.title == "My seat is torn"
    assert all(item.at == world.clock.at for item in conversation.items)


async def test_the_answer_comes_in_pieces_as_the_agent_speaks() -> None:
    answer = await World(Scripted(("One", " two", " three"))).ask(create("Hi"))

    deltas = [e["update"]["delta"] for e in answer.events if "delta" in e.get("update", {})]
    assert deltas == ["One", " two", " three"]
    order = [event["type"] for event in answer.events]
    assert order.index("thread.item.added") < order.index("thread.item.updated")


async def test_the_first_word_goes_out_in_one_step_with_what_announces_it() -> None:
    steps: list[str] = []

    class Thoughtful(Scripted):
        async def answer(self, moment: Moment) -> AsyncIterator[str | PhoneField]:
            for _ in range(9):  # turns of the loop
                await asyncio.sleep(0)
            yield "One"

    class Steps(RememberingPublisher):
        async def reply(self, reply_to: str, *answers: Message) -> None:
            steps.append("".join(str(getattr(answer, "data", "")) for answer in answers))
            await super().reply(reply_to, *answers)

    world = World(Thoughtful())
    world.publisher = Steps()
    world.chat = world.process()
    await world.ask(create("Hi"))

    first = next(step for step in steps if "One" in step)
    assert "thread.item.added" in first
    assert "user_message" not in first


async def test_nobody_who_answers_waits_for_the_way_back() -> None:
    class Stuck(RememberingPublisher):
        way = asyncio.Event()

        async def reply(self, reply_to: str, *answers: Message) -> None:
            await self.way.wait()
            await super().reply(reply_to, *answers)

    world = World(Scripted(("One", " two")))
    world.publisher = stuck = Stuck()
    world.chat = world.process()
    asking = asyncio.create_task(world.ask(create("Hi")))
    while not stuck.published:  # the lead is considered after the turn
        await asyncio.sleep(0)

    assert not asking.done()
    stuck.way.set()
    assert (await asking).said == "One two"


async def test_the_title_waits_until_the_answer_is_out() -> None:
    answer = await World(Scripted()).ask(create("My seat"))

    order = [event["type"] for event in answer.events]
    assert order.index("thread.updated") > order.index("thread.item.updated")
    assert len(answer.of("thread.updated")) == 1


async def test_a_thread_was_made_when_its_first_message_came() -> None:
    world = World()

    class Slow(Scripted):
        async def answer(self, moment: Moment) -> AsyncIterator[str | PhoneField]:
            world.clock.at += 30
            yield "Hello"

    world.chat = world.process(Slow())
    answer = await world.ask(create("Hi"))
    world.clock.at += 30
    listed = (await world.ask({"type": "threads.list", "params": {}})).json

    assert listed
    told = [*answer.of("thread.created"), *answer.of("thread.updated")]
    times = {event["thread"]["created_at"] for event in told}
    assert times == {listed["data"][0]["created_at"]} == {"2026-11-20T20:00:00Z"}
    thread = await world.kept.thread(ANA, answer.thread_id)
    assert thread
    assert thread.created_at == world.clock.at - 60


async def test_every_turn_has_the_lead_considered() -> None:
    world = World(Scripted())
    thread = (await world.ask(create("Hi"), locale="es", request_id="one")).thread_id
    await world.ask(add(thread, "408 555 0199"), request_id="two")

    assert world.publisher.published == [
        ConsiderLead(
            request_id=name, shop="craigs", thread_id=thread, reason="auto", visitor="v_ana",
            locale=locale,
        )
        for name, locale in (("one", "es"), ("two", "en"))
    ]  # fmt: skip


async def test_our_panel_may_say_where_the_chat_stands() -> None:
    agent = Scripted()
    world = World(agent)
    where = {"locale": "ar", "page_url": "https://craigs.autos/seats"}
    await world.ask({**create("1234"), "metadata": where})

    assert agent.moments[0].language == "ar"
    assert agent.moments[0].facts["page_url"] == "https://craigs.autos/seats"
    assert isinstance(considered := world.publisher.published[0], ConsiderLead)
    assert considered.page_url == "https://craigs.autos/seats"


async def test_where_the_page_told_no_language_it_is_english_and_the_lead_hears_of_none() -> None:
    agent = Scripted()
    world = World(agent)
    await world.ask(create("1234"), locale="")

    assert (agent.moments[0].language, agent.moments[0].facts["locale"]) == ("en", "en")
    assert isinstance(considered := world.publisher.published[0], ConsiderLead)
    assert considered.locale == ""


async def test_ids_hold_128_random_bits_and_sort_in_order() -> None:
    world = World(Scripted())
    thread = (await world.ask(create("One"))).thread_id
    world.clock.at -= 60  # another process, a clock behind
    await world.ask(add(thread, "Two"))

    rows = (await world.kept.items(ANA, thread)).rows
    assert re.fullmatch(r"cthr_[A-Za-z0-9_-]{22}", thread)
    assert all(re.fullmatch(r"cthi_[0-9a-f]{12}[A-Za-z0-9_-]{22}", row.id) for row in rows)
    assert [row.kind for row in rows] == ["user_message", "assistant_message"] * 2
    assert '"One"' in rows[0].body
    assert '"Two"' in rows[2].body


async def test_history_shows_threads_newest_first_and_their_items() -> None:
    world = World(Scripted())
    first = (await world.ask(create("One"))).thread_id
    world.clock.at += 1
    second = (await world.ask(create("Two"))).thread_id

    listed = await world.ask({"type": "threads.list", "params": {"limit": 1}})
    assert listed.json
    assert [t["id"] for t in listed.json["data"]] == [second]
    more = {"type": "threads.list", "params": {"limit": 9, "after": listed.json["after"]}}
    rest = await world.ask(more)
    assert rest.json
    assert [t["id"] for t in rest.json["data"]] == [first]
    shown = await world.ask({"type": "threads.get_by_id", "params": {"thread_id": first}})
    assert shown.json
    assert [i["type"] for i in shown.json["items"]["data"]] == ["user_message", "assistant_message"]


async def test_a_title_can_be_changed_and_is_kept_short() -> None:
    world = World(Scripted())
    thread = (await world.ask(create("One"))).thread_id
    params = {"thread_id": thread, "title": "x" * 5000}
    answer = await world.ask({"type": "threads.update", "params": params})

    assert answer.json
    assert len(answer.json["title"]) <= 120
    assert (await world.kept.thread(ANA, thread)).title == "x" * 120  # type: ignore[union-attr]


async def test_feedback_is_heard_and_changes_nothing() -> None:
    world = World(Scripted())
    answer = await world.ask(create("One"))
    thread, item = answer.thread_id, answer.items[-1]["id"]
    kept = await world.kept.item(ANA, thread, item)
    params = {"thread_id": thread, "item_ids": [item], "kind": "negative"}
    heard = await world.ask({"type": "items.feedback", "params": params})

    assert heard.json == {}
    assert await world.kept.item(ANA, thread, item) == kept


async def test_a_removed_thread_is_gone_for_the_visitor_and_not_for_the_shop() -> None:
    world = World(Scripted())
    thread = (await world.ask(create("408 555 0199"))).thread_id
    await world.ask({"type": "threads.delete", "params": {"thread_id": thread}})

    for body in (
        {"type": "threads.get_by_id", "params": {"thread_id": thread}},
        add(thread, "Still there?"),
    ):
        refused = (await world.ask(body)).refused
        assert refused
        assert refused.status == 404
    listed = await world.ask({"type": "threads.list", "params": {}})
    assert listed.json
    assert listed.json["data"] == []
    assert await world.conversations.read("craigs", thread)
    assert await world.conversations.threads_of("craigs", "v_ana") == [thread]


async def test_hidden_items_never_leave() -> None:
    world = World(Scripted())
    answer = await world.ask(create("One"), request_id="first")
    thread = answer.thread_id
    for number, kind in enumerate(("hidden_context_item", "sdk_hidden_context")):
        body = {
            "id": f"cthi_9999999999{number}", "thread_id": thread, "type": kind,
            "created_at": "2026-11-20T20:00:00Z", "content": "SECRET",
        }  # fmt: skip
        row = ItemRow(id=str(body["id"]), kind=kind, at=1.0, changed_at=1.0, body=json.dumps(body))
        await world.kept.put_item(ANA, thread, row)

    agent = world.agent
    assert isinstance(agent, Scripted)
    repeated = await world.ask(create("One"), request_id="first")
    assert "SECRET" not in json.dumps(repeated.events)
    bodies = (
        {"type": "threads.get_by_id", "params": {"thread_id": thread}},
        {"type": "items.list", "params": {"thread_id": thread}},
        {"type": "threads.list", "params": {}},
        retry(thread, answer.items[0]["id"]),
        add(thread, "Two"),
    )
    for body in bodies:
        again = await world.ask(body)
        assert not again.refused
        assert "SECRET" not in json.dumps([again.events, again.json])
    assert all("SECRET" not in repr(moment.items) for moment in agent.moments)
    conversation = await world.conversations.read("craigs", thread)
    assert "SECRET" not in repr(conversation)


async def test_trying_again_replaces_the_answer() -> None:
    world = World(Scripted())
    first = await world.ask(create("One"))
    again = await world.ask(retry(first.thread_id, first.items[0]["id"]))

    assert kinds(again) == ["assistant_message"]
    rows = (await world.kept.items(ANA, first.thread_id)).rows
    assert [row.kind for row in rows] == ["user_message", "assistant_message"]
    assert rows[-1].id == again.items[-1]["id"]


async def test_trying_again_never_deletes_what_the_customer_said() -> None:
    world = World(Scripted())
    first = await world.ask(create("One"))
    await world.ask(add(first.thread_id, "It is 408 555 0199"))
    await world.ask(retry(first.thread_id, first.items[0]["id"]))

    conversation = await world.conversations.read("craigs", first.thread_id)
    assert conversation
    said = [item.text for item in conversation.items if item.speaker == "customer"]
    assert said == ["One", "It is 408 555 0199"]


async def test_trying_again_what_is_not_there_is_refused() -> None:
    world = World(Scripted())
    first = await world.ask(create("One"))

    for item, status in (("cthi_unknown", 404), (first.items[-1]["id"], 422)):
        refused = (await world.ask(retry(first.thread_id, item))).refused
        assert refused
        assert refused.status == status


@pytest.mark.parametrize("trouble", ["busy", "slow", "refused", "cut", "spent"])
@pytest.mark.parametrize("spoken", [(), ("Half an ans",)], ids=["at once", "in the middle"])
async def test_trouble_becomes_a_kind_sentence(trouble: str, spoken: tuple[str, ...]) -> None:
    world = World(Scripted((*spoken, AnswerFailed(trouble))))  # type: ignore[arg-type]
    answer = await world.ask(create("Hola, mi asiento está roto"))

    (error,) = answer.of("error")
    assert len(error["message"]) > 40
    assert "+14085550142" in error["message"]
    assert "Sorry" not in error["message"]  # they wrote Spanish
    assert error["allow_retry"] == (trouble != "spent")
    added = [event["item"]["id"] for event in answer.of("thread.item.added")]
    assert [event["item_id"] for event in answer.of("thread.item.removed")] == added
    rows = (await world.kept.items(ANA, answer.thread_id)).rows
    assert [row.kind for row in rows] == ["user_message"]
    assert world.publisher.published


async def test_after_trouble_trying_again_works() -> None:
    agent = Scripted((AnswerFailed("busy"),))
    world = World(agent)
    failed = await world.ask(create("One"))
    agent.pieces = ("Better now.",)
    again = await world.ask(retry(failed.thread_id, failed.items[0]["id"]))

    assert again.said == "Better now."


async def test_an_unexpected_error_still_ends_in_an_error_event_and_one_log_line() -> None:
    world = World(Scripted((RuntimeError("call 408 555 0199"),)))
    answer = await world.ask(create("One"))

    assert answer.of("error")[0]["allow_retry"]
    assert '"exception_type":"RuntimeError"' in world.logged.getvalue()
    assert "0199" not in world.logged.getvalue()


async def test_the_phone_is_asked_for_with_a_field_of_its_own() -> None:
    agent = Scripted(("Thanks.", PhoneField("Your number?")))
    world = World(agent)
    asked = await world.ask(create("My seat is torn"))
    field = asked.items[-1]
    agent.pieces = ("Thank you!",)
    answered = await world.ask(answer_field(asked.thread_id, field["id"], "408 555 0199"))

    assert field["type"] == "structured_input"
    assert field["inputs"][0]["id"] == "phone"
    assert field["inputs"][0]["question"] == "Your number?"
    assert answered.of("thread.item.replaced")[0]["item"]["status"] == "answered"
    assert [moment.may_ask_phone for moment in agent.moments] == [True, False]
    conversation = await world.conversations.read("craigs", asked.thread_id)
    assert conversation
    texts = [(item.speaker, item.text) for item in conversation.items]
    assert ("customer", "408 555 0199") in texts


async def test_a_model_is_told_of_half_a_number_and_not_that_all_is_well() -> None:
    agent = Scripted(("Thanks.", PhoneField("Your number?")))
    world = World(agent)
    asked = await world.ask(create("My seat is torn"))
    agent.pieces = ("Once more?",)
    await world.ask(answer_field(asked.thread_id, asked.items[-1]["id"], "408-555-017"))
    for line in (f"I called you at {SHOPS.default.phone}", "sorry, 408-555-0176", "part 12345678"):
        await world.ask(add(asked.thread_id, line))

    told = ["not a whole phone number" in instructions(moment) for moment in agent.moments]
    assert told == [False, True, False, False, False]


async def test_an_answered_field_is_news_to_whoever_reads_the_conversation() -> None:
    agent = Scripted((PhoneField("Your number?"),))
    world = World(agent)
    asked = await world.ask(create("My seat is torn"))
    before = await world.conversations.last_item_id("craigs", asked.thread_id)
    agent.pieces = (AnswerFailed("busy"),)
    world.clock.at += 600
    await world.ask(answer_field(asked.thread_id, asked.items[-1]["id"], "408 555 0199"))

    conversation = await world.conversations.read("craigs", asked.thread_id)
    assert conversation
    assert conversation.items[-1].at == world.clock.at  # not when it was asked
    assert conversation.items[-1].id != before
    assert await world.conversations.last_item_id("craigs", asked.thread_id) == (
        conversation.items[-1].id
    )


async def test_a_field_that_was_passed_over_is_closed() -> None:
    agent = Scripted((PhoneField("Your number?"),))
    world = World(agent)
    asked = await world.ask(create("My seat is torn"))
    agent.pieces = ("Fine.",)
    passed = await world.ask(add(asked.thread_id, "I would rather not"))
    late = await world.ask(answer_field(asked.thread_id, asked.items[-1]["id"], "1"))

    assert passed.of("thread.item.replaced")[0]["item"]["status"] == "skipped"
    assert late.refused
    assert late.refused.status == 422


async def test_a_field_answered_twice_alike_is_answered_once() -> None:
    agent = Scripted((PhoneField("Your number?"),))
    world = World(agent)
    asked = await world.ask(create("My seat is torn"))
    agent.pieces = ("Thank you!",)
    body = answer_field(asked.thread_id, asked.items[-1]["id"], "408 555 0199")
    first, second = await world.ask(body), await world.ask(body)

    assert second.said == first.said == "Thank you!"
    replaced = [answer.of("thread.item.replaced")[0]["item"] for answer in (first, second)]
    assert replaced[0] == replaced[1]
    assert len(agent.moments) == 2
    other = await world.ask(answer_field(asked.thread_id, asked.items[-1]["id"], "408 555 0123"))
    assert other.refused
    assert (other.refused.status, other.refused.error) == (422, "not_possible")
    assert "as a message" in other.refused.detail


async def test_a_field_answered_alike_whose_answer_never_came_offers_to_try_again() -> None:
    agent = Scripted((PhoneField("Your number?"),))
    world = World(agent)
    asked = await world.ask(create("My seat is torn"))
    agent.pieces = (AnswerFailed("busy"),)
    body = answer_field(asked.thread_id, asked.items[-1]["id"], "408 555 0199")
    await world.ask(body)

    assert (await world.ask(body)).of("error")[0]["allow_retry"]


@pytest.mark.parametrize("pieces", [(" ", "\n\n", " "), ()], ids=["blanks", "nothing"])
async def test_an_answer_of_blanks_is_a_kind_sentence_and_no_bubble(
    pieces: tuple[str, ...],
) -> None:
    world = World(Scripted(pieces))
    answer = await world.ask(create("My seat is torn"))

    assert answer.of("error")[0]["allow_retry"]
    assert answer.of("thread.item.added") == []
    assert kinds(answer) == ["user_message"]


async def test_blanks_before_the_first_word_are_not_said() -> None:
    answer = await World(Scripted(("\n", "  Hello", " there"))).ask(create("Hi"))

    assert answer.said == "Hello there"


@pytest.mark.parametrize(("count", "more"), [(60, False), (360, True)])
async def test_a_long_chat_can_be_read_whole_and_is_opened_at_its_end(
    count: int, *, more: bool
) -> None:
    world = World(Scripted())
    first = await world.ask(create("One"))
    thread, item = first.thread_id, first.items[-1]
    names = [first.items[0]["id"], item["id"], *(f"cthi_f{n:04}" for n in range(count - 2))]
    for name in names[2:]:
        body = json.dumps({**item, "id": name})
        row = ItemRow(id=name, kind=item["type"], at=1.0, changed_at=1.0, body=body)
        await world.kept.put_item(ANA, thread, row)

    opened = await world.ask({"type": "threads.get_by_id", "params": {"thread_id": thread}})
    assert opened.json
    page = opened.json["items"]
    assert page["has_more"] == more
    shown = [each["id"] for each in page["data"]]
    assert shown == names[-len(shown) :]
    while page["has_more"]:
        params = {"thread_id": thread, "order": "desc", "after": page["after"], "limit": 20}
        listed = await world.ask({"type": "items.list", "params": params})
        assert listed.json
        page = listed.json
        shown = [*(each["id"] for each in reversed(page["data"])), *shown]
    assert shown == names


async def test_trying_again_keeps_an_answered_field() -> None:
    agent = Scripted((PhoneField("Your number?"),))
    world = World(agent)
    asked = await world.ask(create("My seat is torn"))
    thread, said = asked.thread_id, asked.items[0]["id"]
    agent.pieces = (AnswerFailed("busy"),)
    await world.ask(answer_field(thread, asked.items[-1]["id"], "408 555 0199"))
    agent.pieces = ("Thank you!",)
    await world.ask(retry(thread, said))

    conversation = await world.conversations.read("craigs", thread)
    assert conversation
    assert "408 555 0199" in [item.text for item in conversation.items]
    assert conversation.items[-1].text == "Thank you!"


async def test_a_browser_that_is_gone_does_not_stop_the_answer() -> None:
    world = World(Scripted())

    async def gone(reply_to: str, *answers: object) -> None:
        raise Unavailable("redis", "nobody listens")

    world.publisher.reply = gone  # type: ignore[method-assign]
    await world.chat.answer(world.delivery(create("408 555 0199")))

    (thread,) = await world.threads_of("v_ana")
    rows = (await world.kept.items(ANA, thread)).rows
    assert [row.kind for row in rows] == ["user_message", "assistant_message"]
    assert len(world.publisher.published) == 1


async def test_a_store_that_is_down_is_said_before_anything_else() -> None:
    class Down(MemoryChatStore):
        async def open_turn(self, owner: object, turn: object) -> None:  # type: ignore[override]
            raise Unavailable("conversations", "locked")

    refused = (await World(Scripted(), Down()).ask(create("One"))).refused

    assert refused
    assert (refused.status, refused.error) == (503, "unavailable")
    assert refused.retry_after_seconds


async def test_a_store_that_fails_in_the_middle_ends_in_a_clean_error() -> None:
    class Full(MemoryChatStore):
        async def put_item(self, owner: Owner, thread_id: str, item: ItemRow) -> None:
            raise Unavailable("conversations", "disk full")

    answer = await World(Scripted(), Full()).ask(create("One"))

    assert answer.of("error")[0]["allow_retry"]


@pytest.mark.parametrize("method", ["put_item", "attachment"])
async def test_what_was_not_kept_is_heard_when_it_comes_again(method: str) -> None:
    """The browser repeats its request id."""
    store = MemoryChatStore()
    world = World(Scripted(), store)
    thread = (await world.ask(create("My seat is torn"))).thread_id
    kept = getattr(store, method)

    async def hiccup(*args: object) -> None:
        setattr(store, method, kept)
        raise Unavailable("conversations", "away")

    setattr(store, method, hiccup)
    said = add(thread, "408 555 0199", *(["att_1"] if method == "attachment" else []))
    failed = await world.ask(said, request_id="again")
    again = await world.ask(said, request_id="again")

    assert failed.refused
    assert failed.refused.status == 503
    if method == "attachment":  # nobody uploaded it: the second answer is the true one, no 409
        assert again.refused
        assert again.refused.status == 404
        return
    assert kinds(again) == ["user_message", "assistant_message"]
    assert kinds(await world.ask(said, request_id="again")) == kinds(again)


async def test_what_is_heard_at_last_is_answered_by_one() -> None:
    store = MemoryChatStore()
    world = World(Scripted(), store)
    thread = (await world.ask(create("My seat is torn"))).thread_id
    put, said = store.put_item, add(thread, "408 555 0199")
    meanwhile: list[Answer] = []

    async def hiccup(*args: object) -> None:
        raise Unavailable("conversations", "away")

    async def while_another_asks(owner: Owner, thread_id: str, item: ItemRow) -> None:
        store.put_item = put  # type: ignore[method-assign]
        meanwhile.append(await world.ask(said, request_id="again"))
        await put(owner, thread_id, item)

    for put_item in (hiccup, while_another_asks):
        store.put_item = put_item  # type: ignore[method-assign,assignment]
        await world.chat.answer(world.delivery(said, request_id="again"))

    assert meanwhile[0].refused
    assert meanwhile[0].refused.status == 409
    rows = (await store.items(ANA, thread)).rows
    assert [row.kind for row in rows] == ["user_message", "assistant_message"] * 2


@pytest.mark.parametrize("method", ["put_item", "put_turn"])
async def test_whatever_fails_once_a_turn_is_taken_the_lead_is_considered(method: str) -> None:
    store = MemoryChatStore()
    world = World(Scripted(), store)
    kept = getattr(store, method)
    calls = 0

    async def down(*args: object) -> None:
        nonlocal calls
        calls += 1
        if calls > 1 or method == "put_turn":
            raise Unavailable("conversations", "disk full")
        await kept(*args)

    setattr(store, method, down)
    answer = await world.ask(create("My seat is torn, 408 555 0199"))

    assert bool(answer.of("error")) == (method == "put_item")
    (considered,) = world.publisher.published
    assert isinstance(considered, ConsiderLead)
    assert considered.thread_id == answer.thread_id
