"""A straight lead, and everything that may stand in its way."""

from __future__ import annotations

import asyncio
import json

import pytest
from msgspec.structs import replace

from libs.blobs.port import Blob
from libs.errors import Retryable, Unavailable
from libs.leads.snapshot import LeadSnapshot
from libs.leases.port import SentMark
from libs.ledger import events
from libs.ledger.apply import apply
from libs.ledger.fakes import Hook
from libs.ledger.record import State
from libs.ledger.timing import DAY_SECONDS, HISTORY_STEPS
from libs.messages.lead import ConsiderLead
from libs.messages.mail import LeadMailHeld, LeadMailSent
from libs.runtime import metrics as m
from services.mailer.fakes import Fault
from services.mailer.letter.shape import Rung
from services.mailer.ports import (
    Compose,
    Composed,
    Mail,
    Outcome,
    Receipt,
    Refused,
    Unknown,
    Variant,
)
from tests.unit.mailer.parts import KEY, LEASE, SHOP, THREAD, Mailroom, plain_compose

HOUR = 3600
RESOLVABLE = 300 + 1200 + 120
"""Seconds after ARM at which the resolver may act: fence, evidence, twice the skew."""


@pytest.fixture
async def room() -> Mailroom:
    made = Mailroom()
    await made.pending()
    return made


class TestStraight:
    async def test_a_lead_is_armed_sent_and_answered(self, room: Mailroom) -> None:
        await room.handlers().send(room.wish())

        assert [mail.attempt for mail in room.provider.accepted] == [1]
        assert room.record.state is State.SENT
        assert room.record.message_id == "fake-craigs.cthr_one.1"
        sent = LeadMailSent(
            thread_id=THREAD, reason="idle", sent_at=room.clock.now(), visitor="v_1",
            request_id="req-1",
        )  # fmt: skip
        assert room.publisher.replies == [("gateway-1", sent)]

    async def test_costs_three_record_writes(self, room: Mailroom) -> None:
        await room.handlers().send(room.wish())

        assert room.records.writes == 3

    async def test_costs_two_redis_commands_beside_the_reply(self, room: Mailroom) -> None:
        calls = counted(room)

        await room.handlers().send(room.wish())

        assert calls == ["extend", "mark"]

    async def test_the_bytes_are_stored_under_their_hash_before_they_are_armed(
        self, room: Mailroom
    ) -> None:
        kept: list[list[str]] = []

        async def before(method: str, record: object) -> None:
            if method == "write":
                kept.append([key for key in room.blobs.bodies if key.startswith("mail/")])

        room.records._hook = before

        await room.handlers().send(room.wish())

        assert kept[0][0].endswith(f".{room.record.content_hash}.eml")
        assert room.blobs.bodies[kept[0][0]] == room.provider.accepted[0].body

    async def test_goes_to_the_shop_and_to_nobody_else(self, room: Mailroom) -> None:
        await room.handlers().send(room.wish())

        shop = room.shops[SHOP]
        mail = room.provider.accepted[0]
        assert all(recipient in " ".join(shop.recipients) for recipient in mail.recipients)
        assert mail.sender in shop.sender

    async def test_leaves_a_mark_in_redis_and_nothing_in_the_journal(self, room: Mailroom) -> None:
        await room.handlers().send(room.wish())

        assert await room.marks.read(SHOP, THREAD) is not None
        assert room.journal.kept == {}

    async def test_takes_over_the_lease_of_the_lead_worker(self, room: Mailroom) -> None:
        await room.leases.take(f"{SHOP}:{THREAD}", LEASE, 120)

        await room.handlers().send(room.wish())

        assert room.record.state is State.SENT


class TestTwice:
    async def test_a_second_delivery_answers_from_the_record(self, room: Mailroom) -> None:
        await room.handlers().send(room.wish())

        await room.handlers().send(room.wish(attempt=2))

        assert len(room.provider.accepted) == 1
        assert len(room.publisher.replies) == 2
        assert all(isinstance(answer, LeadMailSent) for _, answer in room.publisher.replies)

    async def test_a_sent_lead_asks_nothing_of_a_lease_or_a_snapshot_that_are_not_to_be_had(
        self, room: Mailroom
    ) -> None:
        """Both are asked for beside its record, before anybody knows that they are not needed."""
        await room.handlers().send(room.wish())
        room.leases.held.clear()
        await room.leases.take(f"{SHOP}:{THREAD}", "somebody else", 120)
        asked: list[str] = []

        async def slowly(method: str, record: object) -> None:
            await asyncio.sleep(0.01)

        async def never(key: str) -> bytes:
            asked.append(key)
            await asyncio.Event().wait()
            raise AssertionError

        room.blobs.get = never  # type: ignore[method-assign]
        room.records._hook = slowly

        await room.handlers().send(room.wish(attempt=2))

        assert asked == [room.snapshot]
        assert len(room.publisher.replies) == 2
        assert [nonce for nonce, _ in room.leases.held.values()] == ["somebody else"]

    async def test_64_at_once_send_one(self, room: Mailroom) -> None:
        handlers = room.handlers()

        await asyncio.gather(*(handlers.send(room.wish()) for _ in range(64)))

        assert len(room.provider.accepted) == 1
        assert room.records.writes == 3

    async def test_a_different_living_lease_is_never_acked(self, room: Mailroom) -> None:
        await room.leases.take(f"{SHOP}:{THREAD}", "somebody else", 120)

        with pytest.raises(Retryable) as later:
            await room.handlers().send(room.wish())

        assert later.value.after_seconds == 120
        assert room.provider.begun == []

    async def test_an_attempt_in_flight_is_left_alone(self, room: Mailroom) -> None:
        room.provider.fault = answering(send=Unknown("timeout"))
        await room.handlers().send(room.wish())
        room.clock.at += RESOLVABLE - 1

        await room.handlers().send(room.wish(attempt=2))

        assert len(room.provider.begun) == 1
        answer = room.publisher.replies[-1][1]
        assert isinstance(answer, LeadMailHeld)
        assert answer.reason == "in_progress"


