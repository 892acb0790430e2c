"""A person is told: once per cause and hour, of everything owed, by the other transport first."""

from __future__ import annotations

import asyncio
import email
import email.policy
from typing import get_args

import pytest

from libs.errors import Unavailable
from libs.leads.second_sender import SecondSender, read_trace
from libs.ledger.apply import apply
from libs.ledger.events import Accepted, Arm, Considered, GaveUp, HeldFor
from libs.ledger.record import LeadKey, LeadRecord, State
from libs.ledger.states import alert_owed
from libs.messages.mail import DeliveryEvent, SendLeadMail
from libs.streams.port import Delivery
from services.mailer.alerts import CAUSES, NAMED_THREADS, Alerts, alert_bytes
from services.mailer.loops import sweeping
from services.mailer.ports import Refused, Unknown
from tests.unit.mailer.parts import ALERTS_TO, KEY, SHOP, THREAD, Mailroom
from tests.unit.mailer.test_handlers import answering, break_redis, subjects

HOUR = 3600


@pytest.fixture
async def room() -> Mailroom:
    made = Mailroom()
    await made.pending()
    return made


def alerts(room: Mailroom) -> Alerts:
    return room.handlers().reports.alerts


async def held(
    room: Mailroom, thread: str, reason: HeldFor = "no_mail_could_be_built"
) -> LeadRecord:
    key = LeadKey(SHOP, thread)
    await apply(room.records, key, Considered(reason="idle", due_at=0.0), room.clock)
    await apply(room.records, key, GaveUp(reason=reason), room.clock)
    return room.records.leads[key]


async def sent_twice(room: Mailroom, thread: str) -> LeadRecord:
    """Nobody answered for the first mail."""
    key = LeadKey(SHOP, thread)
    await apply(room.records, key, Considered(reason="idle", due_at=0.0), room.clock)
    for attempt in (1, 2):
        arm = Arm(
            attempt=attempt, lid=f"n{attempt}", last_item_id="i1", transcript_ends_at="i1",
            snapshot="snap", content_hash="c", kind="full",
        )  # fmt: skip
        await apply(room.records, key, arm, room.clock)
        if attempt == 1:
            room.clock.at = room.records.leads[key].due_at or 0.0
    await apply(room.records, key, Accepted(attempt=2), room.clock)
    return room.records.leads[key]


async def test_says_what_happened_and_what_to_do_next(room: Mailroom) -> None:
    await alerts(room).settle(await held(room, "cthr_two"))

    sent = room.second.accepted[0]
    message = email.message_from_bytes(sent.body, policy=email.policy.default)
    assert message["Subject"] == "[handoff alert] no_mail_could_be_built (1)"
    assert message["To"] == ALERTS_TO
    assert sent.recipients == (ALERTS_TO,)
    assert sent.kind == "alert"
    assert "handoff why cthr_two" in message.get_content()
    assert message.get_content().splitlines()[-1] == "    handoff leads held"
    assert "X-Handoff-Thread" not in message


@pytest.mark.parametrize(
    ("count", "said"), [(NAMED_THREADS, "handoff why"), (NAMED_THREADS + 1, "handoff leads export")]
)
def test_bounced_leads_that_one_mail_does_not_name_are_found_by_the_export(
    count: int, said: str
) -> None:
    bounced = [
        LeadRecord(key=LeadKey(SHOP, f"cthr_{n}"), state=State.SENT, delivery="bounce")
        for n in range(count)
    ]

    body = alert_bytes("bounce", bounced, ("a@example.com", ALERTS_TO), 0.0).decode()

    assert body.splitlines()[-1].strip().startswith(said)


async def test_all_that_owe_the_same_are_in_one_mail(room: Mailroom) -> None:
    records = [await held(room, f"cthr_{n}") for n in range(3)]

    await alerts(room).settle(records[0])

    assert subjects(room) == ["[handoff alert] no_mail_could_be_built (3)"]
    assert all(alert_owed(record) == "" for record in room.records.leads.values())


async def test_each_lead_that_a_shop_may_have_twice_is_named_also_within_the_hour(
    room: Mailroom,
) -> None:
    await alerts(room).settle(await sent_twice(room, "cthr_1"))
    two = await sent_twice(room, "cthr_2")
    await alerts(room).settle(two)
    assert len(room.second.accepted) == 1
    room.clock.at += HOUR

    await alerts(room).settle(two)

    assert [b"why cthr_1" in mail.body for mail in room.second.accepted] == [True, False]
    assert b"why cthr_2" in room.second.accepted[1].body
    assert subjects(room) == ["[handoff alert] possible_duplicate (1)"] * 2
    assert alert_owed(room.records.leads[two.key]) == ""


