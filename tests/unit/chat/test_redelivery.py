"""A request delivered twice is one message and one answer, wherever its first process died."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from libs.conversations.fakes import MemoryChatStore
from libs.conversations.store import ItemRow, Owner, TurnRow
from libs.messages.chat import ChatChunk
from libs.messages.lead import ConsiderLead
from services.chat.ports import AnswerFailed, Moment, PhoneField
from tests.unit.chat.world import Answer, Json, Scripted, World, add, answer_field, create, retry

ANA = Owner("craigs", "v_ana")


class DiedError(BaseException):
    """`kill -9`: nothing of ours catches it, and nothing that follows is kept."""


class DyingStore(MemoryChatStore):
    """Dies at its nth write from now, just before or just after it took effect."""

    writes = 0
    dies_at = 0
    after = False

    async def _count(self, *, done: bool) -> None:
        if not done:
            self.writes += 1
        if self.dies_at and self.writes >= self.dies_at and done == self.after:
            raise DiedError

    async def put_thread(self, owner: Owner, thread: Any) -> None:
        await self._count(done=False)
        await super().put_thread(owner, thread)
        await self._count(done=True)

    async def put_item(self, owner: Owner, thread_id: str, item: ItemRow) -> None:
        await self._count(done=False)
        await super().put_item(owner, thread_id, item)
        await self._count(done=True)

    async def open_turn(self, owner: Owner, turn: TurnRow) -> TurnRow | None:
        await self._count(done=False)
        before = await super().open_turn(owner, turn)
        await self._count(done=True)
        return before

    async def put_turn(self, owner: Owner, turn: TurnRow) -> None:
        await self._count(done=False)
        await super().put_turn(owner, turn)
        await self._count(done=True)

    def revive(self) -> None:
        self.dies_at = 0


async def rows_of(world: World) -> list[ItemRow]:
    (thread,) = await world.threads_of("v_ana")
    return list((await world.kept.items(ANA, thread, limit=100)).rows)


async def redelivered(world: World, delivery: Any) -> Answer:
    return await world.deliver(delivery, world.process())


async def die(world: World, delivery: Any) -> None:
    """The first delivery ends with its process."""
    with pytest.raises(DiedError):
        await world.chat.answer(delivery)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 7))
@pytest.mark.parametrize("conversation", ["", "c" * 32], ids=["unnamed", "named"])
async def test_a_death_at_any_write_leaves_one_message_and_a_working_chat(
    conversation: str, number: int, *, after: bool
) -> None:
    store = DyingStore()
    world = World(Scripted(("Thanks.", PhoneField("Number?"))), store)
    need = create("My seat is torn, 408 555 0199", conversation=conversation)
    delivery = world.delivery(need)
    store.dies_at, store.after = number, after
    await die(world, delivery)
    store.revive()

    second = await redelivered(world, delivery)

    rows = await rows_of(world)
    assert [row.kind for row in rows].count("user_message") == 1
    assert [row.kind for row in rows].count("assistant_message") <= 1
    if errors := second.of("error"):
        assert errors[0]["allow_retry"]
        assert errors[0]["message"].startswith("Sorry")
        thread, message = second.thread_id, second.items[0]["id"]
        again = await world.ask(retry(thread, message))
        assert again.said == "Thanks."
    assert [row.kind for row in await rows_of(world)].count("assistant_message") == 1
    considered = [c for c in world.publisher.published if isinstance(c, ConsiderLead)]
    assert {c.thread_id for c in considered} == set(await world.threads_of("v_ana"))


async def test_the_writes_of_a_turn_are_as_many_as_the_test_above_kills() -> None:
    store = DyingStore()
    await World(Scripted(("Thanks.", PhoneField("Number?"))), store).ask(create("Hi"))

    assert store.writes == 7  # turn, thread, message, answer, field, title; the 7th settles


async def test_an_answer_cut_off_in_the_middle_is_not_given_twice() -> None:
    agent = Scripted(("Half of it", DiedError()))
    world = World(agent)
    delivery = world.delivery(create("My seat is torn"))
    await die(world, delivery)
    second = await redelivered(world, delivery)

    assert len(agent.moments) == 1
    assert [item["type"] for item in second.items] == ["user_message"]
    assert second.of("error")[0]["allow_retry"]


async def test_a_finished_turn_is_repeated_word_for_word_and_not_paid_again() -> None:
    agent = Scripted()
    world = World(agent)
    first = world.delivery(create("My seat"), request_id="same")
    one = await world.deliver(first)
    again = world.delivery(create("My seat"), request_id="same")
    two = await world.deliver(again)

    assert len(agent.moments) == 1
    assert two.items == one.items
    assert two.thread_id == one.thread_id
    assert not two.of("error")
    assert len(await rows_of(world)) == 2


async def test_whatever_says_something_is_said_once_however_often_it_is_repeated() -> None:
    agent = Scripted(("Hello", PhoneField("Number?")))
    world = World(agent)
    asked = await world.ask(create("My seat"))
    thread, said, field = asked.thread_id, asked.items[0]["id"], asked.items[-1]["id"]
    agent.pieces = ("Thank you",)

    for name, body in {
        "field": answer_field(thread, field, "408 555 0199"),
        "message": add(thread, "And the other seat"),
        "retry": retry(thread, said),
        "thread": create("Another"),
    }.items():
        one = await world.ask(body, request_id=name)
        rows = await world.kept.items(ANA, one.thread_id if name == "thread" else thread, limit=100)
        two = await world.ask(body, request_id=name)
        again = await world.kept.items(
            ANA, one.thread_id if name == "thread" else thread, limit=100
        )
        assert two.said == one.said == "Thank you", name
        assert again == rows, name
    assert len(await world.threads_of("v_ana")) == 2


async def test_repeating_what_died_before_its_message_was_kept_makes_no_second_thread() -> None:
    store = DyingStore()
    world = World(Scripted(), store)
    delivery = world.delivery(create("My seat"), request_id="same")
    store.dies_at = 3
    await die(world, delivery)
    store.revive()

    early = await world.ask(create("My seat"), request_id="same")
    redelivery = await redelivered(world, delivery)
    late = await world.ask(create("My seat"), request_id="same")

    assert early.refused
    assert early.refused.error == "in_progress"
    assert late.thread_id == redelivery.thread_id
    assert late.items == redelivery.items
    assert len(await rows_of(world)) == 2


async def test_a_turn_that_ended_in_trouble_is_never_repeated_as_a_blank() -> None:
    world = World(Scripted((AnswerFailed("busy"),)))
    await world.ask(create("My seat"), request_id="same")
    again = await world.ask(create("My seat"), request_id="same")

    assert again.of("error")[0]["allow_retry"]


async def test_the_same_words_in_another_request_are_another_message() -> None:
    world = World(Scripted())
    thread = (await world.ask(create("Yes"))).thread_id
    await world.ask(add(thread, "Yes"))
    await world.ask(add(thread, "Yes"))

    assert [row.kind for row in await rows_of(world)].count("user_message") == 3


async def test_without_a_request_id_the_delivery_itself_is_recognised() -> None:
    world = World(Scripted())
    delivery = world.delivery(create("Hi"), request_id="")
    await world.deliver(delivery)
    await redelivered(world, delivery)

    assert len(await rows_of(world)) == 2


async def test_an_answered_field_survives_a_death_right_after_it() -> None:
    agent = Scripted((PhoneField("Number?"),))
    world = World(agent)
    asked = await world.ask(create("My seat"))
    agent.pieces = (DiedError(),)
    body = answer_field(asked.thread_id, asked.items[-1]["id"], "408 555 0199")
    delivery = world.delivery(body)
    await die(world, delivery)
    second = await redelivered(world, delivery)

    assert second.of("error")[0]["allow_retry"]
    conversation = await world.conversations.read("craigs", asked.thread_id)
    assert conversation
    assert conversation.items[-1].text == "408 555 0199"


async def test_an_answer_to_a_field_that_was_not_kept_yet_is_taken_now() -> None:
    agent = Scripted((PhoneField("Number?"),))
    store = DyingStore()
    world = World(agent, store)
    asked = await world.ask(create("My seat"))
    agent.pieces = ("Thank you!",)
    body = answer_field(asked.thread_id, asked.items[-1]["id"], "408 555 0199")
    delivery = world.delivery(body)
    store.writes, store.dies_at = 0, 2
    await die(world, delivery)
    store.revive()
    second = await redelivered(world, delivery)

    assert second.said == "Thank you!"
    assert not second.of("error")


class Sleepy:
    """Agent that stops in mid-answer until it is woken."""

    def __init__(self, *pieces: str | PhoneField) -> None:
        self.pieces = pieces or (" asleep",)
        self.asleep, self.woken = asyncio.Event(), asyncio.Event()

    async def answer(self, moment: Moment) -> AsyncIterator[str | PhoneField]:
        yield "I was"
        self.asleep.set()
        await self.woken.wait()
        for piece in self.pieces:
            yield piece


async def test_a_process_that_was_only_asleep_keeps_nothing_after_another_took_over() -> None:
    agent = Sleepy()
    world = World(agent)
    delivery = world.delivery(create("My seat"))
    first = asyncio.create_task(world.chat.answer(delivery))
    await agent.asleep.wait()
    second = await world.deliver(delivery, world.process(Scripted()))
    agent.woken.set()
    await first

    assert second.of("error")
    assert [row.kind for row in await rows_of(world)] == ["user_message"]
    assert '"exception_type":"TurnLostError"' in world.logged.getvalue()


async def begun(world: World, agent: Sleepy, body: Json) -> asyncio.Task[None]:
    """A turn under way in a process of its own."""
    chat = world.process(agent)
    turn = asyncio.create_task(chat.answer(world.delivery(body)))
    await agent.asleep.wait()
    return turn


async def test_trying_again_ends_the_answer_that_was_under_way() -> None:
    world = World()
    first, second = Sleepy(" first", PhoneField("Number?")), Sleepy(" second")
    turn = await begun(world, first, create("My seat"))
    (thread,), (said, *_) = await world.threads_of("v_ana"), await rows_of(world)
    again = await begun(world, second, retry(thread, said.id))
    for agent in (first, second):
        agent.woken.set()
    await asyncio.gather(turn, again)

    user, answer = await rows_of(world)
    assert (user.kind, answer.kind) == ("user_message", "assistant_message")
    assert "I was second" in answer.body


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)], ids=str)
async def test_of_many_tries_at_once_one_answer_stays(order: tuple[int, ...]) -> None:
    world = World(Scripted((AnswerFailed("busy"),)))
    asked = await world.ask(create("My seat"))
    agents = [Sleepy(f" {number}") for number in range(3)]
    body = retry(asked.thread_id, asked.items[0]["id"])
    turns = [await begun(world, agent, body) for agent in agents]
    for number in order:
        agents[number].woken.set()
        await turns[number]

    assert [row.kind for row in await rows_of(world)] == ["user_message", "assistant_message"]
    assert "I was 2" in (await rows_of(world))[-1].body


async def test_an_answer_kept_while_another_try_took_over_is_taken_back() -> None:
    """The other one comes between the look before the write and the write."""

    class Crossed(MemoryChatStore):
        async def put_item(self, owner: Owner, thread_id: str, item: ItemRow) -> None:
            if "Too late" in item.body:
                again = world.delivery(retry(thread_id, said))
                await world.process(Scripted(("In time",))).answer(again)
            await super().put_item(owner, thread_id, item)

    world = World(Scripted((AnswerFailed("busy"),)), Crossed())
    asked = await world.ask(create("My seat"))
    said = asked.items[0]["id"]
    late = world.delivery(retry(asked.thread_id, said))
    await world.process(Scripted(("Too late",))).answer(late)

    assert [row.kind for row in await rows_of(world)] == ["user_message", "assistant_message"]
    assert "In time" in (await rows_of(world))[-1].body


async def test_of_two_tries_whose_floors_cross_the_one_that_was_laid_last_stays() -> None:
    sleepy, floors, turns = Sleepy(), list[str](), list[asyncio.Task[None]]()

    class Crossed(MemoryChatStore):
        async def put_turn(self, owner: Owner, turn: TurnRow) -> None:
            if turn.key.startswith("floor."):
                floors.append(turn.message_id)
            if len(floors) == 1 and not turns:
                turns.append(await begun(world, sleepy, body))
            await super().put_turn(owner, turn)

    world = World(Scripted((AnswerFailed("busy"),)), Crossed())
    asked = await world.ask(create("My seat"))
    body = retry(asked.thread_id, asked.items[0]["id"])
    await world.process(Scripted(("Laid last",))).answer(world.delivery(body))
    sleepy.woken.set()
    await asyncio.gather(*turns)

    assert [row.kind for row in await rows_of(world)] == ["user_message", "assistant_message"]
    assert "Laid last" in (await rows_of(world))[-1].body


async def test_a_message_after_a_try_again_is_behind_it_even_by_a_slow_clock() -> None:
    world = World(Scripted((AnswerFailed("busy"),)))
    asked = await world.ask(create("My seat"))
    world.clock.at += 30
    await world.ask(retry(asked.thread_id, asked.items[0]["id"]))
    world.clock.at -= 60
    answer = await world.deliver(
        world.delivery(add(asked.thread_id, "Hello?")), world.process(Scripted())
    )

    assert answer.said
    assert [row.kind for row in await rows_of(world)][-1] == "assistant_message"


async def test_a_browser_that_repeats_itself_does_not_stop_the_answer() -> None:
    class Slow:
        def __init__(self) -> None:
            self.begun, self.go = asyncio.Event(), asyncio.Event()

        async def answer(self, moment: Moment) -> AsyncIterator[str | PhoneField]:
            self.begun.set()
            await self.go.wait()
            yield "Here it is"

    agent = Slow()
    world = World(agent)
    first = asyncio.create_task(world.chat.answer(world.delivery(create("Hi"), request_id="same")))
    await agent.begun.wait()
    early = await world.ask(create("Hi"), request_id="same")
    agent.go.set()
    await first
    late = await world.ask(create("Hi"), request_id="same")

    assert early.refused
    assert (early.refused.status, early.refused.error) == (409, "in_progress")
    assert early.refused.retry_after_seconds
    assert late.said == "Here it is"


async def test_a_lead_that_could_not_be_considered_is_considered_by_the_next_delivery() -> None:
    from libs.errors import Unavailable

    agent = Scripted()
    world = World(agent)
    publish = world.publisher.publish

    async def down(*_: object, **__: object) -> None:
        raise Unavailable("redis", "away")

    world.publisher.publish = down  # type: ignore[method-assign]
    delivery = world.delivery(create("408 555 0199"))
    with pytest.raises(Unavailable):
        await world.chat.answer(delivery)
    world.publisher.publish = publish  # type: ignore[method-assign]
    await world.chat.answer(delivery)

    assert len(agent.moments) == 1
    assert len(world.publisher.published) == 1


async def test_the_last_chunk_comes_after_the_lead_is_in_the_stream() -> None:
    world = World(Scripted())
    seen: list[str] = []
    reply, publish = world.publisher.reply, world.publisher.publish

    async def replied(reply_to: str, *answers: Any) -> None:
        seen.extend("last" if answer.last else "chunk" for answer in answers)
        await reply(reply_to, *answers)

    async def published(*args: Any, **more: Any) -> None:
        seen.append("considered")
        await publish(*args, **more)

    world.publisher.reply, world.publisher.publish = replied, published  # type: ignore[method-assign]
    await world.ask(create("Hi"))

    assert seen.index("considered") < seen.index("last") == len(seen) - 1


async def test_chunks_are_the_data_of_server_sent_events() -> None:
    world = World(Scripted())
    await world.ask(create("Two\nlines"))

    for _, chunk in world.publisher.replies[:-1]:
        assert isinstance(chunk, ChatChunk)
        assert "\n" not in chunk.data
        json.loads(chunk.data)