class TestOutages:
    async def test_redis_down_is_no_reason_to_wait(self, room: Mailroom) -> None:
        break_redis(room)

        await room.handlers().send(room.wish())

        assert room.record.state is State.SENT
        assert "redis_lost" in room.logged
        assert "Lead dedupe mark sent failed" in room.logged

    async def test_an_answer_that_cannot_be_given_is_no_failure(self, room: Mailroom) -> None:
        async def reply(*_: object) -> None:
            raise Unavailable("redis", "down")

        room.publisher.reply = reply  # type: ignore[method-assign]

        await room.handlers().send(room.wish())

        assert room.record.state is State.SENT

    async def test_the_record_store_down_before_arm_sends_nothing(self, room: Mailroom) -> None:
        room.records._hook = failing("read")

        with pytest.raises(Unavailable):
            await room.handlers().send(room.wish())

        assert room.provider.begun == []

    async def test_an_arm_that_cannot_be_read_back_sends_nothing(self, room: Mailroom) -> None:
        room.records._hook = failing("write")

        with pytest.raises(Unavailable):
            await room.handlers().send(room.wish())

        assert room.provider.begun == []

    async def test_an_arm_whose_reply_was_lost_is_read_back_and_sent(self, room: Mailroom) -> None:
        real, lost = room.records.write, [True]

        async def write(record: object, *, expected_version: int | None) -> bool:
            done = await real(record, expected_version=expected_version)  # type: ignore[arg-type]
            if lost:
                lost.pop()
                raise Unavailable("records", "reply lost")
            return done

        room.records.write = write  # type: ignore[method-assign]

        await room.handlers().send(room.wish())

        assert len(room.provider.accepted) == 1
        assert room.record.state is State.SENT

    async def test_a_receipt_is_retried_while_the_record_store_is_down(
        self, room: Mailroom
    ) -> None:
        async def reply(moment: str, _: Mail) -> Outcome | None:
            if moment == "reply":
                room.records._hook = failing("read", until=room.clock.now() + 30, room=room)
            return None

        room.provider.fault = reply

        await room.handlers().send(room.wish())

        assert room.record.state is State.SENT
        assert 30 <= sum(room.slept) <= 40

    async def test_a_receipt_that_cannot_be_written_for_ten_minutes_is_in_the_journal(
        self, room: Mailroom
    ) -> None:
        async def reply(moment: str, _: Mail) -> Outcome | None:
            if moment == "reply":
                room.records._hook = failing("read")
            return None

        room.provider.fault = reply
        with pytest.raises(Unavailable):
            await room.handlers().send(room.wish())
        assert sum(room.slept) > 600
        room.records._hook = None

        settled = await room.handlers().receipts.replay()

        assert settled == 1
        assert room.record.state is State.SENT
        assert len(room.provider.accepted) == 1
        assert room.journal.kept == {}

    async def test_a_wrong_clock_waits_and_tells(self, room: Mailroom) -> None:
        room.records.skew = -31.0

        with pytest.raises(Retryable, match="clock"):
            await room.handlers().send(room.wish())

        assert room.provider.begun == []
        assert subjects(room) == ["[handoff alert] clock_skewed"]

    async def test_a_mail_waits_ten_minutes_for_a_recipient_who_is_put_off(
        self, room: Mailroom
    ) -> None:
        room.provider.put_off, began = "rcpt_450", room.clock.now()
        await room.handlers().send(room.wish())

        while room.record.state is not State.SENT:
            room.clock.at = room.record.due_at or 0
            await room.handlers().send(room.wish())

        assert 600 <= room.clock.now() - began <= 1200
        assert [mail.attempt for mail in room.provider.accepted] == [1]
        assert room.record.tries == 0

    async def test_a_recipient_who_was_passed_over_is_told_of_and_the_lead_is_sent(
        self, room: Mailroom
    ) -> None:
        await put_off_for_ever(room)

        await room.handlers().send(room.wish())

        assert (room.record.state, room.record.delivery) == (State.SENT, "recipient_passed_over")
        assert subjects(room) == ["[handoff alert] recipient_passed_over (1)"]
        assert room.metrics.value(m.PASSED_OVER) == 1
        said = [json.loads(line) for line in room.out.getvalue().splitlines()]
        [line] = [each for each in said if each["event"] == "recipient_passed_over"]
        assert (line["code"], line["shop"], line["thread_id"]) == ("rcpt_450", SHOP, THREAD)

    async def test_a_recipient_who_was_passed_over_is_told_of_though_the_sender_died(
        self, room: Mailroom
    ) -> None:
        """Between the provider's yes and the record: only a mark in Redis says that it left."""
        await put_off_for_ever(room)
        room.provider.fault = answering(reply=Unknown("died"))
        await room.handlers().send(room.wish())
        mark = SentMark(visitor="v_1", sent_at=room.clock.now(), lid=room.record.lid)
        await room.marks.mark(SHOP, THREAD, mark)

        await room.handlers().send(room.wish())

        assert (room.record.state, room.record.delivery) == (State.SENT, "recipient_passed_over")
        assert subjects(room) == ["[handoff alert] recipient_passed_over (1)"]

    async def test_a_lead_whose_shop_is_gone_is_held_and_told(self, room: Mailroom) -> None:
        room.shops = {}

        for _ in range(2):
            await room.handlers().send(room.wish())
            room.clock.at += HOUR

        assert (room.record.state, room.record.reason) == (State.HELD, "unknown_shop")
        assert subjects(room) == ["[handoff alert] unknown_shop (1)"]

    async def test_an_attempt_of_a_shop_that_is_gone_is_left_to_a_person(
        self, room: Mailroom
    ) -> None:
        room.provider.fault = answering(reply=Unknown("timeout"))
        await room.handlers().send(room.wish())
        room.shops = {}

        for _ in range(2):
            room.clock.at += HOUR
            await room.handlers().send(room.wish())

        assert (room.record.state, room.record.reason) == (State.HELD, "unknown_shop")
        assert room.record.ambiguous == (1,)
        assert len(room.provider.accepted) == 1

    async def test_an_attempt_of_a_shop_that_a_newer_mailer_knows_is_its_to_settle(
        self, room: Mailroom
    ) -> None:
        """A deploy that adds a shop: an old process may be the first to find the copy due."""
        room.provider.fault = answering(reply=Unknown("timeout"))
        await room.handlers().send(room.wish())
        room.provider.fault = answering()
        known, room.shops = room.shops, {}
        room.clock.at += HOUR
        await room.handlers().send(room.wish())
        room.shops = known
        room.clock.at += HOUR

        await room.handlers().send(room.wish())

        assert room.record.state is State.SENT
        assert room.record.possible_duplicate


