"""What is still open before `CONVERSATIONS` changes: nothing that could become a mail is missed."""

from __future__ import annotations

from typing import Any, cast

import pytest
from msgspec.structs import replace

from libs.ledger.record import LeadKey, State, Step, Watch
from ops.held_leads import held_leads
from ops.open_leads import open_leads
from ops.story import Story
from ops.threads import why
from tests.unit.ops.desks import NOW, SHOP, THREAD, Stores, conversation, record, stores

HOUR = 3600


async def there(*states: tuple[State, str]) -> Stores:
    made = stores()
    for number, (state, reason) in enumerate(states):
        due = NOW + HOUR if state not in {State.SENT, State.CLOSED, State.HELD} else None
        one = replace(
            record(), key=LeadKey(SHOP, f"cthr_{number}"), state=state, reason=reason, due_at=due
        )
        await made.lead(one)
    return made


async def asked(made: Stores) -> tuple[int, Any]:
    shown = await open_leads(made.desk)
    return shown.code, shown.data


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (State.PENDING, "not_idle"),
        (State.PENDING, "missing_vehicle_context"),
        (State.PENDING, "reopened"),
        (State.PENDING, "unknown_thread"),
        (State.SENDING, ""),
        (State.ERROR, "throttled"),
        (State.ERROR, "missing_contact"),
    ],
)
async def test_what_would_still_become_a_mail_is_open(state: State, reason: str) -> None:
    code, told = await asked(await there((State.SENT, ""), (state, reason)))

    assert code == 1
    assert [(one["thread"], one["reason"]) for one in told["open"]] == [("cthr_1", reason)]


async def test_what_is_settled_or_no_lead_is_not() -> None:
    settled = [(state, "") for state in (State.SENT, State.CLOSED, State.HELD)]
    no_lead = [(State.PENDING, "missing_contact"), (State.PENDING, "empty_thread")]

    code, told = await asked(await there(*settled, *no_lead))

    assert code == 0
    assert (told["open"], told["watched"], told["without_contact"]) == ([], 0, 2)


async def test_what_is_open_is_listed_however_many_there_are() -> None:
    _, told = await asked(await there(*[(State.PENDING, "not_idle")] * 1100))

    assert len({one["thread"] for one in told["open"]}) == 1100


async def test_a_list_that_is_cut_says_so() -> None:
    made = await there(*[(State.HELD, "ambiguous")] * 1002)
    made.records.spoiled.add(LeadKey(SHOP, "cthr_0"))

    shown = await held_leads(made.desk)

    assert len(cast("list[object]", shown.data)) == 1000
    assert "more than 1000, not all listed" in str(shown.lines)


@pytest.mark.parametrize("state", [State.HELD, State.PENDING, State.SENDING, State.ERROR])
async def test_what_waits_of_a_shop_without_a_profile_is_found(state: State) -> None:
    """`handoff why` said that nobody ever asked."""
    made = stores()
    lead = replace(record(state), key=LeadKey("gone", THREAD), due_at=NOW)
    await made.lead(lead)
    made.conversations.put("gone", conversation())

    story = await why(made.desk, THREAD)

    assert story.code == 1
    assert isinstance(story.data, Story)
    assert "Put the profile of gone back into SHOPS" in story.data.next_step
    listed = (await held_leads(made.desk), await open_leads(made.desk))
    assert [THREAD in str(shown.data) for shown in listed].count(True) == 1


async def test_what_is_held_is_listed_however_many_there_are() -> None:
    held = [(State.HELD, "ambiguous")] * 250
    made = await there(*held, (State.SENT, ""), (State.PENDING, "not_idle"))
    for number in (7, 3):
        key = LeadKey(SHOP, f"cthr_{number}")
        made.records.leads[key] = replace(made.records.leads[key], updated_at=number - 9.0)

    shown = await held_leads(made.desk)

    told: Any = shown.data
    assert shown.code == 1
    assert (len(told), [one["thread"] for one in told[:2]]) == (250, ["cthr_3", "cthr_7"])


async def test_a_lead_is_held_since_its_own_step_and_not_since_its_last_write() -> None:
    made = await there((State.HELD, "ambiguous"), (State.HELD, "ambiguous"))
    for number, steps in ((0, ((NOW - 5, "held"), (NOW, "told"))), (1, ((NOW - 3, "held"),))):
        key = LeadKey(SHOP, f"cthr_{number}")
        history = tuple(Step(at, what) for at, what in steps)
        updated = replace(made.records.leads[key], updated_at=steps[-1][0], history=history)
        made.records.leads[key] = updated

    told: Any = (await held_leads(made.desk)).data

    assert [(one["thread"], one["since"]) for one in told] == [
        ("cthr_0", NOW - 5),
        ("cthr_1", NOW - 3),
    ]


async def test_when_nothing_is_held_the_exit_code_is_0() -> None:
    assert (await held_leads((await there((State.SENT, ""))).desk)).code == 0


async def test_a_due_lead_that_cannot_be_read_may_be_open_and_is_named() -> None:
    """`until handoff leads open` went on to the other mode, and the lead was lost."""
    made = await there((State.ERROR, "throttled"))
    made.records.spoiled.add(LeadKey(SHOP, "cthr_0"))

    shown = await open_leads(made.desk)

    assert shown.code == 1
    assert made.desk.unreadable == {LeadKey(SHOP, "cthr_0")}
    assert "cannot be read, so perhaps open: 1" in str(shown.lines)


async def test_a_held_lead_that_cannot_be_read_is_named_also_when_its_alert_was_sent() -> None:
    made = await there((State.HELD, "ambiguous"), (State.HELD, "ambiguous"))
    made.records.spoiled.add(LeadKey(SHOP, "cthr_0"))

    some = await held_leads(made.desk)
    made.records.spoiled.add(LeadKey(SHOP, "cthr_1"))
    none = await held_leads(made.desk)

    told: Any = some.data
    assert [one["thread"] for one in told] == ["cthr_1"]
    assert (some.code, none.code, none.data) == (1, 1, [])
    assert made.desk.unreadable == {LeadKey(SHOP, f"cthr_{number}") for number in (0, 1)}


async def test_a_visitor_who_may_have_written_is_waited_for() -> None:
    made = stores()
    for number in (1, 2):
        watch = Watch(shop=SHOP, visitor=f"v_{number}", due_at=NOW + number * HOUR)
        await made.records.put_watch(watch)

    code, told = await asked(made)

    assert code == 1
    assert (told["watched"], told["watched_until"]) == (2, NOW + 2 * HOUR)
