"""`handoff forget` removes a person from every store, and nobody else."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import msgspec
import pytest

from libs.attachments.records import StoredAttachment, record_key, refusal_key, rendition_key
from libs.conversations.store import ItemRow, Owner, ThreadRow
from libs.conversations.store_open import open_chat_store
from libs.errors import SettingsError
from libs.leads.attribution import Told, TrailKey, Trails
from libs.leads.message_links import MessageLink, link_blob, link_key, link_token
from libs.leads.snapshot import Photo, Signal
from libs.leases.redis import RedisLeases
from libs.ledger.apply import apply
from libs.ledger.events import Considered
from libs.ledger.record import LeadKey, LeadRecord, State, Watch
from libs.messages.base import Attribution
from libs.messages.chat import ChatChunk, ChatRequest
from libs.messages.lead import thread_name
from libs.messages.mail import SendLeadMail
from libs.messages.streams import CHAT_REQUEST, MAIL_SEND
from libs.streams.broker import DeadLetter
from libs.streams.envelope import seal
from libs.streams.streams import Streams
from ops.desk import Desk, open_desk
from ops.forget import forget
from ops.show import Shown
from tests.servers import redis_server
from tests.unit.ops.desks import (
    KEY,
    NOW,
    SHOP,
    THREAD,
    Stores,
    contact,
    conversation,
    record,
    snapshot,
    started,
    stores,
)

OTHER = "cthr_12"
"""Somebody else's; its id begins as THREAD does."""
PHOTO = "att_" + "a" * 22
PHONES = {THREAD: "+14085550176", OTHER: "+14155550176"}
VISITORS = {THREAD: "v_1", OTHER: "v_2"}


async def keep_file(there: Stores, id_: str, *, visitor: str = "v_1", thread: str = "") -> None:
    stored = StoredAttachment(
        id=id_, shop=SHOP, visitor=visitor, name="a.jpg", created_at=NOW, mime_type="image/jpeg",
        thread_id=thread,
    )  # fmt: skip
    body = msgspec.json.encode(stored)
    await there.blobs.put(record_key(id_), body, content_type="application/json")
    for key in (stored.original_key, rendition_key(id_, "1200"), rendition_key(id_, "320")):
        await there.blobs.put(key, b"jpeg", content_type="image/jpeg")


async def keep_link(there: Stores, lead: LeadRecord, *, site_key: str = "k" * 40) -> str:
    shop, thread = lead.key.shop, lead.key.thread_id
    link = MessageLink(
        shop=shop, thread_id=thread, snapshot=lead.snapshot, phone=PHONES[thread], body="Hi"
    )
    token = link_token(site_key, shop, thread, lead.snapshot)
    await there.blobs.put_all(link_blob(token, link))
    return link_key(token)


async def full(tmp_path: Path) -> Stores:
    """One person in every store, and another beside them."""
    there = stores(data=str(tmp_path), redis=True)
    trails = Trails(there.blobs)
    for thread, phone in PHONES.items():
        said = snapshot(
            thread,
            contacts=(
                contact("phone", phone, phone),
                contact("email", f"{thread}@example.com", ""),
            ),
            photos=(Photo(id=PHOTO, name="a.jpg", mime_type="image/jpeg"),) * (thread == THREAD),
        )
        lead = await there.lead(record(thread=thread, visitor=VISITORS[thread]), said)
        there.conversations.put(SHOP, conversation(thread, visitor=VISITORS[thread]))
        await keep_link(there, lead)
        for key in (f"mail/{SHOP}/{thread}/x.eml", f"summaries/{SHOP}/{thread}/x"):
            await there.blobs.put(key, b"x", content_type="text/plain")
    await keep_file(there, PHOTO)
    where = TrailKey(SHOP, "v_1")
    await trails.touch(where, Told(attribution=Attribution(gclid="g")), at=NOW)
    await trails.add(where, Signal(event="call", at=NOW))
    (tmp_path / "outbox").mkdir()
    for thread in PHONES:
        for name in (f"{SHOP}.{thread}.1.eml", f".{SHOP}.{thread}.2.nonce.draft"):
            (tmp_path / "outbox" / name).write_bytes(b"mail")
    return there


