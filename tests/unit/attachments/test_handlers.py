"""What becomes of the bytes of one upload, and of its record."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from errno import ENOSPC
from pathlib import Path
from typing import IO, NoReturn

import msgspec
import pytest

from libs.attachments.missed import missed_files, take_back
from libs.attachments.records import StoredAttachment, find_record, put_record, refusal_key
from libs.blobs.fakes import MemoryBlobs
from libs.blobs.structs import find_struct
from libs.errors import Unavailable
from services.attachments import handlers
from services.attachments.ports import Arriving, BrokeOff, Darkroom, Developed, Refused
from services.attachments.refusals import UploadRefused
from tests.unit.attachments.world import (
    ANNOUNCED,
    JPEG,
    PDF,
    Arrived,
    Counting,
    Cut,
    attachments,
)


async def announced() -> MemoryBlobs:
    blobs = MemoryBlobs()
    await put_record(blobs, ANNOUNCED)
    return blobs


async def test_a_refusal_that_comes_late_erases_no_success(tmp_path: Path) -> None:
    """Two requests may follow one upload link."""
    desk = attachments(tmp_path, blobs := await announced())
    stored = await desk.take_in(ANNOUNCED, "", Arrived(PDF))

    with pytest.raises(UploadRefused):
        await desk.take_in(ANNOUNCED, "", Arrived(b"neither photo nor PDF"))

    assert await find_record(blobs, ANNOUNCED.id) == stored
    assert not [key for key in blobs.bodies if "refused" in key]


@pytest.mark.parametrize(("body", "kind"), [(JPEG, "image/jpeg"), (PDF, "application/pdf")])
async def test_what_was_refused_may_be_sent_again_by_the_same_link(
    body: bytes, kind: str, tmp_path: Path
) -> None:
    desk = attachments(tmp_path, blobs := await announced())
    with pytest.raises(UploadRefused):
        await desk.take_in(ANNOUNCED, "", Arrived(b"neither photo nor PDF"))
    refused = await find_record(blobs, ANNOUNCED.id)

    assert refused
    stored = await desk.take_in(refused, "", Arrived(body))

    assert (refused.mime_type, refused.problem) == ("", "unsupported_type")
    assert (stored.mime_type, stored.problem) == (kind, "")
    assert await find_record(blobs, ANNOUNCED.id) == stored


async def test_what_was_taken_back_on_its_way_stays_so_whatever_comes(tmp_path: Path) -> None:
    desk = attachments(tmp_path, blobs := await announced())
    await take_back(blobs, ANNOUNCED)

    with pytest.raises(UploadRefused):
        await desk.take_in(ANNOUNCED, "", Arrived(b"neither photo nor PDF"))
    with pytest.raises(BrokeOff):
        await desk.take_in(ANNOUNCED, "", Cut(JPEG))
    with pytest.raises(UploadRefused, match="not_found"):
        await desk.take_in(ANNOUNCED, "", Arrived(JPEG))

    assert [one async for one in missed_files(blobs, ANNOUNCED.shop, ANNOUNCED.visitor)] == []
    assert not [key for key in blobs.bodies if not key.startswith("attachments/")]


class Full:
    async def develop(self, source: Path, folder: Path, mime_type: str) -> NoReturn:
        raise Unavailable("darkroom", "too many wait")


class NoSpace:
    async def develop(self, source: Path, folder: Path, mime_type: str) -> NoReturn:
        raise OSError(ENOSPC, "No space left on device")


async def asked_for(blobs: MemoryBlobs) -> StoredAttachment | None:
    key = refusal_key(ANNOUNCED.shop, ANNOUNCED.visitor, ANNOUNCED.id)
    return await find_struct(blobs, key, StoredAttachment)


@pytest.mark.parametrize(
    ("darkroom", "reason"), [(Full(), "darkroom: too many wait"), (NoSpace(), "spool: ENOSPC")]
)
async def test_what_there_was_no_room_for_is_asked_for_and_may_be_sent_again(
    darkroom: Darkroom, reason: str, tmp_path: Path
) -> None:
    desk = replace(attachments(tmp_path, blobs := await announced()), darkroom=darkroom)
    with pytest.raises(Unavailable, match=reason):
        await desk.take_in(ANNOUNCED, "", Arrived(JPEG))

    assert await asked_for(blobs) == msgspec.structs.replace(ANNOUNCED, problem="unavailable")
    assert await find_record(blobs, ANNOUNCED.id) == ANNOUNCED


@pytest.mark.parametrize("step", ["folder", "write"])
async def test_a_spool_that_takes_nothing_is_our_trouble(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(arriving: Arriving, out: IO[bytes]) -> NoReturn:
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(handlers, "_move", full)
    there = tmp_path if step == "write" else tmp_path / "gone"
    desk = attachments(there, blobs := await announced())

    with pytest.raises(Unavailable, match=r"spool: ENO(SPC|ENT)"):
        await desk.take_in(ANNOUNCED, "", Arrived(PDF))

    assert (await asked_for(blobs)).problem == "unavailable"


async def test_what_broke_off_is_asked_for_and_may_be_sent_again(tmp_path: Path) -> None:
    desk = attachments(tmp_path, blobs := await announced())
    with pytest.raises(BrokeOff):
        await desk.take_in(ANNOUNCED, "", Cut(JPEG))

    assert await asked_for(blobs) == msgspec.structs.replace(ANNOUNCED, problem="not_uploaded")
    assert await find_record(blobs, ANNOUNCED.id) == ANNOUNCED
    assert (await desk.take_in(ANNOUNCED, "", Arrived(JPEG))).mime_type == "image/jpeg"


@pytest.mark.parametrize("darkroom", [Full(), NoSpace()])
async def test_what_is_lost_by_our_fault_costs_nothing_of_the_day(
    darkroom: Darkroom, tmp_path: Path
) -> None:
    desk = replace(attachments(tmp_path), allowance=(allowance := Counting()))
    with pytest.raises(Unavailable):
        await replace(desk, darkroom=darkroom).take_in(ANNOUNCED, "", Arrived(JPEG))
    lost = allowance.spent
    await desk.take_in(ANNOUNCED, "", Arrived(JPEG))

    assert (lost, allowance.spent) == (0, len(JPEG))


async def test_what_takes_us_too_long_costs_nothing_of_the_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stuck:
        async def develop(self, source: Path, folder: Path, mime_type: str) -> Developed:
            return await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(handlers, "ANSWER_SECONDS", 0.01)
    allowance = Counting()
    desk = replace(attachments(tmp_path), darkroom=Stuck(), allowance=allowance)

    with pytest.raises(Unavailable, match="too long"):
        await desk.take_in(ANNOUNCED, "", Arrived(JPEG))

    assert allowance.spent == 0


@pytest.mark.parametrize("over", [0, 1])
async def test_a_file_may_have_twelve_megabytes_and_not_a_byte_more(
    over: int, tmp_path: Path
) -> None:
    body = PDF + b" " * (12 * 1024 * 1024 - len(PDF) + over)
    desk = attachments(tmp_path, blobs := MemoryBlobs())
    taken = desk.take_in(ANNOUNCED, "application/pdf", Arrived(body))

    if over:
        with pytest.raises(UploadRefused, match="too_large"):
            await taken
        assert [key for key in blobs.bodies if not key.startswith("attachments/")] == []
    else:
        assert (await taken).size_bytes == len(body)


async def test_what_a_file_is_refused_for_costs_its_bytes(tmp_path: Path) -> None:
    class Refusing:
        async def develop(self, source: Path, folder: Path, mime_type: str) -> NoReturn:
            raise Refused("bomb")

    allowance = Counting()
    desk = replace(attachments(tmp_path), darkroom=Refusing(), allowance=allowance)

    with pytest.raises(UploadRefused):
        await desk.take_in(ANNOUNCED, "", Arrived(JPEG))

    assert allowance.spent == len(JPEG)


class Lost(MemoryBlobs):
    async def put(self, key: str, body: bytes, *, content_type: str) -> None:
        raise Unavailable("blobs", "gone")


async def test_a_store_that_is_lost_as_well_changes_no_answer(tmp_path: Path) -> None:
    desk = replace(attachments(tmp_path, Lost()), darkroom=Full())

    with pytest.raises(Unavailable, match="darkroom"):
        await desk.take_in(ANNOUNCED, "", Arrived(JPEG))
    with pytest.raises(BrokeOff):
        await desk.take_in(ANNOUNCED, "", Cut(JPEG))
