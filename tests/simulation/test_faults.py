"""What a fault does to the call that it strikes."""

from __future__ import annotations

import asyncio

from tests.simulation.faults import Faults
from tests.simulation.loop import SimLoop
from tests.simulation.plan import Plan


def test_what_a_read_found_is_not_handed_over_when_others_took_it_over_long_ago() -> None:
    """Done twice, a read waits for more the second time: for seconds or, when idle, for minutes."""
    loop = SimLoop("0")
    twice = Plan(seed=1, enabled=frozenset({"redis.applied_twice"}), rate=1.0)
    faults, found = Faults(twice, loop), [["entry"], []]

    async def read() -> list[str]:
        entries = found.pop(0)
        if not entries:
            await asyncio.sleep(400)
        return entries

    try:
        heard = loop.run_until_complete(faults.call("redis", "read", read))
    finally:
        loop.bury()

    assert found == []
    assert heard == []
