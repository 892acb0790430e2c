"""Pictures: from our own store by key, as many as fit, never at the price of the lead."""

from __future__ import annotations

import io
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from libs.attachments.records import check_link, rendition_key
from libs.blobs.fakes import MemoryBlobs
from libs.errors import Unavailable
from libs.identity.signatures import Problem
from libs.leads.reach import Reach
from libs.leads.snapshot import LeadSnapshot, Photo, Sent, Summary
from services.mailer.letter.arrange import LARGEST_MAIL_BYTES, arrange, contact_sheet
from services.mailer.letter.build import MailBuilder
from services.mailer.letter.labels_english import ENGLISH
from services.mailer.letter.language import Words
from services.mailer.letter.photos import (
    BlobPhotoShelf,
    Found,
    MailFile,
    MailPhoto,
    MissingPhoto,
    cid,
    jpeg_size,
)
from services.mailer.letter.script import script_and_questions
from services.mailer.letter.shape import PhotoPlan, Rung
from services.mailer.ports import Variant
from tests.golden import HERE, KEY, PUBLIC_URL, SHOPS, read_snapshot
from tests.golden.reading import Seen, html_of, read, text_of

JPEG = (HERE / "photos" / "1.jpg").read_bytes()


def _photo(number: int, **changes: str) -> Photo:
    name = f"att_{number:022d}"
    given = {"mime_type": "image/jpeg", "blob_key": f"chatkit-attachments/{name}.jpg", **changes}
    return Photo(id=name, name=f"IMG_{number}.jpg", **given)


async def _keep(blobs: MemoryBlobs, photo: Photo) -> None:
    await blobs.put(rendition_key(photo.id, "1200"), JPEG, content_type="image/jpeg")


def _script(plan: PhotoPlan) -> tuple[Words, ...]:
    return script_and_questions(Summary(), SHOPS.default, Reach(None, None), plan.missing)[0]


def _large(number: int, size: int = 400_000) -> bytes:
    return JPEG + bytes([number]) * (size - len(JPEG))


async def _stocked(photos: Sequence[Photo], size: int = 0) -> MemoryBlobs:
    blobs = MemoryBlobs()
    for number, photo in enumerate(photos):
        for side in ("1200", "320"):
            body = _large(number, size) if size and side == "1200" else JPEG
            await blobs.put(f"renditions/{photo.id}/{side}.jpg", body, content_type="image/jpeg")
    return blobs


async def _compose(
    blobs: MemoryBlobs, photos: Sequence[Photo], public_url: str = PUBLIC_URL
) -> bytes:
    snapshot: LeadSnapshot = msgspec.structs.replace(
        read_snapshot("english_photos"), photos=tuple(photos)
    )
    builder = MailBuilder(BlobPhotoShelf(blobs), public_url, (KEY,), SHOPS.by_slug)
    made = await builder.compose(snapshot, Variant(1, False, Rung.FULL, "snapshots/x.json"))
    return made.body


async def test_finds_renditions_files_and_what_is_missing_in_order() -> None:
    pdf = _photo(3, mime_type="application/pdf", blob_key="chatkit-attachments/3.pdf")
    failed, gone, foreign = _photo(4, failed="too_large"), _photo(5), _photo(6, blob_key="")
    crowded_out = _photo(7, failed="unavailable")
    blobs = await _stocked([_photo(1)])
    await blobs.put(pdf.blob_key, b"%PDF", content_type="application/pdf")
    found = await BlobPhotoShelf(blobs).renditions(
        [_photo(1), pdf, failed, gone, foreign, crowded_out]
    )

    photo, file, *missing = found
    assert isinstance(photo, MailPhoto)
    assert (photo.jpeg, photo.width, photo.height) == (JPEG, 600, 800)
    assert isinstance(file, MailFile)
    assert file.body == b"%PDF"
    assert [one.why for one in missing if isinstance(one, MissingPhoto)] == [
        "too_large", "unreadable", "missing", "unavailable",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "gif", "heic", "avif"])
async def test_whatever_a_photo_was_the_mail_shows_its_jpeg(kind: str) -> None:
    photo = _photo(1, mime_type=f"image/{kind}", blob_key=f"chatkit-attachments/1.{kind}")
    blobs = await _stocked([photo])
    await blobs.put(photo.blob_key, b"the original", content_type=photo.mime_type)

    mail = read(await _compose(blobs, [photo]))

    [part] = [part for part in mail.walk() if part["Content-ID"]]
    assert part.get_content_type() == "image/jpeg"
    assert part.get_payload(decode=True) == JPEG


