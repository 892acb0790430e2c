"""What a person reads of one lead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace

from libs.leads.snapshot import Summary
from libs.ledger.record import LeadKey, State
from ops import threads
from ops.desk import Desk
from ops.show import Shown, put
from ops.story import Story
from tests.unit.ops.desks import (
    NOW,
    SHOP,
    THREAD,
    Stores,
    contact,
    conversation,
    record,
    snapshot,
    stores,
)

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


async def spoiled(there: Stores) -> str:
    """Of a lead of this thread; its key."""
    lead = await there.lead(record(), snapshot())
    there.blobs.bodies[lead.snapshot] = b'{"shop":"craigs"}'
    return lead.snapshot


@pytest.mark.parametrize("ask", [threads.why, threads.lead])
async def test_a_lead_that_cannot_be_read_is_said_and_the_rest_is_told(
    ask: Callable[[Desk, str], Awaitable[Shown]],
) -> None:
    there = stores()
    key = await spoiled(there)

    shown = await ask(there.desk, THREAD)

    assert "could not be read" in str(shown.lines) or "cannot be read" in str(shown.lines)
    assert there.desk.unreadable == {key}


@pytest.mark.parametrize("shop", [SHOP, "gone"])
async def test_why_of_a_record_that_cannot_be_read_tells_the_rest_and_needs_a_person(
    shop: str,
) -> None:
    there = stores()
    await there.lead(spoiled := replace(record(), key=LeadKey(shop, THREAD), due_at=NOW))
    there.records.spoiled.add(spoiled.key)
    there.conversations.put(shop, conversation())

    shown = await threads.why(there.desk, THREAD)

    assert shown.code == 1
    assert isinstance(shown.data, Story)
    assert (shown.data.shop, shown.data.headline) == (shop, "Its record cannot be read.")
    assert "Customer message 1, the newest." in str(shown.data.events)


@pytest.mark.parametrize("state", [State.PENDING, State.HELD])
async def test_what_cannot_be_read_of_others_is_nothing_to_say(state: State) -> None:
    there = stores()
    await there.lead(spoiled := record(state, thread="cthr_other", due_at=NOW))
    there.records.spoiled.add(spoiled.key)

    shown = [await ask(there.desk, THREAD) for ask in (threads.why, threads.lead)]

    assert [one.code for one in shown] == [3, 3]
    assert "There is no lead for this thread" in str(shown[1].lines)
    assert there.desk.unreadable == set()


async def test_what_was_fixed_for_a_mail_that_no_server_took_is_shown() -> None:
    """Refused before it was armed, its record names none."""
    there = stores()
    await there.lead(record(), snapshot())
    await there.lead(record(State.HELD))

    assert (await threads.lead(there.desk, THREAD)).code == 0
