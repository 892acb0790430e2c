"""Under which name a view is saved, and what there is nothing to show of."""

from __future__ import annotations

import msgspec
import pytest

from libs.attachments.records import View, put_record, rendition_key
from libs.blobs.fakes import MemoryBlobs
from services.attachments.serving import serve
from tests.unit.attachments.world import ANNOUNCED


async def kept(name: str, mime_type: str) -> MemoryBlobs:
    blobs = MemoryBlobs()
    stored = msgspec.structs.replace(ANNOUNCED, name=name, mime_type=mime_type)
    await put_record(blobs, stored)
    for key in (rendition_key(stored.id, "1200"), stored.original_key):
        await blobs.put(key, b"bytes", content_type=mime_type)
    return blobs


@pytest.mark.parametrize(
    ("name", "mime_type", "view", "saved"),
    [
        ("IMG_1.HEIC", "image/jpeg", "original", "IMG_1.jpg"),
        ("IMG_1.HEIC", "image/jpeg", "1200", "IMG_1.jpg"),
        ("IMG_1.JPEG", "image/jpeg", "original", "IMG_1.JPEG"),
        ("seat.png", "image/png", "original", "seat.png"),
        ("seat.png", "image/png", "1200", "seat.jpg"),
        ("seat", "image/jpeg", "1200", "seat.jpg"),
        ("quote.pdf", "application/pdf", "original", "quote.pdf"),
    ],
)
async def test_what_is_saved_has_the_ending_that_opens_it(
    name: str, mime_type: str, view: View, saved: str
) -> None:
    served = await serve(await kept(name, mime_type), ANNOUNCED.id, view)

    assert served
    assert served.name == saved
    assert served.inline == (view != "original")


async def test_there_is_nothing_to_show_of_what_is_not_there() -> None:
    blobs = await kept("seat.jpg", "image/jpeg")

    assert await serve(blobs, ANNOUNCED.id, "320") is None
    assert await serve(blobs, "att_" + "b" * 22, "original") is None
    await put_record(blobs, ANNOUNCED)
    assert await serve(blobs, ANNOUNCED.id, "1200") is None
