"""Which pictures and files fit the mail, and what becomes of the rest."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from services.mailer.letter import PhotoPlan
from services.mailer.mime import encoded_size
from services.mailer.photos import Found, MailFile, MailPhoto, MissingPhoto

if TYPE_CHECKING:
    from PIL import Image

LARGEST_MAIL_BYTES: Final = 7_000_000
SHEET_BYTES: Final = 400_000
_SHEET_COLUMNS: Final = 4
_SHEET_CELL: Final = 300
_SHEET_MOST: Final = 24
_SHEET_QUALITIES: Final = (80, 65, 50, 30)


def arrange(found: Iterable[Found], room_bytes: int) -> PhotoPlan:
    """In order of appearance; what does not fit is left out, the smaller ones after it are not."""
    once: dict[str, Found] = {}
    for one in found:
        once.setdefault(one.id, one)
    listed = list(once.values())
    plan = _fit(listed, room_bytes)
    return _fit(listed, room_bytes - SHEET_BYTES * 4 // 3) if _pictures(plan.left_out) else plan


def _fit(listed: Sequence[Found], room_bytes: int) -> PhotoPlan:
    fits: list[Found] = []
    left_out: list[MailPhoto | MailFile] = []
    for one in listed:
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
        pictures=sum(not isinstance(one, MailFile) for one in listed),
    )


def _pictures(left_out: Iterable[MailPhoto | MailFile]) -> list[MailPhoto]:
    return [one for one in left_out if isinstance(one, MailPhoto)]


def contact_sheet(thumbnails: Sequence[bytes]) -> MailPhoto | None:
    """One JPEG of many small ones. Pillow takes tens of milliseconds: call it in a thread."""
    from PIL import Image

    chosen = thumbnails[:_SHEET_MOST]
    if not chosen:
        return None
    rows = -(-len(chosen) // _SHEET_COLUMNS)
    sheet = Image.new("RGB", (_SHEET_COLUMNS * _SHEET_CELL, rows * _SHEET_CELL), "white")
    for place, jpeg in enumerate(chosen):
        row, column = divmod(place, _SHEET_COLUMNS)
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as small:
            small.thumbnail((_SHEET_CELL - 8, _SHEET_CELL - 8))
            sheet.paste(small, (column * _SHEET_CELL + 4, row * _SHEET_CELL + 4))
    return _as_photo(sheet, len(chosen))


def _as_photo(sheet: Image.Image, count: int) -> MailPhoto:
    for quality in _SHEET_QUALITIES:
        out = io.BytesIO()
        sheet.save(out, "JPEG", quality=quality)
        if out.tell() <= SHEET_BYTES:
            break
    alt = f"Contact sheet: {count} more photos in small"
    return MailPhoto(
        id="contact-sheet", name="contact-sheet.jpg", jpeg=out.getvalue(),
        width=sheet.width, height=sheet.height, alt=alt,
    )  # fmt: skip
