"""The second way out: taken while the first refuses everybody, and only then."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from libs.ledger.record import State
from services.mailer.adapters.fallback import REST_SECONDS, FallbackTransport
from services.mailer.adapters.ses_errors import SENDER_NOT_VERIFIED
from services.mailer.fakes import FakeTransport
from services.mailer.ports import Accepted, Mail, NotPrepared, Outcome, Refused, Unknown, made
from tests.clock import HandClock
from tests.unit.mailer.parts import Mailroom
from tests.unit.mailer.test_handlers import answering


class Pair:
    def __init__(self) -> None:
        self.clock = HandClock()
        self.first = FakeTransport(self.clock, name="first")
        self.second = FakeTransport(self.clock, name="second")
        self.told: list[str] = []
        self.both = FallbackTransport(self.first, self.second, self.clock, self.tell)

    async def tell(self, cause: str) -> None:
        self.told.append(cause)

    async def post(self, attempt: int = 1, sender: str = "a@b.example") -> Outcome:
        async with self.both.prepare(made(mail(attempt, sender))) as ready:
            return await ready.send()


def mail(attempt: int = 1, sender: str = "a@b.example") -> Mail:
    return Mail(
        shop="craigs", thread_id="cthr_one", attempt=attempt, lid="lid-1", sender=sender,
        recipients=("c@d.example",), body=b"Subject: lead\r\n\r\n",
    )  # fmt: skip


@pytest.fixture
def pair() -> Pair:
    return Pair()


async def test_a_healthy_first_takes_every_mail(pair: Pair) -> None:
    await pair.post()

    assert (len(pair.first.accepted), len(pair.second.accepted)) == (1, 0)


async def test_a_refusal_at_the_door_moves_the_same_attempt(pair: Pair) -> None:
    pair.first.fault = answering(prepare=Refused("not_connected", provider_wide=True))

    outcome = await pair.post()

    assert isinstance(outcome, Accepted)
    assert [mail.attempt for mail in pair.second.accepted] == [1]
    assert pair.told == []


async def test_a_refusal_of_everybody_moves_the_next_attempt(pair: Pair) -> None:
    pair.first.fault = answering(send=Refused("sending_paused", True, tell=True))

    first, second = await pair.post(1), await pair.post(2)

    assert isinstance(first, Refused)
    assert isinstance(second, Accepted)
    assert pair.told == ["sending_paused"]
    assert pair.both.name == "second"


async def test_a_temporary_refusal_after_arm_moves_the_next_attempt(pair: Pair) -> None:
    """A server whose disk is full: nothing was taken."""
    pair.first.fault = answering(send=Refused("dot_452", temporary=True))

    await pair.post(1)
    await pair.post(2)

    assert [mail.attempt for mail in pair.second.accepted] == [2]


async def test_a_temporary_refusal_at_the_door_moves_this_mail_and_no_other(pair: Pair) -> None:
    """One recipient that is greylisted says nothing of the other shops'."""
    pair.first.fault = answering(prepare=Refused("rcpt_450", temporary=True))

    await pair.post(1)

    assert [mail.attempt for mail in pair.second.accepted] == [1]
    assert pair.both.name == "first"


async def test_what_the_first_said_of_this_mail_outlives_that_the_second_lets_nobody_in(
    pair: Pair,
) -> None:
    """It begins the mail's day, and its wait for a recipient: else neither would ever end."""
    pair.first.fault = answering(prepare=Refused("rcpt_450", temporary=True))
    pair.second.fault = answering(prepare=Refused("auth_535", provider_wide=True, tell=True))

    with pytest.raises(NotPrepared, match="rcpt_450"):
        await pair.post()

    assert pair.told == ["auth_535"]


async def test_a_recipient_whom_the_first_puts_off_is_reached_by_the_second(pair: Pair) -> None:
    pair.first.put_off = "rcpt_450"
    waiting = replace(mail(), waits_for_all=True)

    async with pair.both.prepare(made(waiting)) as ready:
        await ready.send()

    assert (ready.transport, ready.passed_over) == ("second", "")