def removed(shown: Shown) -> dict[str, int]:
    assert isinstance(shown.data, dict)
    counted: dict[str, int] = shown.data["removed"]
    return counted


@pytest.mark.parametrize("who", [THREAD, "+1 (408) 555-0176", "408 555 0176", "CTHR_1@example.com"])
async def test_a_person_is_gone_everywhere(tmp_path: Path, who: str) -> None:
    there = await full(tmp_path)

    shown = await forget(there.desk, who)

    assert shown.code == 0
    assert not [key for key in there.blobs.bodies if f"/{THREAD}/" in key or PHOTO in key]
    assert not [key for key in there.blobs.bodies if key.startswith(("touches/", "signals/"))]
    assert (SHOP, THREAD) not in there.conversations.threads
    assert shown.data == {
        "removed": {
            "leads": 1, "mail copies": 1, "summaries": 1, "message links": 1, "attachments": 1,
            "attribution": 2, "mails in the outbox": 2, "conversations": 1, "threads": 1,
        },
        "threads": [THREAD],
        "other_threads": [],
    }  # fmt: skip


async def test_what_an_earlier_version_kept_of_their_way_to_us_is_gone_under_each_of_their_ids(
    tmp_path: Path,
) -> None:
    there = await full(tmp_path)
    told = b'{"last":{"gclid":"g"},"page_url":"https://x.example/?who","at":1.0,"also":["v_newer"]}'
    for visitor in ("v_1", "v_newer"):
        key = TrailKey(SHOP, visitor).touches.removesuffix("/") + ".json"
        await there.blobs.put(key, told, content_type="application/json")

    await forget(there.desk, THREAD)

    assert not [key for key in there.blobs.bodies if key.startswith(("touches/", "signals/"))]


async def test_a_person_is_gone_under_each_of_their_ids(tmp_path: Path) -> None:
    """The thread began before a rotation of the site keys."""
    there = await full(tmp_path)
    trails, newer = Trails(there.blobs), TrailKey(SHOP, "v_newer")
    for where, also in ((TrailKey(SHOP, "v_1"), "v_newer"), (newer, "v_1")):
        await trails.touch(where, Told(locale="es", also=(also,)), at=NOW)
    await trails.add(newer, Signal(event="call", at=NOW))
    await there.records.put_watch(Watch(shop=SHOP, visitor="v_newer", due_at=NOW))

    await forget(there.desk, THREAD)

    assert not [key for key in there.blobs.bodies if key.startswith(("touches/", "signals/"))]
    assert not there.records.watches


async def test_somebody_else_stays(tmp_path: Path) -> None:
    there = await full(tmp_path)

    await forget(there.desk, THREAD)

    assert [key for key in there.blobs.bodies if key.startswith(f"snapshots/{SHOP}/{OTHER}/")]
    assert (SHOP, OTHER) in there.conversations.threads
    left = {mail.name for mail in (tmp_path / "outbox").iterdir()}
    assert left == {f"{SHOP}.{OTHER}.1.eml", f".{SHOP}.{OTHER}.2.nonce.draft"}
    assert f"mail/{SHOP}/{OTHER}/x.eml" in there.blobs.bodies


async def test_a_link_goes_whatever_key_made_it_and_nobody_else_s_with_it() -> None:
    there = stores(redis=True)
    mine = await there.lead(record(), snapshot())
    link = await keep_link(there, mine, site_key="removed-" + "r" * 32)
    theirs = await there.lead(record(thread=OTHER), snapshot(OTHER))
    other = await keep_link(there, theirs)

    shown = await forget(there.desk, THREAD)

    assert removed(shown)["message links"] == 1
    assert link not in there.blobs.bodies
    assert other in there.blobs.bodies


async def test_a_link_that_a_mail_in_flight_left_behind_goes_when_asked_again() -> None:
    there = stores(redis=True)
    lead = await there.lead(record(State.SENDING, attempt=1, due_at=NOW + 60), snapshot())

    await forget(there.desk, THREAD)
    link = await keep_link(there, lead)
    again = await forget(there.desk, THREAD)

    assert removed(again) == {"message links": 1, "threads": 1}
    assert link not in there.blobs.bodies


