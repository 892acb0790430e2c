"""Why a file is not taken, as its visitor is told."""

from __future__ import annotations

from typing import Final


class UploadRefused(Exception):  # noqa: N818 - the file is refused, nothing broke
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


TOO_LARGE: Final = (413, "too_large", "This file is larger than 12 MB; please send a smaller one.")
UNSUPPORTED: Final = (
    415,
    "unsupported_type",
    "Please send a photo (JPEG, PNG, WebP, GIF, HEIC, AVIF) or a PDF.",
)
EMPTY: Final = (400, "no_file", "No file came with this request.")
UNREADABLE: Final = (415, "unsupported_type", "This picture cannot be read; please send another.")
BOMB: Final = (413, "too_large", "This picture has too many pixels; please send a smaller one.")
ENOUGH: Final = (
    429,
    "too_many_uploads",
    "That is as much as we can take from one visitor in a day.",
)
GONE: Final = (404, "not_found", "This file was taken back while it was on its way.")
DARKROOM_SAYS: Final = {"bomb": BOMB, "frames": BOMB, "unreadable": UNREADABLE}
