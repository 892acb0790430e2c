"""Whose turn it is in the darkroom: one picture of a visitor at a time, few in all."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from libs.errors import Unavailable

AT_ONCE: Final = 2
"""Decoding is all processor."""
MOST_OF_ONE: Final = 8
"""A message carries seven files."""
MOST: Final = 40
WAIT_SECONDS: Final = 40.0
"""A message of seven photos takes about fifteen."""


@dataclass
class DarkroomQueue:
    """Who waits stands in a line of their own first, so a visitor with many pictures lets others
    pass, and one whose pictures are meant to hurt holds up one place.
    """

    wait_seconds: float = WAIT_SECONDS
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _lines: dict[str, asyncio.Lock] = field(default_factory=dict)
    _inside: Counter[str] = field(default_factory=Counter)

    @asynccontextmanager
    async def turn_of(self, visitor: str) -> AsyncIterator[None]:
        """Raises Unavailable when too many wait, or for too long."""
        if self._inside[visitor] >= MOST_OF_ONE or self._inside.total() >= MOST:
            raise Unavailable("darkroom", "too many wait")
        self._inside[visitor] += 1
        try:
            async with AsyncExitStack() as turn:
                await self._come(turn, self._lines.setdefault(visitor, asyncio.Lock()))
                yield
        finally:
            self._inside[visitor] -= 1
            if not self._inside[visitor]:
                del self._inside[visitor], self._lines[visitor]

    async def _come(self, turn: AsyncExitStack, line: asyncio.Lock) -> None:
        try:
            async with asyncio.timeout(self.wait_seconds):
                await turn.enter_async_context(line)
                await turn.enter_async_context(self._places)
        except TimeoutError as error:
            raise Unavailable("darkroom", "waited too long") from error
