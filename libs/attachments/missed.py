"""Files that visitors meant to send and that we do not have: kept so that the shop asks for them.

They stand under their visitor, because a browser that was told no names the file in no message.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import msgspec

from libs.attachments.records import (
    StoredAttachment,
    find_record,
    put_record,
    refusal_key,
    refusals_prefix,
)
from libs.blobs.port import Blobs
from libs.blobs.structs import find_struct, put_struct

MOST_KEPT: Final = 50
"""Of one visitor, the newest: a stranger fills neither the store nor a mail with names."""


BROKE_OFF: Final = "not_uploaded"
TAKEN_BACK: Final = "taken_back"
"""The problem of one that was announced, and that its visitor removed before its bytes were in."""


async def keep_missed(blobs: Blobs, missed: StoredAttachment) -> None:
    """`problem` says why. Again is harmless: the same file stands under the same key."""
    key = refusal_key(missed.shop, missed.visitor, missed.id)
    others = [
        info
        async for info in blobs.list(refusals_prefix(missed.shop, missed.visitor))
        if info.key != key
    ]
    others.sort(key=lambda info: info.modified_at, reverse=True)
    for oldest in others[MOST_KEPT - 1 :]:
        await blobs.delete(oldest.key)
    await put_struct(blobs, key, missed)


async def give_to_thread(
    blobs: Blobs, missed: StoredAttachment, thread_id: str
) -> StoredAttachment:
    """From then on no other conversation of its visitor asks for it."""
    given = msgspec.structs.replace(missed, thread_id=thread_id)
    await put_struct(blobs, refusal_key(missed.shop, missed.visitor, missed.id), given)
    return given


async def take_back(blobs: Blobs, announced: StoredAttachment) -> None:
    """It may be on its way all the same, and break off because of this."""
    await put_record(blobs, msgspec.structs.replace(announced, problem=TAKEN_BACK))


async def missed_files(blobs: Blobs, shop: str, visitor: str) -> AsyncIterator[StoredAttachment]:
    async for info in blobs.list(refusals_prefix(shop, visitor)):
        with suppress(msgspec.DecodeError):  # a spoiled one must not cost a lead
            missed = await find_struct(blobs, info.key, StoredAttachment)
            if missed is None:
                continue
            if missed.problem != BROKE_OFF or not await was_taken_back(blobs, missed.id):
                yield missed


async def was_taken_back(blobs: Blobs, attachment_id: str) -> bool:
    """One that was not announced has no record until it is in."""
    announced = await find_record(blobs, attachment_id)
    return announced is not None and announced.problem == TAKEN_BACK
