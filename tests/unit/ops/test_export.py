"""The exported leads: safe in a spreadsheet, right for Google, and without whom we forgot."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from typing import Any

import pytest
from msgspec.structs import replace

from libs.errors import SettingsError
from libs.leads.attribution import Told, TrailKey, Trails
from libs.leads.snapshot import Signal, Summary
from libs.ledger.record import State
from libs.messages.base import Attribution, Touch
from ops.export import as_csv, export
from ops.show import put
from tests.unit.ops.desks import KEY, Stores, contact, record, snapshot, stores


async def one_lead(**fields: Any) -> Stores:
    there = stores()
    await there.lead(record(), snapshot(**fields))
    return there


def read_back(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


async def rows(there: Stores) -> list[dict[str, str]]:
    shown = await export(there.desk, "", form="csv")
    [text] = shown.lines
    assert isinstance(text, str)
    return read_back(text)


LONG = "a torn bolster on the driver's side, " * 20 + "and\ta [red]seat[/red]"


@pytest.mark.parametrize("form", ["csv", "json", "google"])
async def test_what_a_pipe_gets_is_what_was_exported(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    there = await one_lead(
        summary=Summary(project=LONG), attribution=Attribution(gclid="Cj0-" + "x" * 500)
    )
    shown = await export(there.desk, "", form=form)

    put(shown, as_json=False)

    said = capsys.readouterr().out
    if form == "csv":
        [row] = read_back(said)
        assert row["project"] == LONG
    else:
        assert json.loads(said) == shown.data


FORMULAS = (
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "\u00a0=1+1",
    "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(A1)", "\u200b=1+1", "\ufeff=1+1", "\u22121",
    "'=1+1", '"=1+1', ";=1+1", ",=1+1", "|=1+1", "%=1",
)  # fmt: skip


@pytest.mark.parametrize("formula", FORMULAS)
async def test_no_cell_is_a_formula(formula: str) -> None:
    there = await one_lead(summary=Summary(customer_name=formula))

    [row] = await rows(there)

    assert row["name"].startswith("'")
    assert row["name"].endswith(formula[-1])


@pytest.mark.parametrize("separator", [";", "\t", "; ", ";\u200b", ';"'])
@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\uff1d1+1", "\u22121"])
async def test_no_cell_is_a_formula_where_another_sign_separates(
    separator: str, formula: str
) -> None:
    there = await one_lead(summary=Summary(customer_name=f"a{separator}{formula}{separator}b"))

    text = str((await export(there.desk, "", form="csv")).lines[0])

    for cell in re.split(r"[;\t]", text):
        assert not cell.strip('" \u200b').startswith(formula)


@pytest.mark.parametrize("name", ["a; b", "1;2", "front|back", "US | +upholstery"])
async def test_separators_alone_change_nothing(name: str) -> None:
    there = await one_lead(summary=Summary(customer_name=name))

    assert (await rows(there))[0]["name"] == name


@pytest.mark.parametrize("name", ["Ana", "José", "李", "O'Brien", "2015 Ford", "a=b", "x@y"])
async def test_harmless_cells_stay_as_they_are(name: str) -> None:
    there = await one_lead(summary=Summary(customer_name=name))

    assert (await rows(there))[0]["name"] == name


async def test_a_cell_cannot_break_out_of_its_row() -> None:
    there = await one_lead(summary=Summary(project='torn"\r\n=cmd|x,"evil'))

    [row] = await rows(there)

    assert "evil" in row["project"]
    assert "\n" not in row["project"]


async def test_the_phone_is_the_one_that_the_mail_calls() -> None:
    his, hers = (contact("phone", number, number) for number in ("+14085550176", "+14085550199"))
    there = await one_lead(summary=Summary(customer_phone=hers.value), contacts=(his, hers))

    [row] = await rows(there)

    assert row["phone"].lstrip("'") == hers.value


async def test_a_phone_is_dialled_and_not_computed() -> None:
    [row] = await rows(await one_lead())

    assert row["phone"] == "'+14085550176;ext=12"


async def test_only_what_was_sent_and_only_of_the_shop() -> None:
    there = stores()
    for state in State:
        await there.lead(record(state, f"cthr_{state}"), snapshot(f"cthr_{state}"))

    assert [row["thread"] for row in await rows(there)] == ["cthr_sent"]


async def test_a_shop_that_is_not_there_is_no_empty_table() -> None:
    with pytest.raises(SettingsError, match="'another'; there are craigs"):
        await export(stores().desk, "another", form="csv")


async def test_a_record_that_cannot_be_read_leaves_the_others_in_the_table() -> None:
    there = stores()
    for thread in ("cthr_1", "cthr_2"):
        await there.lead(record(thread=thread), snapshot(thread))
    there.records.spoiled.add(record().key)

    assert [row["thread"] for row in await rows(there)] == ["cthr_2"]
    assert there.desk.unreadable == {KEY}


async def test_more_leads_than_a_page() -> None:
    there = stores()
    for n in range(450):
        await there.lead(record(thread=f"cthr_{n:03}"))

    assert len(await rows(there)) == 450


async def test_a_forgotten_lead_keeps_its_line_without_the_person() -> None:
    there = stores()
    await there.lead(record(snapshot="gone"))

    [row] = await rows(there)

    assert (row["thread"], row["kind"]) == ("cthr_1", "full")
    assert not any(row[name] for name in ("name", "phone", "email", "project", "gclid"))


async def test_where_a_lead_came_from_is_known_when_what_its_mail_said_is_not_kept_any_more() -> (
    None
):
    there = stores()
    await there.lead(record(snapshot="snapshots/gone"))
    where, trails = TrailKey("craigs", record().visitor), Trails(there.desk.blobs)
    then = there.desk.clock.now() - 120 * 86_400
    ad = Attribution(gclid="g1", utm_source="ads")
    await trails.touch(where, Told(attribution=ad), at=then)
    for at in (then, then + 1):
        await trails.add(where, Signal(event="click_call", at=at))
    await trails.add(where, Signal(event="click_text", at=then))

    [row] = await rows(there)
    [event] = await google(there)

    assert (row["gclid"], row["utm_source"], row["phone"]) == ("g1", "ads", "")
    assert row["signals"] == "click_call 2, click_text 1"
    assert event["adIdentifiers"] == {"gclid": "g1"}
    assert "userData" not in event


async def test_what_a_visitor_did_after_a_lead_is_not_told_of_it() -> None:
    there = stores()
    now = there.desk.clock.now()
    sent = replace(record(snapshot="snapshots/gone"), sent_at=now - 120 * 86_400)
    await there.lead(sent)
    where, trails = TrailKey("craigs", sent.visitor), Trails(there.desk.blobs)
    for days, source in ((121, "yelp"), (10, "bing")):
        at = now - days * 86_400
        await trails.touch(where, Told(attribution=Attribution(utm_source=source)), at=at)
        await trails.add(where, Signal(event=source, at=at))

    [row] = await rows(there)

    assert (row["utm_source"], row["signals"]) == ("yelp", "yelp 1")


async def test_what_the_visitor_did_on_the_page_is_counted() -> None:
    clicks = tuple(Signal(event="click_call", at=at) for at in (1.0, 2.0))

    [row] = await rows(await one_lead(signals=clicks))

    assert row["signals"] == "click_call 2"


async def test_json_says_the_same_as_the_table() -> None:
    there = await one_lead()
    [row] = await rows(there)

    shown = await export(there.desk, "craigs", form="json")
    [text] = shown.lines

    assert json.loads(str(text)) == shown.data
    assert {name: value.lstrip("'") for name, value in row.items()} == json.loads(str(text))[0]


def test_no_leads_are_still_a_header() -> None:
    assert as_csv([]).startswith("thread,sent_at,kind,")


async def google(there: Stores) -> list[dict[str, Any]]:
    shown = await export(there.desk, "", form="google")
    [request] = json.loads(str(shown.lines[0]))
    assert request["encoding"] == "HEX"
    events: list[dict[str, Any]] = request["events"]
    return events


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def test_google_gets_click_ids_as_they_came_and_people_only_hashed() -> None:
    there = await one_lead(
        contacts=(
            contact("phone", "+14085550176;ext=12", "(408) 555-0176 ext. 12"),
            contact("email", " Ana.Lee+shop@Gmail.com ", "Ana.Lee+shop@Gmail.com"),
        )
    )

    [event] = await google(there)

    assert event["transactionId"] == "cthr_1"
    assert event["eventTimestamp"] == "2027-01-15T08:00:00Z"
    assert event["adIdentifiers"] == {"gclid": "Cj0-gclid"}
    assert event["userData"]["userIdentifiers"] == [
        {"phoneNumber": sha256("+14085550176")},
        {"emailAddress": sha256("analee@gmail.com")},
    ]
    assert "Ana" not in json.dumps(event)
    assert "0176" not in json.dumps(event)


async def test_google_gets_no_more_at_once_than_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One event or identifier too many, and it refuses them all."""
    monkeypatch.setattr("ops.export._MOST_EVENTS", 2)
    there = stores()
    many = tuple(contact("email", f"a{number}@example.com", "") for number in range(12))
    for thread in ("cthr_1", "cthr_2", "cthr_3"):
        await there.lead(record(thread=thread), snapshot(thread, contacts=many))

    shown = await export(there.desk, "", form="google")

    requests = json.loads(str(shown.lines[0]))
    assert [len(request["events"]) for request in requests] == [2, 1]
    for request in requests:
        for event in request["events"]:
            assert len(event["userData"]["userIdentifiers"]) == 10