class TestLateness:
    async def test_prepared_too_long_ago_is_not_armed(self, room: Mailroom) -> None:
        async def slow(method: str, _: str) -> None:
            room.clock.asleep += 31

        room.conversations._hook = slow

        with pytest.raises(Retryable):
            await room.handlers().send(room.wish())

        assert room.record.state is State.PENDING
        assert room.provider.begun == []

    async def test_asleep_between_arm_and_send_stops_and_stays_sending(
        self, room: Mailroom
    ) -> None:
        async def sleepy(method: str, _: object) -> None:
            if method == "write":
                room.clock.asleep += 3000

        room.records._hook = sleepy

        await room.handlers().send(room.wish())

        assert room.provider.begun == []
        assert room.record.state is State.SENDING

    async def test_newer_items_are_considered_first(self, room: Mailroom) -> None:
        room.say("item_3")

        await room.handlers().send(room.wish())

        assert room.provider.begun == []
        assert room.record.state is State.PENDING
        assert room.publisher.published == [
            ConsiderLead(
                shop=SHOP, thread_id=THREAD, reason="idle", visitor="v_1", request_id="req-1"
            )
        ]
        assert room.leases.held == {}

    async def test_what_a_person_wants_sent_leaves_whatever_was_said_and_whoever_is_silent(
        self, room: Mailroom
    ) -> None:
        await apply(room.records, KEY, events.GaveUp(reason="mail_550"), room.clock)
        wanted = events.OperatorResend(snapshot=room.snapshot, last_item_id="item_2", kind="full")
        await apply(room.records, KEY, wanted, room.clock)
        room.say("item_3")
        room.conversations._hook = failing("last_item_id")

        await room.handlers().send(room.wish())

        assert len(room.provider.accepted) == 1
        assert room.record.state is State.SENT

    async def test_a_conversation_that_is_gone_has_not_changed(self, room: Mailroom) -> None:
        room.conversations.threads.clear()

        await room.handlers().send(room.wish())

        assert room.record.state is State.SENT
        assert len(room.provider.begun) == 1

    async def test_forgotten_while_its_mail_was_built_is_not_sent(self, room: Mailroom) -> None:
        async def forgotten(method: str, _: str) -> None:
            room.conversations.threads.clear()
            room.blobs.bodies.clear()
            room.blobs.infos.clear()

        room.conversations._hook = forgotten

        await room.handlers().send(room.wish())

        assert room.provider.begun == []
        assert (room.record.state, room.record.reason) == (State.HELD, "snapshot_missing")

    @pytest.mark.parametrize("policy", ["never_zero", "never_two"])
    async def test_forgotten_while_its_mail_was_on_its_way_ends_and_nobody_is_told(
        self, room: Mailroom, policy: str
    ) -> None:
        room.provider.fault = answering(reply=Unknown("timeout"))
        await room.handlers().send(room.wish())
        await apply(room.records, KEY, events.OperatorClose(reason="forgotten"), room.clock)
        room.conversations.threads.clear()
        room.blobs.bodies.clear()
        room.blobs.infos.clear()
        room.policy = policy
        room.clock.at += HOUR

        await room.handlers().send(room.wish())

        assert (room.record.state, room.record.reason) == (State.CLOSED, "forgotten")
        assert len(room.provider.begun) == 1
        assert subjects(room) == []

    async def test_whoever_waits_hears_what_the_gates_say_then(self, room: Mailroom) -> None:
        passed_on: list[dict[str, object]] = []

        async def publish(_: object, **given: object) -> None:
            passed_on.append(given)

        room.publisher.publish = publish  # type: ignore[method-assign]
        room.say("item_3")

        await room.handlers().send(replace(room.wish(), deadline=9.0))

        assert passed_on == [{"reply_to": "gateway-1", "deadline": 9.0}]

    async def test_a_thread_without_a_record_is_considered_first(self, room: Mailroom) -> None:
        room.records.leads.clear()

        await room.handlers().send(room.wish())

        assert isinstance(room.publisher.published[0], ConsiderLead)

    async def test_a_mail_built_before_a_long_sleep_never_leaves_as_a_later_attempt(
        self, room: Mailroom
    ) -> None:
        """It says that it is the first, and that it is no copy: neither is true any more."""

        async def slept_through_two_attempts(snapshot: LeadSnapshot, variant: Variant) -> Composed:
            room.compose = plain_compose
            room.provider.fault = answering(reply=Unknown("reset"))
            await room.handlers().send(room.wish())
            room.clock.at += RESOLVABLE
            room.provider.fault = answering(prepare=Refused("550"))
            await room.handlers().send(room.wish(attempt=2))
            room.clock.at += 120
            room.provider.fault = answering()
            return await plain_compose(snapshot, variant)

        room.compose = slept_through_two_attempts

        await room.handlers().send(room.wish())

        assert [mail.attempt for mail in room.provider.accepted] == [1]
        assert room.record.state is State.ERROR

        await room.handlers().send(room.wish(attempt=3))

        assert room.provider.accepted[1].body.startswith(b"Subject: (possible copy)")
        assert room.record.state is State.SENT


