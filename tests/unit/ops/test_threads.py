"""What a person decides about one lead, and reads of it."""

from __future__ import annotations

import dataclasses

import pytest
from msgspec.structs import replace

from libs.leads.snapshot import Summary
from libs.ledger.record import State
from libs.messages.streams import LEAD_CONSIDER
from ops import threads
from ops.show import put
from tests.unit.ops.desks import KEY, THREAD, contact, in_memory, record, snapshot, stores


class TestResend:
    async def test_needs_the_current_attempt(self) -> None:
        there = stores()
        await there.lead(record(State.HELD, attempt=2))

        stale = await threads.resend(there.desk, THREAD, attempt=1, arrived=False)

        assert stale.code == 1
        assert there.records.leads[KEY].state is State.HELD

    async def test_opens_a_held_lead_and_asks_for_it(self) -> None:
        there, streams = stores(), in_memory()
        await there.lead(record(State.HELD, attempt=2))
        desk = dataclasses.replace(there.desk, streams=streams)

        shown = await threads.resend(desk, THREAD, attempt=2, arrived=False)

        assert shown.code == 0
        assert there.records.leads[KEY].state is State.PENDING
        [lane] = await streams.oversight.stats(LEAD_CONSIDER)
        assert lane.unread == 1

    async def test_without_redis_the_sweeper_finds_it(self) -> None:
        there = stores({"SWEEP_SECONDS": "20"})
        await there.lead(record(State.HELD, attempt=2))

        shown = await threads.resend(there.desk, THREAD, attempt=2, arrived=False)

        assert there.records.leads[KEY].state is State.PENDING
        assert "sent within 20 s: Redis does not answer" in str(shown.lines)

    async def test_settles_one_that_arrived(self) -> None:
        there = stores()
        await there.lead(record(State.HELD, attempt=2))

        await threads.resend(there.desk, THREAD, attempt=2, arrived=True)

        settled = there.records.leads[KEY]
        assert (settled.state, settled.sent_by) == (State.SENT, "operator")

    @pytest.mark.parametrize("state", sorted(set(State) - {State.HELD}))
    async def test_touches_nothing_that_is_not_held(self, state: State) -> None:
        there = stores()
        before = await there.lead(record(state, attempt=1))

        shown = await threads.resend(there.desk, THREAD, attempt=1, arrived=False)

        assert shown.code == 1
        assert there.records.leads[KEY] == before

    async def test_of_an_unknown_thread_is_no_such_thing(self) -> None:
        shown = await threads.resend(stores().desk, THREAD, attempt=1, arrived=False)

        assert shown.code == 3


HIS, HERS, WORK = (
    contact("phone", f"+1408555{end}", f"(408) 555-{end}") for end in ("0176", "0199", "0142")
)
MAIL = contact("email", "ana@gmial.com", "ana@gmial.com")
DOUBTED = replace(MAIL, doubt="gmial.com looks like gmail.com")


@pytest.mark.parametrize(
    ("chosen", "phone", "others"),
    [
        (None, "(408) 555-0176", "(408) 555-0199; (408) 555-0142"),
        ("+14085550199", "(408) 555-0199", "(408) 555-0176; (408) 555-0142"),
        ("(408) 555-0142", "(408) 555-0142", "(408) 555-0176; (408) 555-0199"),
    ],
    ids=["the first", "by number", "as shown"],
)
async def test_lead_names_the_number_that_the_mails_button_calls(
    chosen: str | None, phone: str, others: str, capsys: pytest.CaptureFixture[str]
) -> None:
    there = stores()
    summary = Summary(customer_name="Ana", customer_phone=chosen)
    await there.lead(record(), snapshot(summary=summary, contacts=(HIS, HERS, DOUBTED, WORK)))

    put(await threads.lead(there.desk, THREAD), as_json=False)

    said = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines() if line)
    told = {name: value.strip() for name, value in said.items()}
    assert told["phone"] == phone
    assert told["also given"] == others
    assert told["email"] == "ana@gmial.com (gmial.com looks like gmail.com)"


async def test_a_lead_that_is_not_there_is_no_such_thing() -> None:
    assert (await threads.lead(stores().desk, "cthr_never")).code == 3