@pytest.mark.parametrize("why", get_args(HeldFor))
def test_every_reason_of_our_own_has_words(why: str) -> None:
    body = alert_bytes(why, [], ("a@example.com", ALERTS_TO), 0.0).decode()

    assert why in CAUSES
    assert "provider's answer" not in body


async def test_an_alert_of_which_nobody_knows_is_told_again_in_an_hour_and_not_before(
    room: Mailroom,
) -> None:
    room.second.fault = answering(reply=Unknown("timeout"))
    record = await held(room, "cthr_1")
    for _ in range(3):
        await alerts(room).settle(record)
        room.clock.at += 60
    tries = len(room.second.accepted), len(room.provider.accepted)
    room.second.fault = answering()
    room.clock.at += HOUR

    await alerts(room).settle(record)

    assert tries == (1, 0)
    assert len(room.second.accepted) == 2
    assert alert_owed(room.records.leads[record.key]) == ""


async def test_an_alert_that_is_refused_after_arm_goes_by_the_other_transport(
    room: Mailroom,
) -> None:
    room.second.fault = answering(send=Refused("dot_452", temporary=True))

    await alerts(room).tell("sending_paused")

    assert [mail.kind for mail in room.provider.accepted] == ["alert"]


async def test_a_record_that_a_sweep_cannot_read_is_told(room: Mailroom) -> None:
    room.records.spoiled.add(KEY)
    room.clock.at += HOUR

    sweeps = asyncio.ensure_future(sweeping(room.sweep(), alerts(room), room.log, HOUR))
    while not room.second.accepted:
        await asyncio.sleep(0)
    sweeps.cancel()

    assert subjects(room) == ["[handoff alert] record_unreadable"]


async def test_one_mail_per_cause_and_hour(room: Mailroom) -> None:
    told = alerts(room)
    await told.settle(await held(room, "cthr_1"))
    await told.settle(await held(room, "cthr_2"))
    await told.settle(await held(room, "cthr_3", "snapshot_missing"))

    assert len(room.second.accepted) == 2
    assert alert_owed(room.records.leads[LeadKey(SHOP, "cthr_2")]) != ""


async def test_what_was_owed_within_the_hour_is_told_after_it(room: Mailroom) -> None:
    await alerts(room).settle(await held(room, "cthr_1"))
    await alerts(room).settle(await held(room, "cthr_2"))
    room.clock.at += HOUR

    await room.sweep().once()
    for _, message in room.publisher.scheduled.values():
        if isinstance(message, SendLeadMail):
            await room.handlers().send(Delivery(message=message, entry_id="swept"))

    assert len(room.second.accepted) == 2
    assert alert_owed(room.records.leads[LeadKey(SHOP, "cthr_2")]) == ""


@pytest.mark.parametrize(("seconds", "mails"), [(0, 1), (3_599, 1), (3_601, 2)])
async def test_another_process_keeps_the_same_hour(
    room: Mailroom, seconds: float, mails: int
) -> None:
    await alerts(room).tell("sending_paused")
    room.clock.at += seconds
    await alerts(room).tell("sending_paused")

    assert len(room.second.accepted) == mails


async def test_without_redis_each_process_keeps_its_own_hour(room: Mailroom) -> None:
    break_redis(room)
    told = alerts(room)

    await told.tell("sending_paused")
    await told.tell("sending_paused")

    assert len(room.second.accepted) == 1


async def test_goes_by_the_same_transport_when_the_other_one_refuses(room: Mailroom) -> None:
    room.second.fault = answering(prepare=Refused("not_connected", provider_wide=True))

    await alerts(room).tell("sending_paused")

    assert [mail.kind for mail in room.provider.accepted] == ["alert"]


async def test_an_alert_that_could_not_leave_is_still_owed(room: Mailroom) -> None:
    for transport in (room.second, room.provider):
        transport.fault = answering(prepare=Refused("not_connected", provider_wide=True))
    record = await held(room, "cthr_1")
    await alerts(room).settle(record)
    for transport in (room.second, room.provider):
        transport.fault = answering()

    await alerts(room).settle(record)

    assert "alert_not_sent" in room.logged
    assert len(room.second.accepted) == 1