class TestRefusals:
    async def test_a_refusal_waits_and_counts(self, room: Mailroom) -> None:
        room.provider.fault = answering(send=Refused("message_rejected"))

        await room.handlers().send(room.wish())

        assert (room.record.state, room.record.tries) == (State.ERROR, 1)
        answer = room.publisher.replies[-1][1]
        assert isinstance(answer, LeadMailHeld)
        assert answer.reason == "cooldown"
        assert answer.retry_after
        assert "Lead email failed" in room.logged

    async def test_a_refusal_at_the_door_arms_nothing(self, room: Mailroom) -> None:
        room.provider.fault = answering(prepare=Refused("not_connected", provider_wide=True))

        await room.handlers().send(room.wish())

        assert (room.record.state, room.record.attempt) == (State.ERROR, 0)
        assert room.record.tries == 0

    async def test_a_refusal_at_the_door_says_nothing_of_what_another_sender_armed_meanwhile(
        self, room: Mailroom
    ) -> None:
        async def others_are_quicker(moment: str, _: Mail) -> Outcome | None:
            if moment != "prepare":
                return None
            room.provider.fault = answering(reply=Unknown("timeout"))
            await room.handlers().send(room.wish())
            return Refused("not_connected", provider_wide=True)

        room.provider.fault = others_are_quicker

        await room.handlers().send(room.wish())

        assert [mail.attempt for mail in room.provider.accepted] == [1]
        assert (room.record.state, room.record.attempt) == (State.SENDING, 1)

    async def test_after_the_cooldown_the_next_attempt_goes_out_unflagged(
        self, room: Mailroom
    ) -> None:
        room.provider.fault = answering(send=Refused("throttled", provider_wide=True))
        await room.handlers().send(room.wish())
        room.provider.fault = answering()
        room.clock.at += HOUR

        await room.handlers().send(room.wish())

        assert [mail.attempt for mail in room.provider.accepted] == [2]
        assert not room.record.possible_duplicate

    async def test_eight_refusals_put_the_lead_before_a_person(self, room: Mailroom) -> None:
        room.provider.fault = answering(send=Refused("message_rejected"))
        for _ in range(8):
            await room.handlers().send(room.wish())
            room.clock.at += HOUR

        assert room.record.state is State.HELD
        assert subjects(room) == ["[handoff alert] message_rejected (1)"]
        assert "lead_held" in room.logged
        assert room.metrics.value(m.HELD, "message_rejected") == 1
        assert room.metrics.value(m.MAILS, "fake", "refused") == 8

    async def test_a_provider_that_never_answers_is_told_after_a_day(self, room: Mailroom) -> None:
        """Each of its refusals may heal by itself, so none of them is worth an alert."""
        room.provider.fault = answering(prepare=Refused("not_connected", provider_wide=True))
        for _ in range(HISTORY_STEPS):
            await room.handlers().send(room.wish())
            room.clock.at += HOUR / 2
        early = subjects(room)
        room.clock.at += DAY_SECONDS

        await room.handlers().send(room.wish())

        assert early == []
        assert room.record.state is State.ERROR
        assert subjects(room) == ["[handoff alert] not_connected"]

    @pytest.mark.parametrize("moment", ["prepare", "send"])
    @pytest.mark.parametrize("no", [Refused("lost", True), Refused("dot_451", temporary=True)])
    async def test_a_day_of_refusals_leaves_a_handful_of_tries_and_no_copies(
        self, room: Mailroom, moment: str, no: Refused
    ) -> None:
        tries = [0]

        async def refusing(now: str, _: Mail) -> Outcome | None:
            tries[0] += now == moment
            return no if now == moment else None

        room.provider.fault = refusing
        ends = room.clock.now() + DAY_SECONDS - 60
        while room.clock.now() < ends:
            await room.handlers().send(room.wish())
            assert room.record.due_at is not None
            room.clock.at = room.record.due_at + 15

        assert tries[0] < 72
        assert room.record.snapshot == room.snapshot
        assert copies(room) == []

    async def test_a_copy_that_cannot_be_removed_changes_nothing(self, room: Mailroom) -> None:
        async def down(_: str) -> bool:
            raise Unavailable("blobs", "down")

        room.blobs.delete = down  # type: ignore[method-assign]
        room.provider.fault = answering(send=Refused("throttled", provider_wide=True))

        await room.handlers().send(room.wish())

        assert room.record.state is State.ERROR
        assert len(copies(room)) == 1
        assert "copy_not_dropped" in room.logged

    async def test_a_paused_account_is_told_while_mails_wait(self, room: Mailroom) -> None:
        room.provider.fault = answering(send=Refused("sending_paused", True, tell=True))

        await room.handlers().send(room.wish())

        assert room.record.state is State.ERROR
        assert subjects(room) == ["[handoff alert] sending_paused"]


