"""A struct kept as a blob of JSON."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from libs.blobs.port import Blob, BlobMissingError, Blobs

T = TypeVar("T")


def blob_of(key: str, struct: msgspec.Struct) -> Blob:
    return Blob(key, msgspec.json.encode(struct), "application/json")


async def put_struct(blobs: Blobs, key: str, struct: msgspec.Struct) -> None:
    await blobs.put_all(blob_of(key, struct))


async def find_struct(blobs: Blobs, key: str, kind: type[T]) -> T | None:
    """Raises msgspec.DecodeError."""
    try:
        return msgspec.json.decode(await blobs.get(key), type=kind)
    except BlobMissingError:
        return None
