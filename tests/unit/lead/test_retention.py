"""What is past its time is removed, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from libs.blobs.fakes import MemoryBlobs
from libs.errors import Unavailable
from services.lead import retention
from services.lead.contact import extract
from services.lead.contact.extract import contacts
from services.lead.retention import KEPT_SECONDS, Retention
from tests.unit.lead.contact_corpus import CRAIGS, line_of
from tests.unit.lead.world import World


@pytest.mark.parametrize("prefix", sorted(KEPT_SECONDS))
async def test_blob_goes_when_its_time_is_over(prefix: str) -> None:
    world = World()
    blobs = MemoryBlobs(now=world.clock.now)
    keeper = Retention(blobs, world.clock, world.log)
    old, other = f"{prefix}craigs/x.json", "others/x.json"
    for key in (old, other):
        await blobs.put(key, b"{}", content_type="application/json")
    world.wait(KEPT_SECONDS[prefix])
    await blobs.put(f"{prefix}craigs/new.json", b"{}", content_type="application/json")
    await keeper.tidy()
    assert old in blobs.bodies
    world.wait(1)

    await keeper.tidy()

    assert set(blobs.bodies) == {f"{prefix}craigs/new.json", other}


async def test_store_that_is_down_is_tidied_another_day() -> None:
    async def down(_method: str, _key: str) -> None:
        raise Unavailable("blobs", "down")

    world = World()

    await Retention(MemoryBlobs(down), world.clock, world.log).tidy()

    assert "tidy_failed" in world.logged.getvalue()


def test_photos_stay_a_year_and_message_links_as_long_as_they_open() -> None:
    days = {prefix: seconds / 86_400 for prefix, seconds in KEPT_SECONDS.items()}

    assert days["attachments/"] == days["chatkit-attachments/"] == days["renditions/"] == 365
    assert days["message-links/"] == 7 + 1


async def test_lines_that_were_read_do_not_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MEMORY_SECONDS", 0)
    contacts([line_of("My number is 408 555 0176", 1)], CRAIGS)
    read = extract._found.cache_info().currsize

    forgetting = asyncio.create_task(retention.forget_lines())
    for _ in range(3):
        await asyncio.sleep(0)
    forgetting.cancel()

    assert read
    assert not extract._found.cache_info().currsize