async def test_the_original_is_linked_for_ninety_days() -> None:
    photo = _photo(1)
    seen = Seen(html_of(read(await _compose(await _stocked([photo]), [photo]))))

    [link] = [href for href in seen.hrefs if "/api/chatkit/attachment?" in href]
    signature = parse_qs(urlsplit(link).query)["signature"][0]
    last = read_snapshot("english_photos").fixed_at + 90 * 86_400
    assert check_link([KEY], photo.id, "original", signature, last - 1) is None
    assert check_link([KEY], photo.id, "original", signature, last + 1) is Problem.EXPIRED


@pytest.mark.parametrize("body", [b"", b"GIF89a", JPEG[:20], b"\xff\xd8\xff\xd9", b"\xff\xd8" * 50])
async def test_what_is_no_jpeg_is_missing_and_breaks_nothing(body: bytes) -> None:
    blobs = MemoryBlobs()
    await blobs.put(f"renditions/{_photo(1).id}/1200.jpg", body, content_type="image/jpeg")
    (found,) = await BlobPhotoShelf(blobs).renditions([_photo(1)])

    assert isinstance(found, MissingPhoto)


async def test_a_store_that_is_down_is_told_apart_from_a_photo_that_is_gone() -> None:
    async def down(method: str, key: str) -> None:
        raise Unavailable("blobs", "no answer")

    with pytest.raises(Unavailable):
        await BlobPhotoShelf(MemoryBlobs(down)).renditions([_photo(1), _photo(2)])


def test_the_size_of_a_jpeg_is_read_past_other_segments() -> None:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (321, 123)).save(out, "JPEG", progressive=True, comment=b"\xff\xc0" * 40)

    assert jpeg_size(out.getvalue()) == (321, 123)


def test_every_picture_has_one_name_inside_the_mail() -> None:
    assert cid("att_1") != cid("att_2")
    assert cid('x"><script>').removesuffix("@photo.handoff").isalnum()


def test_ten_photos_of_the_largest_size_fit() -> None:
    found = [_found(number) for number in range(10)]

    assert len(arrange(found, LARGEST_MAIL_BYTES - 700_000).shown) == 10


def test_a_file_takes_no_room_from_the_photos_after_it() -> None:
    pdf = MailFile(id="pdf", name="quote.pdf", mime_type="application/pdf", body=bytes(4_000_000))
    photos = [_found(number, 400_000) for number in range(10)]

    plan = arrange([pdf, *photos], LARGEST_MAIL_BYTES - 600_000)

    assert plan.shown == tuple(photos)
    assert (plan.files, plan.left_out) == ((), (pdf,))


def test_what_does_not_fit_leaves_room_for_a_contact_sheet_and_smaller_ones() -> None:
    found: list[Found] = [_found(number) for number in range(30)]
    small = _found(99, 5000)
    plan = arrange([*found, small], 6_000_000)

    assert plan.pictures == 31
    assert len(plan.shown) + len(plan.left_out) == 31
    assert small in plan.shown
    assert sum(len(photo.jpeg) for photo in plan.shown) * 78 / 57 < 6_000_000 - 533_000


def test_a_photo_that_was_sent_twice_is_shown_once() -> None:
    plan = arrange([_found(1), _found(2), _found(1)], 6_000_000)

    assert [photo.id for photo in plan.shown] == [_found(1).id, _found(2).id]


def _found(number: int, size: int = 400_000) -> MailPhoto:
    return MailPhoto(
        id=f"att_{number:022d}", name="x.jpg", jpeg=_large(number, size), width=600, height=800
    )


def _looks(number: int, fingerprint: str) -> MailPhoto:
    return MailPhoto(
        id=f"att_{number}", name="x.jpg", jpeg=JPEG, width=8, height=8, fingerprint=fingerprint
    )


def test_pictures_that_look_alike_are_one_and_the_rest_in_small() -> None:
    seat, same, other = "00000000000000f0", "000000000000000f", "ffffffff00000000"
    found = [_looks(1, seat), _looks(2, other), _looks(3, "00000000000000f1"), _looks(4, seat)]

    plan = arrange([*found, _looks(5, same), _looks(6, ""), _looks(7, "")], 6_000_000)

    assert [(one.id, one.similar) for one in plan.shown] == [
        ("att_1", 2), ("att_2", 0), ("att_5", 0), ("att_6", 0), ("att_7", 0),
    ]  # fmt: skip
    assert [one.id for one in plan.left_out] == ["att_3", "att_4"]
    assert plan.pictures == 7


async def test_the_mail_says_how_many_look_alike_and_shows_them_in_small() -> None:
    photos = [
        msgspec.structs.replace(_photo(number), fingerprint="00000000000000f0")
        for number in range(3)
    ]

    seen = read(await _compose(await _stocked(photos), photos))

    for words in (text_of(seen), html_of(seen)):
        assert "1 of 3 shown, 2 similar in small" in words
        assert "Contact sheet: 2 more photos in small" in words
        assert "Photo 1 of 3: IMG_0.jpg (+2 similar)" in words