class TestUnknown:
    @pytest.fixture
    async def lost(self, room: Mailroom) -> Mailroom:
        """The provider took it; its reply never came."""
        room.provider.fault = answering(reply=Unknown("timeout"))
        await room.handlers().send(room.wish())
        room.provider.fault = answering()
        return room

    async def test_writes_nothing(self, lost: Mailroom) -> None:
        assert lost.record.state is State.SENDING
        assert lost.records.writes == 2

    async def test_never_zero_sends_a_flagged_copy_after_the_windows(self, lost: Mailroom) -> None:
        lost.clock.at += RESOLVABLE

        await lost.handlers().send(lost.wish())

        assert [mail.attempt for mail in lost.provider.accepted] == [1, 2]
        assert b"(possible copy)" in lost.provider.accepted[1].body
        assert (lost.record.state, lost.record.ambiguous) == (State.SENT, (1,))
        assert lost.record.possible_duplicate
        assert "possible_duplicate" in lost.logged

    async def test_a_third_silence_is_held_and_told(self, lost: Mailroom) -> None:
        lost.provider.fault = answering(reply=Unknown("timeout"))
        for _ in range(4):
            lost.clock.at += RESOLVABLE + HOUR
            await lost.handlers().send(lost.wish())

        assert [mail.attempt for mail in lost.provider.accepted] == [1, 2, 3]
        assert (lost.record.state, lost.record.reason) == (State.HELD, "ambiguous")
        assert subjects(lost) == ["[handoff alert] ambiguous (1)"]

    async def test_a_copy_that_was_taken_is_told_of_once_it_has_left(self, lost: Mailroom) -> None:
        async def nobody_was_told(_: str, __: Mail) -> Outcome | None:
            assert subjects(lost) == []
            return None

        lost.provider.fault = nobody_was_told
        lost.clock.at += RESOLVABLE

        await lost.handlers().send(lost.wish())

        assert lost.record.state is State.SENT
        assert subjects(lost) == ["[handoff alert] possible_duplicate (1)"]

    async def test_a_copy_that_stayed_here_is_not_told_of(self, lost: Mailroom) -> None:
        async def sleepy(method: str, _: object) -> None:
            if method == "write":
                lost.clock.asleep += 3000

        lost.records._hook = sleepy
        lost.clock.at += RESOLVABLE

        await lost.handlers().send(lost.wish())

        assert (lost.record.state, lost.record.attempt) == (State.SENDING, 2)
        assert "slept_before_sending" in lost.logged
        assert subjects(lost) == []

    async def test_never_two_holds_it_and_tells(self, lost: Mailroom) -> None:
        lost.policy = "never_two"
        lost.clock.at += RESOLVABLE

        await lost.handlers().send(lost.wish())

        assert len(lost.provider.accepted) == 1
        assert lost.record.state is State.HELD
        assert subjects(lost) == ["[handoff alert] ambiguous (1)"]

    async def test_a_receipt_that_turns_up_after_its_copy_was_refused_ends_the_copies(
        self, lost: Mailroom
    ) -> None:
        """It lay on the machine whose mailer slept; the copy was tried by another."""
        lost.clock.at += RESOLVABLE
        lost.provider.fault = answering(send=Refused("554"))
        await lost.handlers().send(lost.wish())
        assert (lost.record.state, lost.record.ambiguous) == (State.ERROR, (1,))
        receipt = Receipt(shop=SHOP, thread_id=THREAD, attempt=1, at=lost.clock.now())
        await lost.journal.write(receipt)
        lost.clock.at += HOUR
        lost.provider.fault = answering()

        await lost.handlers().send(lost.wish())

        assert [mail.attempt for mail in lost.provider.accepted] == [1]
        assert lost.record.state is State.SENT

    @pytest.mark.parametrize("copy", [Refused("554"), Unknown("timeout")], ids=lambda one: one.code)
    async def test_a_mark_of_the_first_attempt_that_turns_up_after_its_copy_ends_the_copies(
        self, lost: Mailroom, copy: Refused | Unknown
    ) -> None:
        """Its sender slept before it marked, and died with its machine right after."""
        mark = SentMark(visitor="v_1", sent_at=lost.clock.now(), lid=lost.record.lid)
        lost.clock.at += RESOLVABLE
        lost.provider.fault = answering(send=copy)
        await lost.handlers().send(lost.wish())
        await lost.marks.mark(SHOP, THREAD, mark)
        lost.clock.at += HOUR
        lost.provider.fault = answering()

        await lost.handlers().send(lost.wish())

        assert [mail.attempt for mail in lost.provider.accepted] == [1]
        assert lost.record.state is State.SENT

    async def test_newer_items_do_not_stop_the_copy(self, lost: Mailroom) -> None:
        lost.say("item_9")
        lost.clock.at += RESOLVABLE

        await lost.handlers().send(lost.wish())

        assert lost.record.state is State.SENT

    async def test_a_conversation_that_cannot_be_read_does_not_stop_it(
        self, lost: Mailroom
    ) -> None:
        lost.conversations._hook = failing("last_item_id")
        lost.clock.at += RESOLVABLE

        await lost.handlers().send(lost.wish())

        assert lost.record.state is State.SENT

    async def test_the_provider_is_not_asked_before_the_windows_are_over(
        self, lost: Mailroom
    ) -> None:
        lost.provider.keyed = True

        await lost.handlers().send(lost.wish(attempt=2))

        assert lost.record.state is State.SENDING

    async def test_the_copy_is_of_the_snapshot_that_was_armed(self, lost: Mailroom) -> None:
        lost.clock.at += RESOLVABLE
        wish = lost.wish()
        other = replace(wish.message, snapshot="snapshots/craigs/cthr_one/other.json")

        await lost.handlers().send(replace(wish, message=other))

        assert lost.record.state is State.SENT
        assert lost.record.snapshot == lost.snapshot

    async def test_is_counted(self, lost: Mailroom) -> None:
        lost.clock.at += RESOLVABLE

        await lost.handlers().send(lost.wish())

        counted = lost.metrics.value
        assert counted(m.MAILS, "fake", "unknown") == 1
        assert counted(m.MAILS, "fake", "accepted") == 1
        assert counted(m.POSSIBLE_DUPLICATES) == 1

    async def test_a_provider_with_keys_is_asked_instead(self, lost: Mailroom) -> None:
        lost.provider.keyed = True
        lost.clock.at += RESOLVABLE

        await lost.handlers().send(lost.wish())

        assert len(lost.provider.accepted) == 1
        assert lost.record.state is State.SENT
        assert not lost.record.possible_duplicate

    async def test_a_copy_that_cannot_be_built_is_held(self, lost: Mailroom) -> None:
        lost.blobs.bodies.pop(lost.snapshot)
        lost.clock.at += RESOLVABLE

        await lost.handlers().send(lost.wish())

        assert lost.record.state is State.HELD
        assert subjects(lost) == ["[handoff alert] ambiguous (1)"]


