"""A straight lead, and everything that may stand in its way."""

from __future__ import annotations

import pytest

from libs.ledger.record import State
from libs.messages.mail import LeadMailSent
from tests.unit.mailer.parts import THREAD, Mailroom


@pytest.fixture
async def room() -> Mailroom:
    made = Mailroom()
    await made.pending()
    return made


async def test_a_straight_lead_is_armed_sent_and_answered(room: Mailroom) -> None:
    await room.handlers().send(room.wish())

    assert [mail.attempt for mail in room.provider.accepted] == [1]
    assert room.record.state is State.SENT
    assert room.record.message_id == "fake-craigs.cthr_one.1"
    assert room.publisher.replies == [
        (
            "gateway-1",
            LeadMailSent(
                thread_id=THREAD, reason="idle", sent_at=room.clock.now(), visitor="v_1",
                request_id="req-1",
            ),
        )
    ]  # fmt: skip
