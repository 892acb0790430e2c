"""What attachments need of the world beside blobs and a clock."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from services.attachments.darkroom import Developed


class Darkroom(Protocol):
    async def develop(self, source: Path, folder: Path, mime_type: str) -> Developed:
        """Write `original`, `1200.jpg` and `320.jpg` into `folder`.

        Raises darkroom.Refused with the one word of why, never anything the file provoked.
        """
        ...


class Allowance(Protocol):
    async def spend(self, shop: str, visitor: str, size_bytes: int) -> bool:
        """False: these bytes would exceed what a visitor may send in a day.

        Raises Unavailable when nobody can tell.
        """
        ...
