"""Links for texting: guessable by nobody, dead until the mail may have left, gone after a week."""

from __future__ import annotations

import re

import msgspec
import pytest

from libs.blobs.fakes import MemoryBlobs
from libs.leads.message_links import (
    LIFE_SECONDS,
    MessageLink,
    NoLink,
    find_link,
    link_blob,
    link_key,
    link_token,
    link_url,
)
from libs.ledger.fakes import MemoryRecords
from libs.ledger.record import LeadKey, LeadRecord, State

KEY = "k" * 40
LINK = MessageLink(
    shop="craigs", thread_id="cthr_one", snapshot="snapshots/a", phone="+14085550177", body="Hi"
)
TOKEN = link_token(KEY, LINK.shop, LINK.thread_id, LINK.snapshot)
ARMED = LeadRecord(
    key=LeadKey("craigs", "cthr_one"), state=State.SENT, attempt=1, armed_at=1000.0,
    snapshot="snapshots/a",
)  # fmt: skip


async def _find(
    record: LeadRecord | None,
    token: str = TOKEN,
    now: float = 2000.0,
    keys: tuple[str, ...] = (KEY,),
) -> MessageLink | NoLink:
    blobs, records = MemoryBlobs(), MemoryRecords()
    await blobs.put_all(link_blob(TOKEN, LINK))
    if record is not None:
        records.leads[record.key] = record
    return await find_link(token, keys=keys, blobs=blobs, records=records, now=now)


def _record(**changes: object) -> LeadRecord:
    return msgspec.structs.replace(ARMED, **changes)


def test_a_token_has_128_bits_and_is_the_same_for_the_same_snapshot() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", TOKEN)
    assert link_token(KEY, LINK.shop, LINK.thread_id, LINK.snapshot) == TOKEN
    others = {
        link_token("o" * 40, LINK.shop, LINK.thread_id, LINK.snapshot),
        link_token(KEY, "other", LINK.thread_id, LINK.snapshot),
        link_token(KEY, LINK.shop, "cthr_two", LINK.snapshot),
        link_token(KEY, LINK.shop, LINK.thread_id, "snapshots/b"),
    }
    assert len(others - {TOKEN}) == 4


def test_the_blob_does_not_give_the_token_away() -> None:
    assert TOKEN not in link_key(TOKEN)
    assert (
        link_url("https://chat.example/", TOKEN) == f"https://chat.example/message/?token={TOKEN}"
    )


@pytest.mark.parametrize("record", [_record(), _record(state=State.SENDING)])
async def test_opens_once_the_mail_may_have_left(record: LeadRecord) -> None:
    assert await _find(record) == LINK


@pytest.mark.parametrize(
    "record",
    [
        None,
        _record(state=State.PENDING, attempt=0, armed_at=0.0),
        _record(state=State.ERROR),
        _record(state=State.HELD),
        _record(snapshot="snapshots/newer"),
    ],
)
async def test_does_not_exist_for_a_mail_that_never_left(record: LeadRecord | None) -> None:
    assert await _find(record) is NoLink.NOT_FOUND


async def test_opens_for_a_held_mail_of_which_nobody_knows_whether_it_left() -> None:
    assert await _find(_record(state=State.HELD, ambiguous=(1,))) == LINK


async def test_outlives_newer_keys_and_ends_with_its_own() -> None:
    assert await _find(ARMED, keys=("n" * 40, KEY)) == LINK
    assert await _find(ARMED, keys=("n" * 40,)) is NoLink.NOT_FOUND


async def test_ends_seven_days_after_the_mail_was_armed() -> None:
    assert await _find(ARMED, now=1000 + LIFE_SECONDS - 1) == LINK
    assert await _find(ARMED, now=1000 + LIFE_SECONDS) is NoLink.EXPIRED


@pytest.mark.parametrize("token", ["", "x", "../" * 7 + "a", TOKEN + "a", TOKEN[:-1] + "é"])
async def test_a_token_of_the_wrong_shape_is_invalid(token: str) -> None:
    assert await _find(ARMED, token) is NoLink.INVALID


async def test_a_token_that_nobody_made_is_not_found() -> None:
    assert await _find(ARMED, "A" * 22) is NoLink.NOT_FOUND