async def test_the_record_stays_so_that_nothing_is_sent_again(tmp_path: Path) -> None:
    there = await full(tmp_path)
    before = dict(there.records.leads)

    await forget(there.desk, THREAD)

    assert there.records.leads == before


@pytest.mark.parametrize("who", ["cthr_never", "nobody@example.com", "+44 20 7946 0000"])
async def test_nobody_is_no_such_thing(tmp_path: Path, who: str) -> None:
    there = await full(tmp_path)
    before = dict(there.blobs.bodies)

    shown = await forget(there.desk, who)

    assert shown.code == 3
    assert there.blobs.bodies == before


@pytest.mark.parametrize("who", ["555-0176", "0176", "", "5550176"])
async def test_part_of_a_number_would_remove_strangers_and_is_refused(
    tmp_path: Path, who: str
) -> None:
    there = await full(tmp_path)
    before = dict(there.blobs.bodies)

    with pytest.raises(SettingsError, match="area code"):
        await forget(there.desk, who)

    assert there.blobs.bodies == before


@pytest.mark.parametrize("who", ["cthr_*", "cthr_a b", "cthr_../../x", "cthr_"])
async def test_what_is_no_thread_id_is_refused(tmp_path: Path, who: str) -> None:
    there = await full(tmp_path)
    before = dict(there.blobs.bodies)

    with pytest.raises(SettingsError, match="no thread id"):
        await forget(there.desk, who)

    assert there.blobs.bodies == before


async def asked_of_one_who_wrote(text: str, who: str) -> Shown:
    there = stores(redis=True)
    await there.lead(record(State.CLOSED))
    there.conversations.put(SHOP, conversation(THREAD, text, "v_1"))
    return await forget(there.desk, who)


@pytest.mark.parametrize(
    ("wrote", "whos"),
    [
        ("call 0917 123 4567", ("0917 123 4567", "09171234567")),
        ("my number is 408-555-01177", ("408-555-01177", "40855501177")),
        ("call +52 1 55 1234 5678", ("+52 1 55 1234 5678", "+525512345678", "+52 55 1234 5678")),
        ("my number +502 5123 456", ("+5025123456", "+502 5123 456")),
        ("call 408·555·0147", ("408·555·0147", "(408) 555-0147", "001 408 555 0147")),
        (
            "ana.lee@example.org",
            ("Ana <ana.lee@example.org>", "mailto:ana.lee@example.org", "ana.lee@example.org.",
             " ANA.LEE@EXAMPLE.ORG, "),
        ),
    ],
)  # fmt: skip
async def test_a_person_is_found_as_they_wrote_it_and_as_we_keep_it(
    wrote: str, whos: tuple[str, ...]
) -> None:
    for who in whos:
        shown = await asked_of_one_who_wrote(wrote, who)
        assert removed(shown) == {"conversations": 1, "threads": 1}, who


@pytest.mark.parametrize(
    ("wrote", "whos"),
    [
        (
            "lee@gmail.com",
            ("lee@gmail.com.br", "x!lee@gmail.com", "sales/lee@gmail.com", "анна.lee@gmail.com",
             "lee@gmail.com.evil"),
        ),
        (
            "call 408-555-0147",
            ("4085550147 12", "+408 555 0147", "44 408 555 0147", "+52 408 555 0147 9"),
        ),
        ("call 912-345-6789", ("8 (912) 345-67-89", "7 912 345-67-89")),
    ],
)  # fmt: skip
async def test_nobody_is_found_by_a_part_of_what_was_asked(
    wrote: str, whos: tuple[str, ...]
) -> None:
    for who in whos:
        assert (await asked_of_one_who_wrote(wrote, who)).code == 3, who


@pytest.mark.parametrize("who", ["408-555-0147 or ana@example.com", "ann lee@gmail.com"])
async def test_more_than_an_address_is_refused(who: str) -> None:
    there = stores(redis=True)

    with pytest.raises(SettingsError, match="no email address"):
        await forget(there.desk, who)