async def test_google_keeps_dots_and_tags_of_other_mailboxes() -> None:
    there = await one_lead(contacts=(contact("email", "a.b+c@Example.com", ""),))

    [event] = await google(there)

    assert event["userData"]["userIdentifiers"] == [{"emailAddress": sha256("a.b+c@example.com")}]


async def test_google_hears_of_the_first_visits_click_where_the_last_had_none() -> None:
    there = stores()
    origin = Attribution(utm_source="yelp", first=Touch(gclid="g1", utm_source="google"))
    await there.lead(record(), snapshot(contacts=(), attribution=origin))

    [event] = await google(there)
    [row] = await rows(there)

    assert event["adIdentifiers"] == {"gclid": "g1"}
    assert (row["utm_source"], row["first_utm_source"]) == ("yelp", "google")


async def test_google_hears_nothing_of_who_is_forgotten_or_cannot_be_matched() -> None:
    there = stores()
    await there.lead(record(thread="cthr_forgotten", snapshot="gone"))
    await there.lead(
        record(thread="cthr_nobody"), snapshot("cthr_nobody", contacts=(), attribution=None)
    )
    await there.lead(
        record(thread="cthr_click"),
        snapshot("cthr_click", contacts=(), attribution=Attribution(wbraid="w")),
    )

    [event] = await google(there)

    assert (event["transactionId"], event["adIdentifiers"]) == ("cthr_click", {"wbraid": "w"})
    assert "userData" not in event
