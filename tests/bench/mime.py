"""A mail with five photos of 300 KB: processor time, how long the loop waits, the same bytes."""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from email.message import EmailMessage

import msgspec

from libs.blobs.fakes import MemoryBlobs
from libs.leads.snapshot import LeadSnapshot, Photo
from services.mailer.letter.arrange import arrange
from services.mailer.letter.build import MailBuilder
from services.mailer.letter.mime import Envelope, mime_pieces
from services.mailer.letter.photos import BlobPhotoShelf
from services.mailer.letter.shape import PhotoPlan, Rung
from services.mailer.ports import Variant
from tests.bench import Row
from tests.golden import KEY, PUBLIC_URL, SHOPS, read_snapshot

PHOTOS = 5
PHOTO_BYTES = 300_000
ROUNDS = 40
SAME = 10_000


def main() -> list[Row]:
    plan, envelope = _plan(), _envelope()
    mime = _cpu(lambda: _mime(envelope, plan))
    floor = _cpu(lambda: _email_message(plan))
    blocked, whole = asyncio.run(_composed())
    return [
        Row("mail: MIME with 5 x 300 KB photos", "ms CPU", mime, 8, "less", floor),
        Row("mail: the whole build, view and HTML included", "ms CPU", whole),
        Row("mail: longest wait of the loop during a build (median)", "ms", blocked, 2, "less"),
        Row(f"mail: same bytes, of {SAME:,}", "mails", _same(envelope), SAME),
    ]


TEXT = "A line of the text part, as long as most of them are.\n" * 60
HTML = '<div style="padding:8px 0;font-size:16px">A line of the mail</div>\n' * 600


def _jpeg(seed: int) -> bytes:
    """As large and as incompressible as a photo; the frame header is a real one."""
    frame = b"\xff\xd8\xff\xc0\x00\x11\x08\x03\x84\x04\xb0\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"
    return frame + random.Random(seed).randbytes(PHOTO_BYTES - len(frame))


def _snapshot() -> LeadSnapshot:
    photos = tuple(
        Photo(
            id=f"att_{number:022d}",
            name=f"IMG_{number}.jpg",
            mime_type="image/jpeg",
            blob_key=f"chatkit-attachments/att_{number:022d}.jpg",
        )
        for number in range(PHOTOS)
    )
    return msgspec.structs.replace(read_snapshot("english_photos"), photos=photos)


async def _stocked() -> MemoryBlobs:
    blobs = MemoryBlobs()
    for number in range(PHOTOS):
        key = f"renditions/att_{number:022d}/1200.jpg"
        await blobs.put(key, _jpeg(number), content_type="image/jpeg")
    return blobs


def _plan() -> PhotoPlan:
    async def found() -> PhotoPlan:
        shelf = BlobPhotoShelf(await _stocked())
        return arrange(await shelf.renditions(_snapshot().photos), 7_000_000)

    return asyncio.run(found())


def _envelope() -> Envelope:
    return Envelope(
        subject="New chat lead: 2015 Ford F-150 - Driver seat torn (cthr_bench)",
        sender="Craig's Auto Upholstery <chat@craigs.autos>",
        recipients=("leads@craigs.autos",),
        reply_to="dan@example.com",
        date=1_794_942_300.0,
        message_id="<lead.bench@craigs.autos>",
        thread_id="cthr_bench",
        attempt=1,
        request_id="bench",
        seed="bench",
    )


def _mime(envelope: Envelope, plan: PhotoPlan) -> bytes:
    return b"".join(mime_pieces(envelope, TEXT, HTML, plan, ""))


def _email_message(plan: PhotoPlan) -> bytes:
    """What everybody writes."""
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "x", "a@example.com", "b@example.com"
    message.set_content(TEXT)
    message.add_alternative(HTML, subtype="html")
    for photo in plan.shown:
        message.add_attachment(photo.jpeg, maintype="image", subtype="jpeg", filename=photo.name)
    return message.as_bytes()


def _cpu(work: object) -> float:
    """Milliseconds of processor time, the best of several rounds: the rest is the neighbours'."""
    assert callable(work)
    spent = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        spent.append((time.process_time() - start) * 1000)
    return min(spent)


async def _composed() -> tuple[float, float]:
    """Median of each build's longest wait of the loop, and processor time of a build, in ms."""
    blobs = await _stocked()
    builder = MailBuilder(BlobPhotoShelf(blobs), PUBLIC_URL, (KEY,), SHOPS.by_slug)
    snapshot, variant = _snapshot(), Variant(1, False, Rung.FULL, "snapshots/bench.json")
    await builder.compose(snapshot, variant)
    waits, spent = [], []
    for _ in range(ROUNDS):
        pulse = asyncio.create_task(_longest_wait())
        await asyncio.sleep(0)
        start = time.process_time()
        await builder.compose(snapshot, variant)
        spent.append((time.process_time() - start) * 1000)
        pulse.cancel()
        waits.append(await pulse)
    return sorted(waits)[ROUNDS // 2], min(spent)


async def _longest_wait() -> float:
    """In processor time of the loop's thread: what the neighbours take is not ours."""
    longest, last = 0.0, time.thread_time()
    try:
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            longest, last = max(longest, now - last), now
    except asyncio.CancelledError:
        return longest * 1000


def _same(envelope: Envelope) -> int:
    """A small photo: what could differ does not depend on how many bytes there are."""
    photo = msgspec.structs.replace(_plan().shown[0], jpeg=_jpeg(1)[:3000])
    plan = PhotoPlan(shown=(photo,), pictures=1)
    first = hashlib.sha256(_mime(envelope, plan)).digest()
    return sum(hashlib.sha256(_mime(envelope, plan)).digest() == first for _ in range(SAME))
