"""What attachments need of the world beside blobs and a clock."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import msgspec


class Developed(msgspec.Struct, frozen=True, kw_only=True):
    """What came out of the bath."""

    mime_type: str
    """Of the kept original."""
    width: int
    height: int
    fingerprint: str
    """64 bits of what it looks like: near-duplicates differ in few of them."""
    original_bytes: int


class Refused(Exception):  # noqa: N818 - the picture is refused, nothing broke
    """The one word of why: `bomb`, `unreadable`, `frames`."""


class BrokeOff(Exception):  # noqa: N818 - the file did, nothing of ours
    """The one word of why a file did not come to its end: `client_gone`, `too_slow`,
    `incomplete_body`.
    """


class Arriving(Protocol):
    """The bytes of a file on their way to us. Both raise BrokeOff."""

    async def ready(self) -> bool:
        """Wait until some are here; False: all have been taken."""
        ...

    def take(self) -> bytes | memoryview:
        """Those that are here, which may be none after all. Runs in a thread."""
        ...


class Darkroom(Protocol):
    async def develop(self, source: Path, folder: Path, mime_type: str) -> Developed:
        """Write `original`, `1200.jpg` and `320.jpg` into `folder`.

        Raises Refused with the one word of why, never anything the file provoked; Unavailable
        when it is not the file's fault.
        """
        ...


class Allowance(Protocol):
    async def spend(self, shop: str, visitor: str, size_bytes: int) -> bool:
        """False: these bytes would exceed what a visitor may send in a day.

        Raises Unavailable when nobody can tell.
        """
        ...

    async def give_back(self, shop: str, visitor: str, size_bytes: int) -> None:
        """They were spent and are not kept, by a fault of ours. Raises Unavailable."""
        ...