async def test_a_recipient_whom_the_first_passes_over_is_named(pair: Pair) -> None:
    pair.first.put_off = "rcpt_450"

    async with pair.both.prepare(made(mail())) as ready:
        assert (ready.transport, ready.passed_over) == ("first", "rcpt_450")


async def test_a_sender_that_is_put_off_rests_for_itself(pair: Pair) -> None:
    pair.first.fault = answering(prepare=Refused("mail_450", temporary=True, of_sender=True))
    await pair.post(1)
    pair.first.fault = answering()

    await pair.post(2)
    await pair.post(3, sender="another@shop.example")

    assert [mail.attempt for mail in pair.second.accepted] == [1, 2]
    assert [mail.attempt for mail in pair.first.accepted] == [3]


async def test_a_sender_that_is_not_verified_moves_no_other_shop(pair: Pair) -> None:
    pair.first.fault = answering(send=SENDER_NOT_VERIFIED)
    refused = await pair.post(1)
    pair.first.fault = answering()

    await pair.post(2)
    await pair.post(3, sender="another@shop.example")

    assert refused == SENDER_NOT_VERIFIED
    assert pair.told == ["sender_not_verified"]
    assert [mail.attempt for mail in pair.second.accepted] == [2]
    assert [mail.attempt for mail in pair.first.accepted] == [3]
    pair.clock.at += REST_SECONDS
    await pair.post(4)
    assert [mail.attempt for mail in pair.first.accepted] == [3, 4]


async def test_after_its_rest_the_first_is_tried_again(pair: Pair) -> None:
    pair.first.fault = answering(prepare=Refused("not_connected", provider_wide=True))
    await pair.post(1)
    pair.first.fault = answering()
    pair.clock.at += REST_SECONDS

    await pair.post(2)

    assert [mail.attempt for mail in pair.first.accepted] == [2]


@pytest.mark.parametrize("outcome", [Refused("message_rejected"), Unknown("timeout")])
async def test_what_concerns_one_mail_moves_nobody(pair: Pair, outcome: Outcome) -> None:
    pair.first.fault = answering(send=outcome)

    assert await pair.post() == outcome
    assert pair.both.name == "first"
    assert pair.second.begun == []


async def test_a_mail_that_is_refused_at_the_door_for_itself_moves_nowhere(pair: Pair) -> None:
    pair.first.fault = answering(prepare=Refused("rcpt_550"))

    with pytest.raises(NotPrepared, match="rcpt_550"):
        await pair.post()

    assert pair.both.name == "first"
    assert pair.second.begun == []


async def test_a_second_that_refuses_too_prolongs_no_rest(pair: Pair) -> None:
    pair.first.fault = answering(prepare=Refused("not_connected", provider_wide=True))
    await pair.post(1)
    resting_until = pair.both.resting_until
    pair.clock.at += REST_SECONDS / 2
    pair.first.fault = answering()
    pair.second.fault = answering(prepare=Refused("auth_535", provider_wide=True, tell=True))

    await pair.post(2)

    assert pair.both.resting_until == resting_until
    assert [mail.attempt for mail in pair.first.accepted] == [2]


async def test_the_windows_are_those_of_the_transport_that_sends(pair: Pair) -> None:
    pair.first.fault = answering(prepare=Refused("not_connected", provider_wide=True))

    async with pair.both.prepare(made(mail())) as ready:
        assert (ready.transport, ready.windows) == ("second", pair.second.windows)


async def test_a_no_counts_only_from_both(pair: Pair) -> None:
    assert isinstance(await pair.both.fate(mail()), Unknown)
    pair.second.keyed = True
    assert isinstance(await pair.both.fate(mail()), Accepted)


async def test_a_lead_goes_out_by_the_second_in_the_same_delivery() -> None:
    room = Mailroom()
    await room.pending()
    first = room.provider
    first.fault = answering(prepare=Refused("not_connected", provider_wide=True))
    second = FakeTransport(room.clock, name="other")

    async def tell(_: str) -> None:
        raise AssertionError("nobody needs to know")

    room.transport = FallbackTransport(first, second, room.clock, tell)

    await room.handlers().send(room.wish())

    assert room.record.state is State.SENT
    assert [mail.attempt for mail in second.accepted] == [1]