async def test_without_an_address_the_log_line_is_the_alert(room: Mailroom) -> None:
    room.alerts_to = ""

    await alerts(room).settle(await held(room, "cthr_1"))

    assert room.second.accepted == []
    assert '"event":"alert"' in room.logged
    assert alert_owed(room.records.leads[LeadKey(SHOP, "cthr_1")]) == ""


async def test_a_failed_read_of_the_records_loses_no_alert_and_delays_none(room: Mailroom) -> None:
    record = await held(room, "cthr_1")

    async def down(method: str, _: object) -> None:
        raise Unavailable("records", "down")

    room.records._hook = down
    with pytest.raises(Unavailable):
        await alerts(room).settle(record)
    room.records._hook = None

    await alerts(room).settle(record)

    assert subjects(room) == ["[handoff alert] no_mail_could_be_built (1)"]
    assert alert_owed(room.records.leads[LeadKey(SHOP, "cthr_1")]) == ""


class TestDeliveryEvents:
    @staticmethod
    def event(
        kind: str, attempt: int = 1, thread: str = THREAD, message_id: str = "ses-1"
    ) -> Delivery[DeliveryEvent]:
        message = DeliveryEvent(
            shop=SHOP, thread_id=thread, attempt=attempt, event=kind, message_id=message_id, at=7.0
        )
        return Delivery(message=message, entry_id="event-1")

    @pytest.mark.parametrize("kind", ["send", "delivery", "delay"])
    async def test_settle_an_attempt_whose_reply_was_lost(self, room: Mailroom, kind: str) -> None:
        from services.mailer.ports import Unknown

        room.provider.fault = answering(reply=Unknown("timeout"))
        await room.handlers().send(room.wish())

        await room.handlers().delivered(self.event(kind))

        assert (room.record.state, room.record.sent_by) == (State.SENT, "event")
        assert room.record.message_id == "ses-1"
        assert room.second.accepted == []

    @pytest.mark.parametrize("kind", ["bounce", "complaint", "reject"])
    async def test_failures_after_acceptance_are_told(self, room: Mailroom, kind: str) -> None:
        await room.handlers().send(room.wish())

        failed = self.event(kind, message_id=room.record.message_id)
        await room.handlers().delivered(failed)
        await room.handlers().delivered(failed)

        assert (room.record.state, room.record.delivery) == (State.SENT, kind)
        assert subjects(room) == [f"[handoff alert] {kind} (1)"]

    async def test_of_an_attempt_that_was_never_armed_changes_nothing(self, room: Mailroom) -> None:
        await room.handlers().delivered(self.event("delivery", attempt=7))

        assert room.records.leads[KEY].state is State.PENDING
        assert subjects(room) == ["[handoff alert] unexpected_event"]
        assert await read_trace(room.blobs) == SecondSender(
            at=room.clock.now(), shop=SHOP, thread_id=THREAD, attempt=7, event="delivery"
        )

    async def test_of_our_attempt_under_another_id_is_a_second_installation(
        self, room: Mailroom
    ) -> None:
        await room.handlers().send(room.wish())

        await room.handlers().delivered(self.event("send", message_id="of another"))

        assert subjects(room) == ["[handoff alert] unexpected_event"]
        assert await read_trace(room.blobs)

    @pytest.mark.parametrize(("kind", "writes"), [("send", 0), ("delivery", 1), ("delay", 1)])
    async def test_of_our_own_mail_leave_no_trace_and_alert_nobody(
        self, room: Mailroom, kind: str, writes: int
    ) -> None:
        await room.handlers().send(room.wish())
        before = room.records.writes

        ours = self.event(kind, message_id=room.record.message_id)
        await room.handlers().delivered(ours)
        await room.handlers().delivered(ours)

        assert room.records.writes == before + writes
        assert subjects(room) == []
        assert await read_trace(room.blobs) is None

    async def test_of_an_ambiguous_earlier_attempt_settle_a_held_lead(self, room: Mailroom) -> None:
        from services.mailer.ports import Unknown

        room.policy = "never_two"
        room.provider.fault = answering(reply=Unknown("timeout"))
        await room.handlers().send(room.wish())
        room.clock.at += HOUR
        await room.handlers().send(room.wish())

        await room.handlers().delivered(self.event("delivery"))

        assert room.record.state is State.SENT
