"""Files of a conversation: announced, found, bound to whoever sent them."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from libs.attachments.missed import BROKE_OFF, keep_missed, missed_files
from libs.attachments.records import (
    LARGEST_BYTES,
    StoredAttachment,
    check_link,
    check_upload,
    find_record,
    put_record,
    record_key,
)
from tests.unit.chat.world import KEYS, Answer, Json, Scripted, World, add, create

SENT = "att_" + "s" * 22


def announce(name: str = "seat.jpg", size: int = 1000, mime_type: str = "image/jpeg") -> Json:
    params = {"name": name, "size": size, "mime_type": mime_type}
    return {"type": "attachments.create", "params": params}


def remove(attachment_id: str) -> Json:
    return {"type": "attachments.delete", "params": {"attachment_id": attachment_id}}


async def uploaded(world: World, visitor: str = "v_ana", mime_type: str = "image/jpeg") -> None:
    """Sent straight to the attachments service, which knows its sender."""
    record = StoredAttachment(
        id=SENT, shop="craigs", visitor=visitor, name="seat.jpg", created_at=1.0,
        mime_type=mime_type,
    )  # fmt: skip
    body = msgspec.json.encode(record)
    await world.blobs.put(record_key(SENT), body, content_type="application/json")


def files(answer: Answer) -> list[Json]:
    return list(answer.items[0]["attachments"])


async def test_an_announced_file_gets_a_place_to_go() -> None:
    world = World(Scripted())
    told = (await world.ask(announce())).json

    assert told
    assert told["id"].startswith("att_")
    assert len(told["id"]) == 26
    assert told["type"] == "image"
    url = told["upload_descriptor"]["url"]
    assert told["upload_descriptor"].keys() == {"url", "method", "headers"}
    assert (told["upload_descriptor"]["method"], told["upload_descriptor"]["headers"]) == (
        "POST", {},
    )  # fmt: skip
    assert url.startswith("https://chat.example/api/chatkit/attachment?id=att_")
    signature = url.partition("upload=")[2]
    assert check_upload(KEYS, told["id"], signature, world.clock.at) is None
    assert check_upload(KEYS, "att_other", signature, world.clock.at) is not None


async def test_a_message_carries_its_files_and_no_place_to_upload_to() -> None:
    world = World(Scripted())
    told = (await world.ask(announce())).json
    assert told
    answer = await world.ask(create("Look", told["id"]))

    (file,) = files(answer)
    assert file["id"] == told["id"]
    assert "upload_descriptor" not in file
    assert file["thread_id"] == answer.thread_id


@pytest.mark.parametrize(("count", "status"), [(7, 0), (8, 413)])
async def test_a_message_carries_seven_files(count: int, status: int) -> None:
    world = World(Scripted())
    told = [(await world.ask(announce())).json for _ in range(count)]
    answer = await world.ask(create("Look", *(one["id"] for one in told if one)))

    if status:
        assert answer.refused
        assert (answer.refused.status, answer.refused.error) == (status, "too_many_attachments")
    else:
        assert len(files(answer)) == count


async def test_a_pdf_is_a_file() -> None:
    told = (await World().ask(announce("quote.pdf", mime_type="application/pdf"))).json

    assert told
    assert told["type"] == "file"
    assert "preview_url" not in told


@pytest.mark.parametrize(
    ("name", "declared", "kind"),
    [
        ("IMG_1.HEIC", "", "image/heic"),
        ("IMG_1.heif", "application/octet-stream", "image/heic"),
        ("IMG_1.HEIC", "image/heic-sequence", "image/heic"),
        ("seat", "image/pjpeg", "image/jpeg"),
    ],
)
async def test_a_browser_need_not_know_the_type(name: str, declared: str, kind: str) -> None:
    told = (await World().ask(announce(name, mime_type=declared))).json

    assert told
    assert (told["type"], told["mime_type"]) == ("image", kind)
    assert told["upload_descriptor"]


@pytest.mark.parametrize(
    ("given", "status", "problem"),
    [
        (announce(size=LARGEST_BYTES + 1), 413, "too_large"),
        (announce(size=0), 400, "no_file"),
        (announce(size=-1), 400, "no_file"),
        (announce(mime_type="image/svg+xml"), 415, "unsupported_type"),
        (announce(mime_type="text/html"), 415, "unsupported_type"),
        (announce("list.txt", mime_type=""), 415, "unsupported_type"),
        (announce("seat", mime_type=""), 415, "unsupported_type"),
    ],
)
async def test_what_the_shop_does_not_take_is_refused_and_remembered_to_be_asked_for(
    given: Json, status: int, problem: str
) -> None:
    world = World()
    refused = (await world.ask(given)).refused

    assert refused
    assert (refused.status, refused.error) == (status, problem)
    [missed] = [one async for one in missed_files(world.blobs, "craigs", "v_ana")]
    assert (missed.name, missed.problem) == (given["params"]["name"], problem)
    assert missed.created_at == world.clock.at
    assert len(world.blobs.bodies) == 1


async def test_a_file_that_was_sent_straight_away_is_found() -> None:
    world = World(Scripted())
    await uploaded(world)
    answer = await world.ask(create("Look", SENT))

    assert files(answer)[0]["name"] == "seat.jpg"


@pytest.mark.parametrize("stranger", ["v_mallory", "v_ana2"])
async def test_a_file_of_somebody_else_is_not(stranger: str) -> None:
    world = World(Scripted())
    await uploaded(world)
    refused = (await world.ask(create("Look", SENT), visitor=stranger)).refused

    assert refused
    assert (refused.status, refused.error) == (404, "unknown_file")


async def test_a_file_whose_bytes_never_came_in_is_not() -> None:
    world = World(Scripted())
    await uploaded(world, mime_type="")

    assert (await world.ask(create("Look", SENT))).refused


async def test_a_removed_file_cannot_be_sent_any_more() -> None:
    world = World(Scripted())
    told = (await world.ask(announce())).json
    assert told
    assert (await world.ask(remove(told["id"]))).json == {}
    assert (await world.ask(create("Look", told["id"]))).refused


async def missing(world: World, attachment_id: str, problem: str = BROKE_OFF) -> None:
    """As the attachments service remembers it."""
    record = await find_record(world.blobs, attachment_id)
    assert record
    await keep_missed(world.blobs, msgspec.structs.replace(record, problem=problem))


async def missed(world: World) -> list[str]:
    return [one.id async for one in missed_files(world.blobs, "craigs", "v_ana")]


@pytest.mark.parametrize("first", ["removed", "broken"])
async def test_a_file_that_is_removed_on_its_way_is_not_asked_for(first: str) -> None:
    """Its upload breaks off by that, sooner or later."""
    world = World()
    told = (await world.ask(announce())).json
    assert told
    if first == "broken":
        await missing(world, told["id"])
        assert await missed(world) == [told["id"]]

    await world.ask(remove(told["id"]))
    if first == "removed":
        await missing(world, told["id"])

    assert await missed(world) == []


async def test_a_file_that_was_refused_is_asked_for_also_when_it_is_removed() -> None:
    world = World()
    told = (await world.ask(announce())).json
    assert told
    record = await find_record(world.blobs, told["id"])
    assert record
    refused = msgspec.structs.replace(record, problem="unsupported_type")
    await put_record(world.blobs, refused)
    await keep_missed(world.blobs, refused)

    await world.ask(remove(told["id"]))

    assert await missed(world) == [told["id"]]
    assert await find_record(world.blobs, record.id) == refused


async def test_what_we_failed_to_take_in_is_asked_for_also_when_it_is_removed() -> None:
    world = World()
    told = (await world.ask(announce())).json
    assert told
    await missing(world, told["id"], "unavailable")

    await world.ask(remove(told["id"]))

    assert await missed(world) == [told["id"]]


async def test_what_a_message_carries_is_asked_for_whatever_is_removed_later() -> None:
    world = World(Scripted())
    told = (await world.ask(announce())).json
    assert told
    await world.ask(create("Look", told["id"]))
    await missing(world, told["id"])

    await world.ask(remove(told["id"]))

    assert await missed(world) == [told["id"]]


async def test_a_stranger_takes_nothing_back() -> None:
    world = World()
    told = (await world.ask(announce())).json
    assert told

    assert (await world.ask(remove(told["id"]), visitor="v_eve")).refused
    await missing(world, told["id"])

    assert await missed(world) == [told["id"]]


async def test_a_picture_is_still_seen_the_day_after() -> None:
    """The links in what is kept have ended by then, or their key has gone."""
    world = World(Scripted())
    told = (await world.ask(announce())).json
    assert told
    thread = (await world.ask(create("Look", told["id"]))).thread_id
    world.clock.at += 25 * 3600

    listed = (await world.ask({"type": "items.list", "params": {"thread_id": thread}})).json
    opened = (await world.ask({"type": "threads.get_by_id", "params": {"thread_id": thread}})).json
    again = await world.ask(add(thread, "And once more", told["id"]))

    assert listed
    assert opened
    for shown in (listed["data"], opened["items"]["data"], again.items):
        [file] = next(item for item in shown if item["type"] == "user_message")["attachments"]
        link = dict(parse_qsl(urlsplit(file["preview_url"]).query))
        problem = check_link(KEYS, told["id"], "320", link["signature"], world.clock.at)
        assert problem is None
