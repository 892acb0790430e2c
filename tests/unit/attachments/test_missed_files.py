"""What is remembered of files that we do not have, whoever's they were and however many."""

from __future__ import annotations

import itertools

import pytest

from libs.attachments.missed import MOST_KEPT, keep_missed, missed_files
from libs.attachments.records import StoredAttachment
from libs.blobs.fakes import MemoryBlobs


def missed(number: int, visitor: str = "v_ana") -> StoredAttachment:
    return StoredAttachment(
        id=f"att_{number:022}", shop="craigs", visitor=visitor, name=f"{number}.svg",
        created_at=float(number), problem="unsupported_type",
    )  # fmt: skip


async def names(blobs: MemoryBlobs, visitor: str = "v_ana") -> set[str]:
    return {one.name async for one in missed_files(blobs, "craigs", visitor)}


async def test_of_one_visitor_only_the_newest_are_kept() -> None:
    blobs = MemoryBlobs(now=itertools.count().__next__)
    await keep_missed(blobs, missed(0, "v_ben"))
    for number in reversed(range(MOST_KEPT + 10)):
        await keep_missed(blobs, missed(number))

    assert await names(blobs) == {f"{number}.svg" for number in range(MOST_KEPT)}
    assert await names(blobs, "v_ben") == {"0.svg"}


async def test_the_same_file_again_takes_no_place_of_another() -> None:
    blobs = MemoryBlobs(now=itertools.count().__next__)
    for number in range(MOST_KEPT):
        await keep_missed(blobs, missed(number))
    await keep_missed(blobs, missed(MOST_KEPT - 1))

    assert len(await names(blobs)) == MOST_KEPT


@pytest.mark.parametrize(
    "visitor", ["", "ana@example.com", "auth0|7", "Аня", "../v_ben", "a" * 900]
)
async def test_a_visitor_of_an_earlier_chat_may_be_any_text(visitor: str) -> None:
    blobs = MemoryBlobs()
    await keep_missed(blobs, missed(1, visitor))

    assert await names(blobs, visitor) == {"1.svg"}
    assert await names(blobs, "v_ben") == set()
