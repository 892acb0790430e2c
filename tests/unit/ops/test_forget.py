"""`handoff forget` removes a person from every store, and nobody else."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from libs.attachments import StoredAttachment, record_key, rendition_key
from libs.attribution import TrailKey, Trails
from libs.message_links import link_key, link_token
from libs.messages.base import Attribution
from libs.snapshot import Photo, Signal
from ops.forget import forget
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

PHOTO = "att_" + "a" * 22


async def full(tmp_path: Path) -> Stores:
    """One person in every store, and another beside them."""
    there = stores(data=str(tmp_path))
    trails = Trails(there.blobs)
    for thread, phone, mine in ((THREAD, "+14085550176", True), ("cthr_2", "+14085550199", False)):
        said = snapshot(
            thread,
            contacts=(
                contact("phone", phone, phone),
                contact("email", f"{thread}@example.com", ""),
            ),
            photos=(Photo(id=PHOTO, name="a.jpg", mime_type="image/jpeg"),) if mine else (),
        )
        lead = await there.lead(record(thread=thread), said)
        there.conversations.put(SHOP, conversation(thread))
        token = link_token("k" * 40, SHOP, thread, lead.snapshot)
        for key in (f"mail/{SHOP}/{thread}/x.eml", f"summaries/{SHOP}/{thread}/x", link_key(token)):
            await there.blobs.put(key, b"x", content_type="text/plain")
    stored = StoredAttachment(
        id=PHOTO, shop=SHOP, visitor="v_1", name="a.jpg", created_at=NOW, mime_type="image/jpeg"
    )
    body = msgspec.json.encode(stored)
    await there.blobs.put(record_key(PHOTO), body, content_type="application/json")
    for key in (stored.original_key, rendition_key(PHOTO, "1200"), rendition_key(PHOTO, "320")):
        await there.blobs.put(key, b"jpeg", content_type="image/jpeg")
    where = TrailKey(SHOP, "v_1")
    await trails.touch(where, Attribution(gclid="g"), locale="", page_url="", at=NOW)
    await trails.add(where, Signal(event="call", at=NOW))
    (tmp_path / "outbox").mkdir()
    for thread in (THREAD, "cthr_2"):
        (tmp_path / "outbox" / f"{SHOP}.{thread}.1.eml").write_bytes(b"mail")
    return there


@pytest.mark.parametrize("who", [THREAD, "+1 (408) 555-0176", "408 555 0176", "CTHR_1@example.com"])
async def test_a_person_is_gone_everywhere(tmp_path: Path, who: str) -> None:
    there = await full(tmp_path)

    shown = await forget(there.desk, who)

    assert shown.code == 0
    assert not [key for key in there.blobs.bodies if THREAD in key or PHOTO in key]
    assert not [key for key in there.blobs.bodies if key.startswith(("touches/", "signals/"))]
    assert (SHOP, THREAD) not in there.conversations.threads
    assert shown.data == {
        "removed": {
            "leads": 1, "mail copies": 1, "summaries": 1, "message links": 1, "attachments": 1,
            "attribution": 2, "mails in the outbox": 1, "conversations": 1, "threads": 1,
        },
        "threads": [THREAD],
    }  # fmt: skip


async def test_somebody_else_stays(tmp_path: Path) -> None:
    there = await full(tmp_path)

    await forget(there.desk, THREAD)

    assert [key for key in there.blobs.bodies if key.startswith(f"snapshots/{SHOP}/cthr_2/")]
    assert (SHOP, "cthr_2") in there.conversations.threads
    assert [mail.name for mail in (tmp_path / "outbox").iterdir()] == [f"{SHOP}.cthr_2.1.eml"]
    assert f"mail/{SHOP}/cthr_2/x.eml" in there.blobs.bodies


async def test_the_record_stays_so_that_nothing_is_sent_again(tmp_path: Path) -> None:
    there = await full(tmp_path)
    before = dict(there.records.leads)

    await forget(there.desk, THREAD)

    assert there.records.leads == before


@pytest.mark.parametrize(
    "who", ["cthr_never", "nobody@example.com", "0176", "", "+44 20 7946 0000"]
)
async def test_nobody_is_no_such_thing(tmp_path: Path, who: str) -> None:
    there = await full(tmp_path)
    before = dict(there.blobs.bodies)

    shown = await forget(there.desk, who)

    assert shown.code == 3
    assert there.blobs.bodies == before


async def test_twice_finds_nothing_the_second_time(tmp_path: Path) -> None:
    there = await full(tmp_path)

    await forget(there.desk, THREAD)

    assert (await forget(there.desk, "+14085550176")).code == 3