async def test_what_was_refused_is_no_photo_and_a_file_is_a_file() -> None:
    refused = tuple(
        Photo(id=f"att_{name}", name=name, mime_type="", failed="unsupported_type")
        for name in ("evil.jpg", "notes.docx")
    )
    pdf = _photo(8, mime_type="application/pdf", blob_key="chatkit-attachments/att_8.pdf")
    blobs = MemoryBlobs()
    await blobs.put(pdf.blob_key, b"%PDF-1.7", content_type="application/pdf")
    await _keep(blobs, _photo(1))
    photos = (_photo(1), _photo(2), pdf, *refused)

    plan = arrange(await BlobPhotoShelf(blobs).renditions(photos), LARGEST_MAIL_BYTES)
    asked = [line.text for line in _script(plan)]

    assert plan.pictures == Sent.count(photos).pictures == 2
    assert str(Sent.count((*photos, photos[0]))) == "2 photos, 1 file, 2 refused"
    assert str(Sent.count(refused[:1])) == "0 photos, 1 refused"
    assert asked[0] == "Ask for 3 files again: IMG_2.jpg, evil.jpg, notes.docx."


@pytest.mark.parametrize("public_url", [PUBLIC_URL, ""])
async def test_a_file_that_does_not_fit_is_told_of_though_no_link_leads_to_it(
    public_url: str,
) -> None:
    """On one machine no link would work for who reads the mail."""
    pdf = _photo(1, mime_type="application/pdf", blob_key="chatkit-attachments/att_1.pdf")
    blobs = MemoryBlobs()
    await blobs.put(pdf.blob_key, bytes(8_000_000), content_type="application/pdf")

    raw = await _compose(blobs, [pdf], public_url)

    seen = read(raw)
    assert len(raw) < LARGEST_MAIL_BYTES
    for words in (text_of(seen), html_of(seen)):
        assert ("Not shown - IMG_1.jpg: it is too large for this mail" in words) != bool(public_url)
        assert ("Linked: " in words) == bool(public_url)


async def test_many_that_are_missed_are_counted_and_only_some_are_named() -> None:
    missed = [_photo(number, failed="too_large") for number in range(50)]

    seen = read(await _compose(MemoryBlobs(), missed))

    for words in (text_of(seen), html_of(seen)):
        assert "IMG_9.jpg: it is too large" in words
        assert "IMG_10.jpg" not in words.partition("Ask for 50 photos again")[0]
        assert "Not shown - 40 more" in words
        assert "Ask for 50 photos again" in words


@pytest.mark.parametrize(("photos", "size"), [(1, (300, 300)), (3, (900, 300)), (5, (900, 600))])
def test_a_contact_sheet_is_no_wider_than_it_is_full(photos: int, size: tuple[int, int]) -> None:
    sheet = contact_sheet([JPEG] * photos, "")

    assert sheet
    assert (sheet.width, sheet.height) == size


def test_a_contact_sheet_is_one_small_jpeg() -> None:
    sheet = contact_sheet([JPEG] * 30, ENGLISH.photos.sheet)

    assert sheet is not None
    assert (sheet.width, sheet.height) == (1200, 1800)
    assert jpeg_size(sheet.jpeg) == (1200, 1800)
    assert len(sheet.jpeg) <= 400_000
    assert contact_sheet([], "") is None


@pytest.mark.slow
async def test_thirty_large_photos_give_one_mail_under_seven_megabytes() -> None:
    photos = [_photo(number) for number in range(30)]
    raw = await _compose(await _stocked(photos, 400_000), photos)
    mail = read(raw)
    seen = Seen(html_of(mail))

    assert len(raw) <= 7_000_000
    shown = len(seen.sources) - 1
    assert f"{shown} of 30 shown" in text_of(mail)
    assert "Contact sheet: " in text_of(mail)
    originals = [href for href in seen.hrefs if "/api/chatkit/attachment?id=att_" in href]
    assert len(originals) == 30


async def test_every_inline_picture_is_referred_to_and_described() -> None:
    photos = [_photo(number) for number in range(6)]
    mail = read(await _compose(await _stocked(photos), photos))
    ids = [part["Content-ID"].strip("<>") for part in mail.walk() if part["Content-ID"]]
    html = html_of(mail)

    assert [source.removeprefix("cid:") for source in Seen(html).sources] == ids
    assert all(f"Photo {number} of 6: IMG_{number - 1}.jpg" in html for number in range(1, 7))
