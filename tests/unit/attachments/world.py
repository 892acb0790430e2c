"""The attachments handlers on a memory store, with a darkroom that does nothing dangerous."""

from __future__ import annotations

from pathlib import Path

from libs.attachments.records import StoredAttachment
from libs.blobs.fakes import MemoryBlobs
from services.attachments.handlers import Attachments
from services.attachments.ports import BrokeOff, Developed

PDF = b"%PDF-1.7\n%%EOF"
JPEG = b"\xff\xd8\xff" + bytes(100)
ANNOUNCED = StoredAttachment(
    id="att_" + "a" * 22, shop="craigs", visitor="v_ana", name="seat", created_at=0.0
)


class Counting:
    """An allowance without an end."""

    def __init__(self) -> None:
        self.spent = 0

    async def spend(self, shop: str, visitor: str, size_bytes: int) -> bool:
        self.spent += size_bytes
        return True

    async def give_back(self, shop: str, visitor: str, size_bytes: int) -> None:
        self.spent -= size_bytes


class Quick:
    """A darkroom: whatever comes in, a small picture comes out."""

    async def develop(self, source: Path, folder: Path, mime_type: str) -> Developed:
        for name in ("original", "1200.jpg", "320.jpg"):
            (folder / name).write_bytes(name.encode())
        return Developed(
            mime_type=mime_type, width=4, height=3, fingerprint="0" * 16, original_bytes=8
        )


def attachments(spool: Path, blobs: MemoryBlobs | None = None) -> Attachments:
    return Attachments(blobs or MemoryBlobs(), Quick(), Counting(), spool)


class Arrived:
    """A file that is here already."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def ready(self) -> bool:
        return bool(self._body)

    def take(self) -> bytes:
        body, self._body = self._body, b""
        return body


class Cut(Arrived):
    """A file that breaks off."""

    async def ready(self) -> bool:
        if not await super().ready():
            raise BrokeOff("client_gone")
        return True
