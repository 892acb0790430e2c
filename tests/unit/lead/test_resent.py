"""A held lead that a person wants sent: the gates that would make it wait are overruled."""

from __future__ import annotations

import pytest

from libs.ledger.apply import apply
from libs.ledger.events import NotNow, OperatorResend, Refused
from libs.ledger.record import LeadKey, State
from libs.ledger.timing import DAY_SECONDS
from tests.unit.lead.world import READY_WORDS, SHOP, THREAD, World

KEY = LeadKey(SHOP, THREAD)


def hold(world: World, **fields: object) -> None:
    world.put_record(State.HELD, due_at=None, attempt=1, reason="mail_550", **fields)


async def test_what_they_looked_at_leaves_though_the_customer_spoke_just_now() -> None:
    world = World()
    world.say(READY_WORDS)
    world.wait(400)
    looked_at = await world.sends()
    world.wait(200)  # the mailer's lease is over
    hold(world)
    world.say("No, wait, I have no phone any more.")
    resend = OperatorResend(
        snapshot=looked_at.snapshot, last_item_id=looked_at.last_item_id, kind="full"
    )
    await apply(world.records, KEY, resend, world.clock)

    by_sweeper = await world.sends("quiet")

    assert (by_sweeper.snapshot, by_sweeper.last_item_id, by_sweeper.kind) == (
        looked_at.snapshot, looked_at.last_item_id, "full",
    )  # fmt: skip


async def test_what_they_looked_at_leaves_also_after_it_was_put_off() -> None:
    """Once greylisted, the gates asked for a quiet window, and closed over a number taken back."""
    world = World()
    world.say(READY_WORDS)
    world.wait(400)
    looked_at = await world.sends()
    world.wait(200)
    hold(world)
    world.say("No, wait, I have no phone any more.")
    resend = OperatorResend(snapshot=looked_at.snapshot, kind="full")
    await apply(world.records, KEY, resend, world.clock)
    greylisted = Refused(attempt=2, reason="rcpt_450", temporary=True, at_door=True)
    await apply(world.records, KEY, greylisted, world.clock)
    world.wait(60)

    assert (await world.sends("quiet")).snapshot == looked_at.snapshot


async def test_without_anything_fixed_the_gates_answer() -> None:
    world = World()
    world.say(READY_WORDS)
    hold(world)
    await apply(world.records, KEY, OperatorResend(), world.clock)

    assert (await world.decided("operator")).reason == "not_idle"
    world.wait(400)
    assert (await world.sends("quiet")).kind == "full"


@pytest.mark.parametrize("waited", [False, True])
async def test_nobody_to_reach_any_more_is_put_before_the_person_again(
    waited: bool,  # noqa: FBT001 - a case
) -> None:
    """It was closed, and nobody heard of it."""
    world = World()
    world.say("My seat is torn")
    world.wait(DAY_SECONDS + 600)
    hold(world)
    await apply(world.records, KEY, OperatorResend(), world.clock)
    if waited:
        look_again = NotNow(reason="missing_contact", due_at=world.clock.now())
        await apply(world.records, KEY, look_again, world.clock)

    answer = await world.decided("operator")

    assert answer.reason == "held"
    assert world.record
    assert (world.record.state, world.record.reason) == (State.HELD, "no_contact")
