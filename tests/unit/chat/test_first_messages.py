"""What is said before its thread is known goes to one thread, in whatever order it comes."""

from __future__ import annotations

import asyncio

from libs.conversations.fakes import MemoryChatStore
from libs.conversations.store import Owner, ThreadRow
from tests.unit.chat.world import Scripted, World, create, retry

CONVERSATION = "c" * 32
NEED, NUMBER = (
    create(text, conversation=CONVERSATION) for text in ("My seat is torn", "408 555 0199")
)


async def heard(world: World, thread_id: str) -> list[str]:
    conversation = await world.conversations.read("craigs", thread_id)
    assert conversation
    return [item.text for item in conversation.items if item.speaker == "customer"]


async def test_two_first_messages_are_one_thread_and_each_is_told_which() -> None:
    world = World(Scripted())
    first = await world.ask(NEED)
    world.clock.at += 60
    second = await world.ask(NUMBER)

    assert first.thread_id == second.thread_id
    assert [item["type"] for item in second.items] == ["user_message", "assistant_message"]
    assert await heard(world, first.thread_id) == ["My seat is torn", "408 555 0199"]
    row = await world.kept.thread(Owner("craigs", "v_ana"), first.thread_id)
    assert row
    assert (row.created_at, row.title) == (world.clock.at - 60, "My seat is torn")


class Racing(MemoryChatStore):
    """Both look for the thread before either has made it."""

    def __init__(self) -> None:
        super().__init__()
        self._looking = asyncio.Barrier(2)
        self.missed = 0

    async def thread(self, owner: Owner, thread_id: str) -> ThreadRow | None:
        found = await super().thread(owner, thread_id)
        if found is None:
            self.missed += 1
            await self._looking.wait()
        return found


async def test_both_are_kept_in_one_thread_when_they_come_at_once() -> None:
    kept = Racing()
    world = World(Scripted(), kept)
    async with asyncio.timeout(5):
        await asyncio.gather(*(world.chat.answer(world.delivery(each)) for each in (NEED, NUMBER)))

    assert kept.missed == 2
    (thread,) = await world.threads_of("v_ana")
    assert sorted(await heard(world, thread)) == ["408 555 0199", "My seat is torn"]


async def test_a_first_message_that_is_repeated_is_heard_once() -> None:
    world = World(Scripted())
    for body in (NEED, NUMBER, NEED):
        answer = await world.ask(body, request_id=body["params"]["input"]["content"][0]["text"])

    assert await heard(world, answer.thread_id) == ["My seat is torn", "408 555 0199"]
    assert len(answer.of("thread.created")) == 1


async def test_nobody_comes_into_the_conversation_of_another_visitor_or_shop() -> None:
    world = World(Scripted())
    mine = (await world.ask(NEED)).thread_id
    theirs = (await world.ask(NUMBER, visitor="v_bob")).thread_id

    assert mine != theirs
    assert await heard(world, mine) == ["My seat is torn"]
    assert await heard(world, theirs) == ["408 555 0199"]


async def test_what_is_said_behind_a_second_try_sorts_behind_it() -> None:
    world = World(Scripted())
    first = await world.ask(NEED)
    await world.ask(retry(first.thread_id, first.items[0]["id"]))
    second = await world.ask(NUMBER)

    (answer,) = [item for item in second.items if item["type"] == "user_message"]
    assert answer["id"] > first.items[-1]["id"]


async def test_a_conversation_without_a_name_is_new_each_time() -> None:
    world = World(Scripted())
    names = {
        (await world.ask(create("Hi", conversation=conversation))).thread_id
        for conversation in ("", 7, ["x"], " ")
    }
    assert len(names) == 4