class TestCancelled:
    async def test_a_send_in_flight_ends_and_its_receipt_is_kept(self, room: Mailroom) -> None:
        reached, answer = asyncio.Event(), asyncio.Event()

        async def slow(moment: str, _: Mail) -> Outcome | None:
            if moment == "reply":
                reached.set()
                await answer.wait()
            return None

        room.provider.fault = slow
        task = asyncio.create_task(room.handlers().send(room.wish()))
        await reached.wait()
        task.cancel()
        answer.set()
        with pytest.raises(asyncio.CancelledError):
            await task

        await room.handlers().send(room.wish(attempt=2))

        assert len(room.provider.accepted) == 1
        assert room.record.state is State.SENT


class TestLadder:
    async def test_a_broken_photo_costs_the_photos_not_the_lead(self, room: Mailroom) -> None:
        room.compose = breaking("FULL")

        await room.handlers().send(room.wish())

        assert b"WITHOUT_ATTACHMENTS" in room.provider.accepted[0].body

    async def test_the_plainest_mail_is_the_last_rung(self, room: Mailroom) -> None:
        room.compose = breaking("FULL", "WITHOUT_ATTACHMENTS", "WITHOUT_SUMMARY")

        await room.handlers().send(room.wish())

        assert b"PLAIN" in room.provider.accepted[0].body

    async def test_when_nothing_can_be_built_a_person_is_told(self, room: Mailroom) -> None:
        room.compose = breaking("FULL", "WITHOUT_ATTACHMENTS", "WITHOUT_SUMMARY", "PLAIN")

        await room.handlers().send(room.wish())

        assert room.record.state is State.HELD
        assert subjects(room) == ["[handoff alert] no_mail_could_be_built (1)"]

    async def test_what_a_provider_refuses_for_its_content_is_plainer_the_next_time(
        self, room: Mailroom
    ) -> None:
        offered = list[bytes]()

        async def only_plain(moment: str, mail: Mail) -> Outcome | None:
            if moment != "send":
                return None
            offered.append(mail.body.splitlines()[-1])
            return None if b"PLAIN" in mail.body else Refused("too_large", of_content=True)

        room.provider.fault = only_plain
        for _ in range(4):
            await room.handlers().send(room.wish())
            room.clock.at += HOUR

        assert offered == [rung.name.encode() for rung in Rung]
        assert room.record.state is State.SENT

    @pytest.mark.parametrize(
        "refused",
        [
            Refused("rcpt_550"),
            Refused("body_lost", of_content_if_again=True),
            Refused("dot_452", temporary=True),
            Refused("throttled", provider_wide=True),
        ],
    )
    async def test_a_refusal_for_anything_else_costs_no_photo(
        self, room: Mailroom, refused: Refused
    ) -> None:
        room.provider.fault = answering(send=refused)
        await room.handlers().send(room.wish())
        room.provider.fault = answering()
        room.clock.at += HOUR

        await room.handlers().send(room.wish())

        assert b"FULL" in room.provider.accepted[0].body

    async def test_bytes_that_were_refused_at_the_door_are_not_taken_up_again(
        self, room: Mailroom
    ) -> None:
        """The attempt was never armed, so its number and its kept bytes are the next one's too."""
        room.provider.fault = answering(prepare=Refused("mail_552", of_content=True))
        await room.handlers().send(room.wish())
        room.provider.fault = answering()
        room.clock.at += HOUR

        await room.handlers().send(room.wish(attempt=2))

        [mail] = room.provider.accepted
        assert (mail.attempt, mail.body.splitlines()[-1]) == (1, b"WITHOUT_ATTACHMENTS")

    async def test_a_build_that_kills_its_process_goes_down_by_deliveries(
        self, room: Mailroom
    ) -> None:
        room.compose = breaking("FULL", "WITHOUT_ATTACHMENTS", "WITHOUT_SUMMARY", error=Killed)
        for attempt in range(1, 5):
            with pytest.raises(Killed):
                await room.handlers().send(room.wish(attempt=attempt))

        await room.handlers().send(room.wish(attempt=5))

        assert b"PLAIN" in room.provider.accepted[0].body

    async def test_an_outage_at_the_door_costs_no_photo_but_a_build_that_never_ended_does(
        self, room: Mailroom
    ) -> None:
        """Until its attempt is armed, each redelivery builds it anew."""
        room.compose = breaking("FULL", error=Killed)
        with pytest.raises(Killed):
            await room.handlers().send(room.wish(attempt=2))
        room.provider.fault = answering(prepare=Refused("connect_timeout", provider_wide=True))
        for attempt in range(3, 7):
            await room.handlers().send(room.wish(attempt=attempt))
            room.clock.at += HOUR
        room.provider.fault = answering()

        await room.handlers().send(room.wish(attempt=7))

        assert b"WITHOUT_ATTACHMENTS" in room.provider.accepted[0].body

    async def test_a_note_that_cannot_be_taken_back_keeps_no_mail(
        self, room: Mailroom, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put = room.blobs.put

        async def once(key: str, body: bytes, *, content_type: str) -> None:
            if not body:
                raise Unavailable("blobs", "down")
            await put(key, body, content_type=content_type)

        monkeypatch.setattr(room.blobs, "put", once)

        await room.handlers().send(room.wish(attempt=2))

        assert b"FULL" in room.provider.accepted[0].body
        assert "build_still_noted" in room.logged

    async def test_an_outage_elsewhere_does_not_cost_the_photos(self, room: Mailroom) -> None:
        room.records._hook = failing("read")
        for attempt in range(1, 9):
            with pytest.raises(Unavailable):
                await room.handlers().send(room.wish(attempt=attempt))
        room.records._hook = None

        await room.handlers().send(room.wish(attempt=9))

        assert b"FULL" in room.provider.accepted[0].body

    @pytest.mark.parametrize("outage", ["clock", "conversations"])
    async def test_an_outage_behind_the_build_does_not_cost_the_photos(
        self, room: Mailroom, monkeypatch: pytest.MonkeyPatch, outage: str
    ) -> None:
        put, last_item_id = room.blobs.put, room.conversations.last_item_id

        async def slow(key: str, body: bytes, *, content_type: str) -> None:
            await asyncio.sleep(0.01)
            await put(key, body, content_type=content_type)

        async def down(*_: str) -> str:
            raise Unavailable("conversations", "down")

        monkeypatch.setattr(room.blobs, "put", slow)
        if outage == "clock":
            room.records.skew = -31
        else:
            monkeypatch.setattr(room.conversations, "last_item_id", down)
        for attempt in range(1, 5):
            with pytest.raises((Retryable, Unavailable)):
                await room.handlers().send(room.wish(attempt=attempt))
        room.records.skew = None
        monkeypatch.setattr(room.conversations, "last_item_id", last_item_id)

        await room.handlers().send(room.wish(attempt=5))

        assert b"FULL" in room.provider.accepted[0].body

    async def test_a_blob_store_that_is_down_is_waited_for(self, room: Mailroom) -> None:
        async def down(*_: object) -> Composed:
            raise Unavailable("blobs", "down")

        room.compose = down

        with pytest.raises(Unavailable):
            await room.handlers().send(room.wish())

        assert room.record.state is State.PENDING

    async def test_a_retry_sends_the_bytes_that_were_built_before_a_deploy(
        self, room: Mailroom
    ) -> None:
        room.records._hook = failing("write")
        with pytest.raises(Unavailable):
            await room.handlers().send(room.wish())
        room.records._hook = None

        async def deployed(snapshot: LeadSnapshot, variant: Variant) -> Composed:
            return Composed(b"Subject: another template\r\n\r\n")

        room.compose = deployed

        await room.handlers().send(room.wish(attempt=2))

        assert b"FULL" in room.provider.accepted[0].body

    async def test_no_mail_is_kept_before_what_its_links_open(self, room: Mailroom) -> None:
        """A later delivery sends the mail that it finds, and makes no link anew."""

        async def linking(snapshot: LeadSnapshot, variant: Variant) -> Composed:
            plain = await plain_compose(snapshot, variant)
            return Composed(plain.body, (Blob("message-links/one.json", b"{}", "text/plain"),))

        room.compose = linking
        before = set(room.blobs.bodies)

        await room.handlers().send(room.wish())

        link, mail = (key for key in room.blobs.bodies if key not in before)
        assert link == "message-links/one.json"
        assert mail.endswith(".eml")

    async def test_stored_bytes_that_are_torn_are_built_again(self, room: Mailroom) -> None:
        room.records._hook = failing("write")
        with pytest.raises(Unavailable):
            await room.handlers().send(room.wish())
        room.records._hook = None
        for key in room.blobs.bodies:
            if key.endswith(".eml"):
                room.blobs.bodies[key] = b"torn"

        await room.handlers().send(room.wish(attempt=2))

        assert b"FULL" in room.provider.accepted[0].body


class Killed(BaseException):
    """The process is gone: nothing below it runs."""


async def put_off_for_ever(room: Mailroom) -> None:
    """One of the recipients, and the wait for them is over."""
    room.provider.put_off = "rcpt_450"
    await room.handlers().send(room.wish())
    room.clock.at += HOUR


def answering(
    *, prepare: Refused | None = None, send: Outcome | None = None, reply: Outcome | None = None
) -> Fault:
    answers = {"prepare": prepare, "send": send, "reply": reply}

    async def fault(moment: str, _: Mail) -> Outcome | None:
        return answers[moment]

    return fault


def breaking(*rungs: str, error: type[BaseException] = ValueError) -> Compose:
    async def compose(snapshot: LeadSnapshot, variant: Variant) -> Composed:
        if variant.rung.name in rungs:
            raise error
        return await plain_compose(snapshot, variant)

    return compose


def failing(method: str, *, until: float = float("inf"), room: Mailroom | None = None) -> Hook:
    async def hook(called: str, _: object) -> None:
        if called == method and (room is None or room.clock.now() < until):
            raise Unavailable("records", "down")

    return hook


def break_redis(room: Mailroom) -> None:
    async def down(*_: object) -> bool:
        raise Unavailable("redis", "down")

    for part in (room.leases, room.marks):
        for name in ("take", "extend", "release", "mark", "read"):
            if hasattr(part, name):
                setattr(part, name, down)


def counted(room: Mailroom) -> list[str]:
    """The Redis commands that leases and marks cost, by name, as they happen."""
    calls: list[str] = []

    def count(part: object, name: str) -> None:
        real = getattr(part, name)

        async def call(*given: object) -> object:
            calls.append(name)
            return await real(*given)

        setattr(part, name, call)

    for name in ("take", "extend", "release"):
        count(room.leases, name)
    for name in ("mark", "read"):
        count(room.marks, name)
    return calls


def copies(room: Mailroom) -> list[str]:
    return [key for key in room.blobs.bodies if key.startswith("mail/")]


def subjects(room: Mailroom) -> list[str]:
    """Of the alerts that went out, by the other transport first."""
    lines = [mail.body.split(b"\r\n")[0].decode() for mail in room.second.accepted]
    return [line.removeprefix("Subject: ") for line in lines]
