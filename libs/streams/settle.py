"""What became of the entries of a lane, told to the broker in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Final

from libs.errors import Unavailable
from libs.streams.broker import Broker, DeadLetter, Later

RETRY_SECONDS: Final = 0.2

BATCH: Final = 1000
"""Lua unpacks at most some 8,000 values."""


@dataclass
class Settler:
    """While one batch is on its way the next one gathers, so batches grow with the load.

    An entry stays in `held` until the broker has confirmed its fate: it is still renewed, and
    reading our own pending entries does not run it again.
    """

    lane: str
    broker: Broker
    held: dict[str, None] = field(default_factory=dict)
    _acks: list[str] = field(default_factory=list)
    _later: list[Later] = field(default_factory=list)
    _dead: list[DeadLetter] = field(default_factory=list)
    _some: asyncio.Event = field(default_factory=asyncio.Event)

    def ack(self, entry_id: str) -> None:
        self._acks.append(entry_id)
        self._some.set()

    def fail(self, fate: Later | DeadLetter) -> None:
        if isinstance(fate, Later):
            self._later.append(fate)
        else:
            self._dead.append(fate)
        self._some.set()

    async def run(self) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            await self.flush()

    async def flush(self) -> None:
        """Until everything is confirmed, however long the broker is away."""
        while self._acks or self._later or self._dead:
            try:
                await self._once()
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)

    async def _once(self) -> None:
        acks, self._acks = self._acks[:BATCH], self._acks[BATCH:]
        later, self._later = self._later[:BATCH], self._later[BATCH:]
        dead, self._dead = self._dead[:BATCH], self._dead[BATCH:]
        try:
            await _all_of(
                self.broker.ack(self.lane, acks) if acks else None,
                self.broker.put_back(self.lane, later) if later else None,
                self.broker.park(self.lane, dead) if dead else None,
            )
        except BaseException:
            # Each step may be repeated: it does nothing for an entry that has moved already.
            self._acks[:0], self._later[:0], self._dead[:0] = acks, later, dead
            raise
        failed: list[Later | DeadLetter] = [*later, *dead]
        for entry_id in (*acks, *(fate.entry_id for fate in failed)):
            self.held.pop(entry_id, None)


async def _all_of(*steps: Awaitable[None] | None) -> None:
    there = [step for step in steps if step]
    if len(there) == 1:
        await there[0]
    else:
        await asyncio.gather(*there)
