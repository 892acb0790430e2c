"""What is past its time is removed, and nothing else."""

from __future__ import annotations

import pytest

from libs.blobs.fakes import MemoryBlobs
from libs.errors import Unavailable
from services.lead.retention import KEPT_SECONDS, Retention
from tests.unit.lead.world import World


@pytest.mark.parametrize("prefix", sorted(KEPT_SECONDS))
async def test_blob_goes_when_its_time_is_over(prefix: str) -> None:
    world = World()
    blobs = MemoryBlobs(now=world.clock.now)
    retention = Retention(blobs, world.clock, world.log)
    old, other = f"{prefix}craigs/x.json", "others/x.json"
    for key in (old, other):
        await blobs.put(key, b"{}", content_type="application/json")
    world.wait(KEPT_SECONDS[prefix])
    await blobs.put(f"{prefix}craigs/new.json", b"{}", content_type="application/json")
    await retention.tidy()
    assert old in blobs.bodies
    world.wait(1)

    await retention.tidy()

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