async def test_twice_finds_nothing_the_second_time(tmp_path: Path) -> None:
    there = await full(tmp_path)

    await forget(there.desk, THREAD)

    assert (await forget(there.desk, "+14085550176")).code == 3


@pytest.mark.parametrize("state", [State.CLOSED, State.SENT])
@pytest.mark.parametrize("who", ["(408) 555-0147", "Ana@Example.com", "408-555-0100"])
async def test_who_is_only_in_the_conversation_is_found(state: State, who: str) -> None:
    """From day 91, or where no lead was ever fixed."""
    there = stores(redis=True)
    await there.lead(record(state))
    text = "call 408-555-0100. sorry, it is 408 555 0147, or ana@example.com"
    there.conversations.put(SHOP, conversation(THREAD, text, "v_1", PHOTO))
    await keep_file(there, PHOTO)

    shown = await forget(there.desk, who)

    assert removed(shown) == {"attachments": 1, "conversations": 1, "threads": 1}
    assert not there.blobs.bodies


async def test_uploads_that_no_message_carries_go_too() -> None:
    there = stores(redis=True)
    await there.lead(record(State.PENDING))
    there.conversations.put(SHOP, conversation())
    there.conversations.put(SHOP, conversation("cthr_9", "hi", "v_1", "att_" + "n" * 22))
    mine = {"att_" + letter * 22: thread for letter, thread in (("b", THREAD), ("c", ""))}
    stay = {"att_" + letter * 22: thread for letter, thread in (("n", ""), ("o", "cthr_9"))}
    for id_, thread in (mine | stay).items():
        await keep_file(there, id_, thread=thread)
    await keep_file(there, "att_" + "s" * 22, visitor="v_stranger")

    shown = await forget(there.desk, THREAD)

    kept = [key for key in there.blobs.bodies if key.startswith("attachments/")]
    assert removed(shown)["attachments"] == 2
    assert sorted(kept) == sorted(record_key(id_) for id_ in (*stay, "att_" + "s" * 22))


async def test_files_that_were_refused_go_too() -> None:
    there = stores(redis=True)
    await there.lead(record(State.PENDING))
    there.conversations.put(SHOP, conversation())
    keys = [refusal_key(SHOP, visitor, PHOTO) for visitor in ("v_1", "v_stranger")]
    for key, visitor in zip(keys, ("v_1", "v_stranger"), strict=True):
        refused = StoredAttachment(
            id=PHOTO, shop=SHOP, visitor=visitor, name="b.jpg", created_at=NOW, problem="too_large"
        )
        await there.blobs.put(key, msgspec.json.encode(refused), content_type="application/json")

    shown = await forget(there.desk, THREAD)

    assert removed(shown)["attachments"] == 1
    assert [key for key in there.blobs.bodies if key.startswith("attachments/")] == keys[1:]


@pytest.mark.parametrize("alone", [True, False])
async def test_the_watch_goes_unless_others_of_its_browser_need_it(*, alone: bool) -> None:
    there = stores(redis=True)
    await there.lead(record(State.PENDING))
    there.conversations.put(SHOP, conversation())
    if not alone:
        there.conversations.put(SHOP, conversation("cthr_9"))
    for visitor in ("v_1", "v_2"):
        await there.records.put_watch(
            Watch(shop=SHOP, visitor=visitor, due_at=NOW + 2000, page_url="/p")
        )

    shown = await forget(there.desk, THREAD)

    left = {watch.visitor: watch.page_url for watch in there.records.watches.values()}
    assert left == ({"v_2": "/p"} if alone else {"v_1": "", "v_2": "/p"})
    assert removed(shown)["watches"] == 1
    assert ("cthr_9" in str(shown.lines)) is not alone


