"""A lead whose conversation disappears: deleted history, another source, or forgotten."""

from __future__ import annotations

import pytest

from libs.ledger.apply import apply
from libs.ledger.events import OperatorResend
from libs.ledger.record import LeadKey, State
from libs.ledger.timing import DAY_SECONDS
from libs.messages.mail import SendLeadMail
from tests.unit.lead.world import READY_WORDS, SHOP, THREAD, World

KEY = LeadKey(SHOP, THREAD)


@pytest.fixture
async def world() -> World:
    """A lead was handed to the mailer, and then its conversation went away."""
    world = World()
    world.say(READY_WORDS)
    world.wait(400)
    await world.sends()
    world.conversations.threads.clear()
    world.wait(200)
    return world


def mail_of(world: World) -> SendLeadMail:
    (mail, *_) = [one for one in world.publisher.published if isinstance(one, SendLeadMail)]
    return mail


def fail(world: World, since: float = 90, **fields: object) -> None:
    """The mailer armed it and was refused."""
    now, mail = world.clock.at, mail_of(world)
    world.put_record(
        State.ERROR, due_at=now - 1, last_item_id=mail.last_item_id, snapshot=mail.snapshot,
        kind="full", tries=1, first_error_at=now - since, **fields,
    )  # fmt: skip


def lose_all(world: World) -> None:
    world.blobs.bodies.clear()
    world.blobs.infos.clear()


async def overdue(world: World) -> bool:
    return (await world.sweeper.overdue.once()).published > 0


async def test_mail_that_the_mailer_never_heard_of_goes_again(world: World) -> None:
    first = mail_of(world)

    mail = await world.sends("quiet")

    assert (mail.snapshot, mail.last_item_id, mail.kind) == (
        first.snapshot, first.last_item_id, "full",
    )  # fmt: skip


async def test_failed_mail_goes_again(world: World) -> None:
    fail(world)

    mail = await world.sends("quiet")

    assert mail.snapshot == mail_of(world).snapshot


async def test_failed_for_a_day_is_held_and_no_longer_asked_about(world: World) -> None:
    fail(world, since=DAY_SECONDS)

    answer = await world.decided("quiet")

    assert answer.reason == "held"
    assert world.record
    assert world.record.state is State.HELD


async def test_resend_by_an_operator_sends_what_was_held(world: World) -> None:
    fail(world, since=DAY_SECONDS)
    await world.decided("quiet")
    assert (await apply(world.records, KEY, OperatorResend(), world.clock)).wrote

    mail = await world.sends("operator")

    assert mail.snapshot == mail_of(world).snapshot


@pytest.mark.parametrize(
    ("resent", "reason"), [(False, "snapshot_missing"), (True, "conversation_gone")]
)
async def test_lead_of_which_nothing_is_left_is_never_mailed_and_put_before_a_person(
    world: World, *, resent: bool, reason: str
) -> None:
    fail(world)
    lose_all(world)
    await world.decided("quiet")
    if resent:
        assert (await apply(world.records, KEY, OperatorResend(), world.clock)).wrote
        await world.decided("operator")

    assert world.record
    assert (world.record.state, world.record.reason) == (State.HELD, reason)
    assert world.record.due_at is not None, "until a person was told"
    assert len([one for one in world.publisher.published if isinstance(one, SendLeadMail)]) == 1


async def test_conversation_without_a_lead_still_closes_as_before() -> None:
    world = World()
    world.say("My seat is torn.")
    await world.decided()
    world.conversations.threads.clear()
    world.wait(DAY_SECONDS + 600)

    await world.decided("quiet")

    assert world.record
    assert (world.record.state, world.record.reason) == (State.CLOSED, "gone")


async def test_customer_who_could_be_reached_is_put_before_a_person() -> None:
    """Deleted by the visitor, or the key moved to another project."""
    world = World()
    world.say("Hello, call me: 408-555-0123")
    world.wait(400)
    assert (await world.decided()).reason == "missing_project_details"
    kept = dict(world.conversations.threads)
    world.conversations.threads.clear()
    world.wait(7300)

    await world.decided("quiet")

    assert world.record
    assert (world.record.state, world.record.reason) == (State.HELD, "conversation_gone")
    assert world.record.due_at is not None, "until a person was told"
    world.conversations.threads.update(kept)
    assert (await apply(world.records, KEY, OperatorResend(), world.clock)).wrote
    assert (await world.sends("operator")).kind == "partial"


async def test_failed_mail_waits_for_newer_words_without_being_asked_every_half_minute(
    world: World,
) -> None:
    world.say(READY_WORDS)
    fail(world)

    answer = await world.decided("quiet")

    assert answer.reason == "cooldown"
    assert not await overdue(world)
    world.wait(306)
    assert await overdue(world)
    await world.sends("quiet")


async def test_failed_mail_whose_customer_took_the_number_back_ends_before_a_person(
    world: World,
) -> None:
    world.say("hello", speaker="assistant")
    fail(world)
    await world.decided("quiet")
    assert not await overdue(world)
    fail(world, since=60)
    world.wait(DAY_SECONDS)
    fail(world, since=60)

    answer = await world.decided("quiet")

    assert answer.reason == "held"
    assert not await overdue(world)


async def test_a_snapshot_that_cannot_be_read_is_put_before_a_person(world: World) -> None:
    world.blobs.bodies[mail_of(world).snapshot] = b'{"shop":"craigs"}'
    world.wait(DAY_SECONDS)

    assert (await world.decided("quiet")).reason == "held"
    assert world.record
    assert (world.record.state, world.record.reason) == (State.HELD, "snapshot_unreadable")
