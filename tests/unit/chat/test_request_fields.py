"""Every field of the chat's protocol: at its limit, over it, of the wrong type, hostile."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest

from libs.conversations.store import Owner, ThreadRow
from services.chat.adapters.sdk import types as sdk
from services.chat.request import BODY_BYTES, TEXT_CHARACTERS
from tests.unit.chat.protocol_fields import (
    CASES,
    FIELDS,
    INPUT,
    LEAST,
    LIMITS,
    NAMED,
    THREAD,
    asking,
)
from tests.unit.chat.world import (
    Json,
    PhoneField,
    Scripted,
    World,
    answer_field,
    create,
    message,
)  # fmt: skip

OWNER: Final = Owner("craigs", "v_ana")


async def begun() -> World:
    """A world with a thread of Ana's."""
    world = World(Scripted())
    thread = sdk.ThreadMetadata(id=THREAD, created_at=datetime.fromtimestamp(0, UTC))
    row = ThreadRow(id=THREAD, created_at=0.0, title="", body=thread.model_dump_json())
    await world.kept.put_thread(OWNER, row)
    return world


async def kept(world: World) -> object:
    """All that a request may leave behind."""
    threads = (await world.kept.threads(OWNER)).rows
    items = [(await world.kept.items(OWNER, thread.id)).rows for thread in threads]
    return threads, items, set(world.blobs.bodies), list(world.publisher.published)


def test_the_table_knows_every_request_and_field_of_the_protocol() -> None:
    assert set(LEAST) == set(FIELDS)
    assert set(LIMITS) == {place for _, place in CASES}


@pytest.mark.parametrize(("kind", "place"), CASES)
async def test_a_field_takes_what_fits_and_refuses_the_rest_by_name(kind: str, place: str) -> None:
    world = await begun()
    fits, unfit = LIMITS[place]
    for value in fits:
        refused = (await world.ask(asking(kind, place, value))).refused

        assert not refused or refused.error != "invalid_request", value
    before = await kept(world)
    for value in unfit:
        refused = (await world.ask(asking(kind, place, value))).refused

        assert refused, value
        assert (refused.status, refused.error) == (400, "invalid_request"), value
        assert NAMED.get(place, place.rsplit(".", maxsplit=1)[-1]) in refused.detail, value
    assert await kept(world) == before
    assert world.logged.getvalue() == ""


@pytest.mark.parametrize("kind", FIELDS)
async def test_half_a_character_is_no_text(kind: str) -> None:
    world = await begun()
    before = await kept(world)
    for place in FIELDS[kind]:
        for half in (r"\ud800", r"a\udc00", r"\udc00\ud800"):
            body = asking(kind, place, "@@").replace("@@", half)
            refused = (await world.ask(body)).refused

            assert refused, place
            assert (refused.status, refused.detail) == (400, "This is not JSON.")
    assert await kept(world) == before


async def test_a_quote_and_an_answer_at_their_limit_are_kept_whole() -> None:
    longest = "\u202e" + "x" * (TEXT_CHARACTERS - 1)
    world = World(Scripted((PhoneField("Your phone?"),)))
    quoting = asking("threads.create", "params.input", {**message(""), "quoted_text": longest})
    quoted, field = (asked := await world.ask(quoting)).items
    answered = await world.ask(answer_field(asked.thread_id, field["id"], longest))

    [replaced] = answered.of("thread.item.replaced")
    assert quoted["quoted_text"] == longest
    assert replaced["item"]["inputs"][0]["answer"]["values"] == [longest]


@pytest.mark.parametrize(
    "said",
    [
        {"answers": {"phone": {"values": ["x" * TEXT_CHARACTERS, "y"]}}},
        {"answers": {name: {"values": ["x" * 8_000]} for name in ("a", "b", "c")}},
        {**INPUT, "content": [{"type": "input_text", "text": "x" * 8_000}] * 3},
        {**INPUT, "content": [{**INPUT["content"][0], "text": "x" * (TEXT_CHARACTERS + 1)}]},
        {**INPUT, "quoted_text": "x" * (TEXT_CHARACTERS + 1)},
    ],
    ids=["values", "answers", "parts", "a tag", "a quote"],
)
async def test_all_that_one_message_says_counts(said: Json) -> None:
    kind = "threads.add_structured_input" if "answers" in said else "threads.add_user_message"
    world = await begun()
    before = await kept(world)
    refused = (await world.ask(asking(kind, "params.input", said))).refused

    assert refused
    assert (refused.status, refused.error) == (413, "too_large")
    assert await kept(world) == before


async def test_a_body_at_its_limit_is_read_and_not_one_byte_more() -> None:
    world = await begun()
    for over in (0, 1):
        empty = asking("threads.add_client_tool_output", "params.result", "")
        body = empty.replace('""', '"' + "x" * (BODY_BYTES - len(empty) + over) + '"')
        refused = (await world.ask(body)).refused

        assert refused
        assert refused.status == (413 if over else 422)


@pytest.mark.parametrize("character", ["x", "漢", "\U0001f600"])
async def test_names_are_cut_to_what_is_shown(character: str) -> None:
    world = await begun()
    for most, kind, name in ((120, "threads.update", "title"), (180, "attachments.create", "name")):
        for size in (most, most + 1):
            body = asking(kind, f"params.{name}", character * size)
            told = (await world.ask(body)).json

            assert told
            assert told[name] == character * most


async def test_where_a_chat_stands_is_told_whole_or_not_at_all() -> None:
    agent = Scripted()
    world = World(agent)
    page = "https://craigs.autos/" + "a" * 2027
    for told, locale in ((page, "e" * 35), (page + "a", "e" * 36)):
        where = {"page_url": told, "locale": locale}
        session = {"page_url": "https://craigs.autos/", "locale": "es"}
        await world.ask({**create("Hi"), "metadata": where}, **session)

    facts = [(moment.facts["page_url"], moment.facts["locale"]) for moment in agent.moments]
    assert facts == [(page, "e" * 35), ("https://craigs.autos/", "es")]


async def test_long_names_of_conversations_are_told_apart() -> None:
    world = World(Scripted())
    names = ("n" * 64, "n" * 65, "n" * 6_000 + "1", "n" * 6_000 + "2")
    threads = {(await world.ask(create("Hi", conversation=name))).thread_id for name in names}

    assert len(threads) == len(names)
    again = await world.ask(create("Seats", conversation=names[-1]))
    assert again.thread_id in threads