async def test_what_waits_is_parked_or_was_answered_in_the_streams_goes_too() -> None:
    there = stores(redis=True)
    streams = there.desk.streams
    assert streams
    await there.lead(record(State.PENDING))
    there.conversations.put(SHOP, conversation())
    for visitor in ("v_1", "v_12"):
        await streams.publish(ChatRequest(shop=SHOP, visitor=visitor, body="my number is ..."))
    for thread in (THREAD, OTHER):
        wish = SendLeadMail(
            shop=SHOP, thread_id=thread, snapshot="s", last_item_id="i", kind="full", reason="idle"
        )
        await park(streams, seal(wish))
        said = ChatChunk(data=json.dumps({"item": {"thread_id": thread}}))
        await streams.reply(f"answer.{thread}", said)

    shown = await forget(there.desk, THREAD)

    assert removed(shown)["messages in streams"] == 3
    [answer] = await streams.redis.execute("KEYS", "*answer.*")
    assert OTHER.encode() in answer
    [chat] = await streams.oversight.stats(CHAT_REQUEST)
    assert chat.unread == 1
    [letter] = await streams.oversight.dead(MAIL_SEND)
    assert OTHER.encode() in letter.body


async def park(streams: Streams, body: bytes) -> None:
    lane = "mail.send:0"
    await streams.broker.prepare(lane)
    await streams.broker.add(lane, body)
    [entry] = await streams.broker.read(lane, "r", count=1, wait_seconds=0.01)
    await streams.broker.park(lane, [DeadLetter("", entry.id, "broken", 3, entry.body)])


async def test_a_redis_that_is_silent_is_said(tmp_path: Path) -> None:
    there = await full(tmp_path)

    shown = await forget(dataclasses.replace(there.desk, streams=None), THREAD)

    assert shown.code == 1
    assert "ask again" in str(shown.lines[-1])
    assert (SHOP, THREAD) not in there.conversations.threads


@pytest.mark.parametrize("state", [State.PENDING, State.ERROR, State.HELD])
async def test_a_lead_that_was_to_be_sent_ends_without_a_person_being_told(state: State) -> None:
    """Its words gone, it was held, and an alert blamed OPENAI_API_KEY."""
    there = stores(redis=True)
    await there.lead(record(state, due_at=NOW, attempt=1), snapshot())
    there.conversations.put(SHOP, conversation())

    shown = await forget(there.desk, THREAD)

    ended = there.records.leads[KEY]
    assert shown.code == 0
    assert removed(shown)["leads that were to be sent"] == 1
    assert (ended.state, ended.reason, ended.due_at) == (State.CLOSED, "forgotten", None)


async def test_one_that_an_earlier_release_forgot_and_held_for_ever_ends_too() -> None:
    there = stores(redis=True)
    await there.lead(record(State.HELD, reason="conversation_gone"))

    shown = await forget(there.desk, THREAD)

    assert shown.code == 0
    assert there.records.leads[KEY].state is State.CLOSED


async def test_what_a_worker_may_yet_write_down_is_said() -> None:
    """It was asking the model, and kept what it had read for 90 days."""
    there = stores(redis=True)
    await there.lead(record(State.PENDING), snapshot())
    assert there.desk.streams
    leases, name = RedisLeases(there.desk.streams.redis), thread_name(SHOP, THREAD)
    await leases.take(name, "entry-1", 60)

    during = await forget(there.desk, THREAD)
    await leases.release(name, "entry-1")
    after = await forget(there.desk, THREAD)

    assert (during.code, "A worker may yet" in str(during.lines)) == (1, True)
    assert "A worker may yet" not in str(after.lines)


async def test_the_lease_that_a_sent_lead_leaves_behind_is_nobodys() -> None:
    there = stores(redis=True)
    await there.lead(record(State.SENT, attempt=1), snapshot())
    assert there.desk.streams
    await RedisLeases(there.desk.streams.redis).take(thread_name(SHOP, THREAD), "entry-1", 60)

    assert (await forget(there.desk, THREAD)).code == 0


