"""Which pictures and files fit the mail, and what becomes of the rest."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from libs.leads.snapshot import Photo
from services.mailer.letter.mime import encoded_size
from services.mailer.letter.photos import Found, MailFile, MailPhoto, MissingPhoto, known_missing
from services.mailer.letter.shape import PhotoPlan

if TYPE_CHECKING:
    from PIL import Image

LARGEST_MAIL_BYTES: Final = 7_000_000
SHEET_BYTES: Final = 400_000
NEAR_BITS: Final = 4
"""Fingerprints of 64 bits that differ in no more show the same thing, taken twice."""
_SHEET_COLUMNS: Final = 4
_SHEET_CELL: Final = 300
_SHEET_MOST: Final = 24
_SHEET_QUALITIES: Final = (80, 65, 50, 30)


def arrange(found: Iterable[Found], room_bytes: int) -> PhotoPlan:
    """In order of appearance; what does not fit is left out, the smaller ones after it are not.

    So is a picture that looks like an earlier one: it is seen on the contact sheet.
    """
    once: dict[str, Found] = {}
    for one in found:
        once.setdefault(one.id, one)
    listed, again = _grouped(once.values())
    plan = _fit(listed, room_bytes)
    if again or _pictures(plan.left_out):
        plan = _fit(listed, room_bytes - SHEET_BYTES * 4 // 3)
    return replace(plan, left_out=(*plan.left_out, *again), pictures=plan.pictures + len(again))


def only_linked(photos: Iterable[Photo]) -> PhotoPlan:
    """For a mail that shall carry none of them."""
    once = {photo.id: photo for photo in photos}.values()
    missing = {photo.id: absent for photo in once if (absent := known_missing(photo))}
    return PhotoPlan(
        left_out=tuple(photo for photo in once if photo.id not in missing),
        missing=tuple(missing.values()),
        pictures=sum(photo.is_picture for photo in once),
    )


def _grouped(found: Iterable[Found]) -> tuple[list[Found], list[MailPhoto]]:
    """The first of each group, knowing how many more there are, and these."""
    listed: list[Found] = []
    again: list[MailPhoto] = []
    for one in found:
        place = next((i for i, first in enumerate(listed) if _look_alike(first, one)), None)
        if place is None or not isinstance(one, MailPhoto):
            listed.append(one)
            continue
        first = listed[place]
        assert isinstance(first, MailPhoto)  # noqa: S101 - what looks alike is a picture
        listed[place] = replace(first, similar=first.similar + 1)
        again.append(one)
    return listed, again


def _look_alike(one: Found, other: Found) -> bool:
    if not isinstance(one, MailPhoto) or not isinstance(other, MailPhoto):
        return False
    if not one.fingerprint or not other.fingerprint:
        return False
    differing = int(one.fingerprint, 16) ^ int(other.fingerprint, 16)
    return differing.bit_count() <= NEAR_BITS


def _fit(listed: Sequence[Found], room_bytes: int) -> PhotoPlan:
    """Photos first: a file that finds no room loses nothing as a link."""
    fits: list[Found] = []
    left_out: list[MailPhoto | MailFile] = []
    for one in sorted(listed, key=lambda one: isinstance(one, MailFile)):
        match one:
            case MissingPhoto():
                fits.append(one)
            case MailPhoto() | MailFile():
                size = encoded_size(one.jpeg if isinstance(one, MailPhoto) else one.body)
                if size <= room_bytes:
                    room_bytes -= size
                    fits.append(one)
                else:
                    left_out.append(one)
    return PhotoPlan(
        shown=tuple(one for one in fits if isinstance(one, MailPhoto)),
        files=tuple(one for one in fits if isinstance(one, MailFile)),
        missing=tuple(one for one in fits if isinstance(one, MissingPhoto)),
        left_out=tuple(left_out),
        pictures=sum(_is_picture(one) for one in listed),
    )


def _is_picture(one: Found) -> bool:
    return one.is_picture if isinstance(one, MissingPhoto) else isinstance(one, MailPhoto)


def _pictures(left_out: Iterable[MailPhoto | MailFile | Photo]) -> list[MailPhoto]:
    return [one for one in left_out if isinstance(one, MailPhoto)]


def contact_sheet(thumbnails: Sequence[bytes], alt: str) -> MailPhoto | None:
    """One JPEG of many small ones, and how many. Pillow takes tens of milliseconds: in a thread."""
    from PIL import Image

    chosen = thumbnails[:_SHEET_MOST]
    if not chosen:
        return None
    rows = -(-len(chosen) // _SHEET_COLUMNS)
    columns = -(-len(chosen) // rows)  # no wider than it is full: the rest would be a white block
    sheet = Image.new("RGB", (columns * _SHEET_CELL, rows * _SHEET_CELL), "white")
    for place, jpeg in enumerate(chosen):
        row, column = divmod(place, columns)
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as small:
            small.thumbnail((_SHEET_CELL - 8, _SHEET_CELL - 8))
            sheet.paste(small, (column * _SHEET_CELL + 4, row * _SHEET_CELL + 4))
    return _as_photo(sheet, alt.format(len(chosen)))


def _as_photo(sheet: Image.Image, alt: str) -> MailPhoto:
    for quality in _SHEET_QUALITIES:
        out = io.BytesIO()
        sheet.save(out, "JPEG", quality=quality)
        if out.tell() <= SHEET_BYTES:
            break
    return MailPhoto(
        id="contact-sheet", name="contact-sheet.jpg", jpeg=out.getvalue(),
        width=sheet.width, height=sheet.height, alt=alt,
    )  # fmt: skip
