"""After the site keys were rotated, a visitor is the same person under a new id."""

from __future__ import annotations

from libs.conversations.store import Owner
from libs.messages.lead import ConsiderLead
from services.chat.ports import PhoneField
from tests.unit.chat.world import Json, Scripted, World, add, answer_field, create, retry

OLD = {"visitor": "v_old"}
ROTATED = {"visitor": "v_new", "earlier": ("v_old", "v_older")}


def of_thread(request: str, thread: str, **params: object) -> Json:
    return {"type": request, "params": {"thread_id": thread, **params}}


async def test_what_was_theirs_is_theirs_in_every_request_that_names_it() -> None:
    world = World(Scripted(("Hello", PhoneField("Number?"))))
    first = await world.ask(create("My seat"), **OLD)
    thread, message, field = first.thread_id, first.items[0]["id"], first.items[-1]["id"]

    for body in (
        of_thread("threads.get_by_id", thread),
        of_thread("items.list", thread),
        of_thread("items.feedback", thread, item_ids=[message], kind="positive"),
        of_thread("threads.update", thread, title="Seats"),
        answer_field(thread, field, "408 555 0199"),
        add(thread, "And the other seat"),
        retry(thread, message),
        of_thread("threads.delete", thread),
    ):
        answer = await world.ask(body, **ROTATED)
        assert not answer.refused, body["type"]
        assert not answer.of("error"), body["type"]

    considered = [each for each in world.publisher.published if isinstance(each, ConsiderLead)]
    assert {each.visitor for each in considered} == {"v_old"}
    assert (await world.kept.threads(Owner("craigs", "v_new"))).rows == ()


async def test_a_new_thread_is_kept_under_the_new_id_and_both_are_listed() -> None:
    world = World(Scripted())
    threads = []
    for given in ({"visitor": "v_older"}, OLD, OLD, ROTATED, ROTATED):
        world.clock.at += 1
        threads.append((await world.ask(create("Hi"), **given)).thread_id)

    for order, expected in (("desc", threads[::-1]), ("asc", threads)):
        for limit in (1, 2, 5):
            listed: list[str] = []
            page: Json = {"has_more": True}
            while page["has_more"]:
                wish = {"limit": limit, "order": order, "after": page.get("after")}
                answer = await world.ask({"type": "threads.list", "params": wish}, **ROTATED)
                assert answer.json
                page = answer.json
                listed += [thread["id"] for thread in page["data"]]
            assert listed == expected


async def test_what_is_said_before_the_thread_is_known_goes_to_one_thread() -> None:
    world = World(Scripted())
    need, number = (create(text, conversation="c" * 32) for text in ("My seat", "408 555 0199"))
    first = await world.ask(need, **OLD)
    second = await world.ask(number, **ROTATED)
    again = await world.ask(number, visitor="v_newest", earlier=("v_new", "v_old"))

    assert first.thread_id == second.thread_id == again.thread_id
    considered = [each for each in world.publisher.published if isinstance(each, ConsiderLead)]
    assert {each.visitor for each in considered} == {"v_old"}


async def test_a_file_sent_just_before_fits_a_message_just_after() -> None:
    world = World(Scripted())
    file = {"name": "seat.jpg", "size": 1000, "mime_type": "image/jpeg"}
    made = await world.ask({"type": "attachments.create", "params": file}, **OLD)
    assert made.json
    answer = await world.ask(create("Look", made.json["id"]), **ROTATED)

    assert answer.items[0]["attachments"][0]["id"] == made.json["id"]


async def test_a_stranger_with_older_ids_of_their_own_is_still_a_stranger() -> None:
    world = World(Scripted())
    thread = (await world.ask(create("My seat"), **OLD)).thread_id
    mallory = {"visitor": "v_mallory", "earlier": ("v_mal",)}
    refused = (await world.ask(of_thread("threads.get_by_id", thread), **mallory)).refused

    assert refused
    assert refused.status == 404
