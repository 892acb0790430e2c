"""What becomes of the bytes of one upload, and of its record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest

from libs.attachments import decode_record, record_key, refusal_key
from libs.blobs.fakes import MemoryBlobs
from libs.errors import Unavailable
from services.attachments.handlers import UploadRefused
from tests.unit.attachments.world import ANNOUNCED, JPEG, PDF, Arrived, attachments


async def announced() -> MemoryBlobs:
    blobs = MemoryBlobs()
    body = msgspec.json.encode(ANNOUNCED)
    await blobs.put(record_key(ANNOUNCED.id), body, content_type="application/json")
    return blobs


async def test_a_refusal_that_comes_late_erases_no_success(tmp_path: Path) -> None:
    """Two requests may follow one upload link."""
    desk = attachments(tmp_path, blobs := await announced())
    stored = await desk.take_in(ANNOUNCED, "", Arrived(PDF))

    with pytest.raises(UploadRefused):
        await desk.take_in(ANNOUNCED, "", Arrived(b"neither photo nor PDF"))

    assert await desk.find(ANNOUNCED.id) == stored
    assert not [key for key in blobs.bodies if "refused" in key]


async def test_what_was_refused_may_be_sent_again_by_the_same_link(tmp_path: Path) -> None:
    desk = attachments(tmp_path, await announced())
    with pytest.raises(UploadRefused):
        await desk.take_in(ANNOUNCED, "", Arrived(b"neither photo nor PDF"))
    refused = await desk.find(ANNOUNCED.id)

    stored = await desk.take_in(ANNOUNCED, "", Arrived(JPEG))

    assert refused
    assert (refused.mime_type, refused.problem) == ("", "unsupported_type")
    assert (stored.mime_type, stored.problem) == ("image/jpeg", "")
    assert await desk.find(ANNOUNCED.id) == stored


class Full:
    async def develop(self, source: Path, folder: Path, mime_type: str) -> NoReturn:
        raise Unavailable("darkroom", "too many wait")


async def test_what_there_was_no_room_for_is_asked_for_and_may_be_sent_again(
    tmp_path: Path,
) -> None:
    desk = attachments(tmp_path, blobs := await announced())
    with pytest.raises(Unavailable):
        await replace(desk, darkroom=Full()).take_in(ANNOUNCED, "", Arrived(JPEG))

    missed = decode_record(
        await blobs.get(refusal_key(ANNOUNCED.shop, ANNOUNCED.visitor, ANNOUNCED.id))
    )
    assert missed == msgspec.structs.replace(ANNOUNCED, problem="unavailable")
    assert await desk.find(ANNOUNCED.id) == ANNOUNCED


async def test_a_store_that_is_lost_as_well_changes_no_answer(tmp_path: Path) -> None:
    class Lost(MemoryBlobs):
        async def put(self, key: str, body: bytes, *, content_type: str) -> None:
            raise Unavailable("blobs", "gone")

    desk = replace(attachments(tmp_path, Lost()), darkroom=Full())

    with pytest.raises(Unavailable, match="darkroom"):
        await desk.take_in(ANNOUNCED, "", Arrived(JPEG))
