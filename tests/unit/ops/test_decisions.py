"""What a person decides about a held lead, and what they are told of it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from libs.ledger.apply import apply
from libs.ledger.events import Refused
from libs.ledger.record import LeadKey, State
from libs.messages.base import Message
from libs.messages.lead import ConsiderLead, LeadDecision
from libs.messages.mail import LeadMailHeld, LeadMailSent
from libs.messages.streams import LEAD_CONSIDER, MAIL_SEND
from libs.streams.port import Consumer, Delivery
from libs.streams.streams import Streams
from ops import decisions
from ops.show import Shown
from tests.unit.ops.desks import (
    KEY,
    NOW,
    SHOP,
    THREAD,
    Stores,
    conversation,
    in_memory,
    record,
    snapshot,
    stores,
)


@pytest.fixture
async def streams(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Streams]:
    monkeypatch.setattr(decisions, "ANSWER_SECONDS", 0.05)
    made = in_memory()
    yield made
    await made.aclose()


async def held(streams: Streams | None = None, **fields: object) -> Stores:
    there = stores({"SWEEP_SECONDS": "20"})
    await there.lead(record(State.HELD, attempt=2, **fields), snapshot())
    return dataclasses.replace(there, desk=dataclasses.replace(there.desk, streams=streams))


async def resend(there: Stores) -> Shown:
    return await decisions.resend(there.desk, THREAD, attempt=2, arrived=False)


async def unread(streams: Streams) -> int:
    [lane] = await streams.oversight.stats(LEAD_CONSIDER)
    return lane.unread


class TestResend:
    async def test_names_what_the_person_looked_at(self, streams: Streams) -> None:
        there = await held(streams)
        key = there.records.leads[KEY].snapshot

        shown = await resend(there)

        wanted = there.records.leads[KEY]
        assert shown.code == 0
        assert (wanted.state, wanted.snapshot, wanted.last_item_id, wanted.kind) == (
            State.PENDING, key, "cthi_2", "full",
        )  # fmt: skip
        assert await unread(streams) == 1

    async def test_names_the_newest_words_though_only_older_ones_were_armed(self) -> None:
        """The phone was corrected, and no server took a mail that says so."""
        there = await held()
        older = there.records.leads[KEY].snapshot
        await there.lead(
            record(State.ERROR, attempt=2, due_at=NOW, tries=7), snapshot(kind="partial")
        )
        newer = there.records.leads[KEY].snapshot
        there.records.leads[KEY] = replace(there.records.leads[KEY], snapshot=older)
        refused = Refused(attempt=3, reason="rcpt_550", at_door=True, snapshot=newer)
        await apply(there.records, KEY, refused, there.desk.clock)

        shown = await resend(there)

        assert shown.code == 0
        assert there.records.leads[KEY].snapshot == newer != older

    async def test_finds_what_was_fixed_for_a_mail_that_no_server_took(self) -> None:
        there = await held()
        key = there.records.leads[KEY].snapshot
        await there.lead(record(State.HELD, attempt=2))

        await resend(there)

        assert there.records.leads[KEY].snapshot == key

    @pytest.mark.parametrize("spoiled", [True, False])
    async def test_leaves_it_to_the_gates_where_nothing_fixed_is_left(
        self, *, spoiled: bool
    ) -> None:
        there = await held()
        there.conversations.put(SHOP, conversation())
        key = there.records.leads[KEY].snapshot
        there.blobs.bodies[key] = b"{"
        if not spoiled:
            await there.blobs.delete(key)

        await resend(there)

        wanted = there.records.leads[KEY]
        assert (wanted.state, wanted.snapshot) == (State.PENDING, "")

    async def test_changes_nothing_where_nothing_at_all_is_left(self) -> None:
        there = await held()
        await there.blobs.delete(there.records.leads[KEY].snapshot)

        shown = await resend(there)

        assert shown.code == 1
        assert f"handoff close {THREAD} --attempt 2" in str(shown.lines)
        assert there.records.leads[KEY].state is State.HELD

    async def test_of_a_shop_without_a_profile_asks_for_that_first(self) -> None:
        there = stores()
        lead = record(State.HELD, attempt=2)
        await there.lead(replace(lead, key=LeadKey("gone", THREAD)), snapshot())

        shown = await resend(there)

        assert shown.code == 1
        assert "profile of gone" in str(shown.lines)

    @pytest.mark.parametrize(
        ("answer", "said", "code"),
        [
            (LeadMailSent(thread_id=THREAD, reason="operator", sent_at=1.0), "It was sent.", 0),
            (LeadDecision(thread_id=THREAD, sent=True, reason="already_sent"), "was sent.", 0),
            (LeadMailHeld(thread_id=THREAD, reason="cooldown"), "provider refused it", 1),
            (LeadDecision(thread_id=THREAD, sent=False, reason="not_idle"), "is too young", 1),
            (LeadDecision(thread_id=THREAD, sent=False, reason="in_progress"), "on its way", 0),
        ],
        ids=lambda value: getattr(value, "reason", None),
    )
    async def test_tells_what_became_of_it(
        self, streams: Streams, monkeypatch: pytest.MonkeyPatch, answer: Message, said: str,
        code: int,
    ) -> None:  # fmt: skip
        monkeypatch.setattr(decisions, "ANSWER_SECONDS", 10)
        there, stop = await held(streams), asyncio.Event()

        async def considered(delivery: Delivery[ConsiderLead]) -> None:
            await streams.reply(delivery.reply_to, answer)
            stop.set()

        reading = asyncio.create_task(streams.consume(Consumer(LEAD_CONSIDER, considered), stop))
        shown = await resend(there)
        stop.set()
        await reading

        assert said in str(shown.lines)
        assert shown.code == code

    async def test_of_nobody_who_answers_is_not_called_sent(self, streams: Streams) -> None:
        shown = await resend(await held(streams))

        assert "Nobody answered" in str(shown.lines)
        assert isinstance(shown.data, dict)
        assert shown.data["state"] == "pending"

    async def test_names_the_streams_that_somebody_paused(self, streams: Streams) -> None:
        await streams.oversight.pause(MAIL_SEND)

        shown = await resend(await held(streams))

        assert shown.code == 1
        assert "It waits for `handoff resume mail.send`" in str(shown.lines)
        assert await unread(streams) == 1

    async def test_without_redis_the_sweeper_finds_it(self) -> None:
        there = await held()

        shown = await resend(there)

        assert there.records.leads[KEY].state is State.PENDING
        assert "within 20 s" in str(shown.lines)

    async def test_settles_one_that_arrived(self) -> None:
        there = await held()

        await decisions.resend(there.desk, THREAD, attempt=2, arrived=True)

        settled = there.records.leads[KEY]
        assert (settled.state, settled.sent_by) == (State.SENT, "operator")


class TestClose:
    async def test_ends_it_without_a_mail_and_without_calling_it_sent(self) -> None:
        there = await held()

        shown = await decisions.close(there.desk, THREAD, attempt=2)

        closed = there.records.leads[KEY]
        assert shown.code == 0
        assert (closed.state, closed.reason, closed.due_at) == (State.CLOSED, "dropped", None)

    async def test_a_trigger_that_brings_nothing_new_finds_it_closed(self) -> None:
        there = await held()
        there.conversations.put(SHOP, conversation())

        await decisions.close(there.desk, THREAD, attempt=2)

        assert there.records.leads[KEY].last_item_id == "cthi_1"


def decide(there: Stores, command: str, attempt: int) -> asyncio.Task[Shown]:
    made = {
        "resend": decisions.resend(there.desk, THREAD, attempt=attempt, arrived=False),
        "arrived": decisions.resend(there.desk, THREAD, attempt=attempt, arrived=True),
        "close": decisions.close(there.desk, THREAD, attempt=attempt),
    }
    chosen = asyncio.ensure_future(made.pop(command))
    for other in made.values():
        other.close()
    return chosen


COMMANDS = ("resend", "arrived", "close")


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_decision_needs_the_current_attempt(command: str) -> None:
    there = await held()

    assert (await decide(there, command, 1)).code == 1

    assert there.records.leads[KEY].state is State.HELD


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("state", sorted(set(State) - {State.HELD}))
async def test_a_decision_touches_nothing_that_is_not_held(command: str, state: State) -> None:
    there = stores()
    before = await there.lead(record(state, attempt=1))

    assert (await decide(there, command, 1)).code == 1

    assert there.records.leads[KEY] == before


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_decision_about_an_unknown_thread_is_no_such_thing(command: str) -> None:
    assert (await decide(stores(), command, 1)).code == 3


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_decision_about_a_record_that_cannot_be_read_says_so(command: str) -> None:
    there = await held()
    there.records.spoiled.add(KEY)

    shown = await decide(there, command, 4)

    assert shown.code == 1
    assert "cannot be read" in str(shown.lines)