async def test_a_mail_in_flight_is_left_to_what_becomes_of_it() -> None:
    there = stores(redis=True)
    await there.lead(record(State.SENDING, attempt=1, due_at=NOW + 60), snapshot())

    shown = await forget(there.desk, "ana@example.com")
    again = await forget(there.desk, THREAD)

    kept = there.records.leads[KEY]
    assert (shown.code, again.code) == (1, 1)
    assert f"`handoff forget {THREAD}` again in half an hour" in str(shown.lines)
    assert removed(shown) == {"leads": 1, "threads": 1}
    assert (kept.state, kept.reason, kept.due_at) == (State.SENDING, "forgotten", NOW + 60)


@pytest.mark.parametrize("who", ["ana@example.com", OTHER])
async def test_a_lead_that_cannot_be_read_keeps_nobody_else_from_being_forgotten(who: str) -> None:
    there = stores(redis=True)
    spoiled = (await there.lead(record(), snapshot())).snapshot
    await there.lead(record(thread=OTHER), snapshot(OTHER))
    there.blobs.bodies[spoiled] = b'{"shop":"craigs"}'
    await there.blobs.put(record_key(PHOTO), b"{", content_type="application/json")
    await there.lead(spoiled_record := record(thread="cthr_3"))
    there.records.spoiled.add(spoiled_record.key)

    shown = await forget(there.desk, who)

    assert shown.code == 0
    assert removed(shown)["threads"] == 1
    assert there.desk.unreadable >= {record_key(PHOTO)}
    assert (spoiled in there.desk.unreadable) == ("@" in who)


@pytest.mark.parametrize("who", [THREAD, "ana@example.com"])
async def test_a_person_whose_record_cannot_be_read_is_forgotten_all_the_same(who: str) -> None:
    there = stores(redis=True)
    await there.lead(record(), snapshot())
    there.conversations.put(SHOP, conversation())
    there.records.spoiled.add(KEY)

    shown = await forget(there.desk, who)

    assert removed(shown)["conversations"] == removed(shown)["leads"] == 1
    assert there.desk.unreadable == {KEY}


@pytest.mark.slow
async def test_no_byte_is_left_in_the_files_of_one_machine(tmp_path: Path) -> None:
    """While the product runs on them: the logs of its databases and of its own Redis hold much."""
    (folder := tmp_path / "redis").mkdir()
    environ = {"HANDOFF_DATA": str(tmp_path), "SITE_KEYS": "k" * 40}
    async with AsyncExitStack() as stack:
        server = stack.enter_context(redis_server("--dir", str(folder), "--appendonly", "yes"))
        (folder / "redis.url").write_text(server.url)
        await asyncio.to_thread(started, tmp_path)
        running = await open_desk(environ, stack)
        await write_all(running, stack)
        before = {path.suffix for path in holding(tmp_path)}

        shown = await forget(await open_desk(environ, stack), THREAD)

        async with asyncio.timeout(60):
            while holding(tmp_path):  # Redis writes its file anew beside its work
                await asyncio.sleep(0.05)

    assert before >= {".sqlite3-wal", ".aof"}
    assert removed(shown)["messages in streams"] == 1


SECRET = "call 408-555-0147"


async def write_all(desk: Desk, stack: AsyncExitStack) -> None:
    store, owner = await open_chat_store(desk.settings, stack), Owner(SHOP, "v_1")
    await store.put_thread(owner, ThreadRow(id=THREAD, created_at=NOW))
    body = json.dumps({"id": "cthi_1", "type": "user_message", "content": [{"text": SECRET}]})
    row = ItemRow(id="cthi_1", kind="user_message", at=NOW, changed_at=NOW, body=body)
    await store.put_item(owner, THREAD, row)
    considered = Considered(reason="auto", due_at=NOW, visitor="v_1")
    await apply(desk.records, LeadKey(SHOP, THREAD), considered, desk.clock)
    await desk.blobs.put(f"mail/{SHOP}/{THREAD}/x.eml", SECRET.encode(), content_type="text/plain")
    assert desk.streams
    await desk.streams.publish(ChatRequest(shop=SHOP, visitor="v_1", body=SECRET))


def holding(folder: Path) -> list[Path]:
    found = []
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        with suppress(FileNotFoundError):  # Redis puts its new file in the place of the old one
            found += [path] if SECRET.encode() in path.read_bytes() else []
    return found
