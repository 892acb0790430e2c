"""What becomes of twenty conversations without any model."""

from __future__ import annotations

import pytest

from libs.conversations.items import read_items
from libs.conversations.port import Conversation
from libs.ledger.record import State
from libs.ledger.timing import DAY_SECONDS
from libs.messages.mail import SendLeadMail
from tests.transcripts import load, names, own_items
from tests.unit.lead.world import SHOP, THREAD, VISITOR, World


async def outcome(world: World) -> SendLeadMail | None:
    """A day of punctual timers."""
    for seconds in (301, 7200, DAY_SECONDS):
        world.wait(seconds)
        answer = await world.consider("quiet")
        if isinstance(answer, SendLeadMail):
            return answer
    return None


def world_with(name: str) -> World:
    world = World()
    reading = read_items(own_items(load(name), THREAD))
    conversation = Conversation(
        thread_id=THREAD, visitor=VISITOR, title=load(name).title, items=reading.items,
        unknown_items=reading.unknown_items,
    )  # fmt: skip
    world.conversations.put(SHOP, conversation)
    world.clock.at = reading.items[-1].at
    return world


@pytest.mark.parametrize("name", names())
async def test_conversation_ends_as_it_should(name: str) -> None:
    expect, world = load(name).expect, world_with(name)

    mail = await outcome(world)

    if expect["kind"] in {"no_contact", "empty"}:
        assert mail is None
        assert world.record
        assert (world.record.state, world.record.reason) == (State.CLOSED, expect["kind"])
        return
    assert mail
    assert mail.kind == expect["kind"]
    _check(world, mail, expect)


def _check(world: World, mail: SendLeadMail, expect: dict[str, object]) -> None:
    snapshot = world.snapshot(mail)
    summary = snapshot.summary
    first = {contact.kind: contact.value for contact in reversed(snapshot.contacts)}
    assert first.get("phone") == expect.get("phone", first.get("phone"))
    assert first.get("email") == expect.get("email", first.get("email"))
    assert (summary.customer_phone, summary.customer_email) == (
        first.get("phone"), first.get("email"),
    )  # fmt: skip
    assert summary.customer_name == expect.get("name", summary.customer_name)
    assert summary.vehicle == expect.get("vehicle", summary.vehicle)
    assert summary.customer_language == expect["language"]
    assert len(snapshot.photos) == expect.get("photos", 0)
    assert snapshot.unknown_items == expect.get("unknown", 0)
    assert len(summary.call_script_prompts) == 3
    assert summary.outreach_message
    assert "408" in summary.outreach_message


@pytest.mark.parametrize("name", ["quoting", "shops_own_number"])
async def test_number_that_is_not_theirs_is_no_contact(name: str) -> None:
    world = world_with(name)

    mail = await outcome(world)

    assert mail
    assert len(world.snapshot(mail).contacts) == 1
