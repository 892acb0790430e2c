"""Golden mails: conversations as snapshots, and the very bytes that the shop gets for them.

A golden mail changes only by `python -m tests.golden`, and then its difference is read like code.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from libs.blobs.fakes import MemoryBlobs
from libs.shops.profile import ShopProfile, load_shops
from libs.snapshot import LeadSnapshot, Photo, decode_snapshot
from services.mailer.letter.build import MailBuilder
from services.mailer.letter.photos import BlobPhotoShelf
from services.mailer.letter.shape import Rung
from services.mailer.ports import Variant

HERE: Final = Path(__file__).parent
SHOPS: Final = load_shops(HERE.parent.parent / "deploy" / "shops")
PUBLIC_URL: Final = "https://chat.craigs.autos"
KEY: Final = "golden-key-golden-key-golden-key-golden"


class Case(msgspec.Struct, frozen=True):
    name: str
    snapshot: str
    attempt: int = 1
    possible_copy: bool = False
    rung: Rung = Rung.FULL

    @property
    def path(self) -> Path:
        return HERE / "mails" / f"{self.name}.eml"


def _plainly(*names: str) -> list[Case]:
    return [Case(name, name) for name in names]


CASES: Final = (
    *_plainly(
        "english_photos", "spanish_photos", "chinese", "arabic_doubtful_email", "vietnamese",
        "partial_email_only", "model_down", "long_chat", "long_names", "failed_photo",
        "twelve_photos", "hostile", "phone_only",
    ),
    Case("possible_copy", "possible_copy", attempt=2, possible_copy=True),
    Case("without_attachments", "english_photos", rung=Rung.WITHOUT_ATTACHMENTS),
    Case("long_chat_without_attachments", "long_chat", rung=Rung.WITHOUT_ATTACHMENTS),
    Case("without_summary", "english_photos", rung=Rung.WITHOUT_SUMMARY),
    Case("plain", "english_photos", rung=Rung.PLAIN),
)  # fmt: skip


def read_snapshot(name: str) -> LeadSnapshot:
    return decode_snapshot((HERE / "snapshots" / f"{name}.json").read_bytes())


def profile_of(snapshot: LeadSnapshot) -> ShopProfile:
    return SHOPS.by_slug[snapshot.shop]


async def compose(case: Case) -> bytes:
    snapshot = read_snapshot(case.snapshot)
    blobs = MemoryBlobs()
    await _stock(blobs, snapshot.photos)
    builder = MailBuilder(BlobPhotoShelf(blobs), blobs, PUBLIC_URL, (KEY,), SHOPS.by_slug)
    key = f"snapshots/{snapshot.shop}/{snapshot.thread_id}/golden.json"
    return await builder.compose(
        snapshot, Variant(case.attempt, case.possible_copy, case.rung, key)
    )


async def _stock(blobs: MemoryBlobs, photos: Sequence[Photo]) -> None:
    for photo in photos:
        number = int(photo.id.removeprefix("att_"))
        if photo.mime_type == "application/pdf":
            await blobs.put(photo.blob_key, b"%PDF-1.4\n%%EOF\n", content_type=photo.mime_type)
        elif not photo.failed:
            jpeg = (HERE / "photos" / f"{number}.jpg").read_bytes()
            for side in ("1200", "320"):
                key = f"renditions/{photo.id}/{side}.jpg"
                await blobs.put(key, jpeg, content_type="image/jpeg")
