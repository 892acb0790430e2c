"""Of equal calls at one time, one is made; the others share what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Within one process: two replicas may each make the call, which costs money, not truth."""

    def __init__(self) -> None:
        self._flying: dict[Hashable, asyncio.Future[T]] = {}

    async def share(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        """A caller that is cancelled does not take the others down: one of them calls again."""
        while (flying := self._flying.get(key)) is not None:
            await asyncio.wait({flying})
            if not flying.cancelled():
                return flying.result()
        return await self._lead(key, call)

    async def _lead(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        flying: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._flying[key] = flying
        try:
            flying.set_result(await call())
        except Exception as error:  # noqa: BLE001 - it is theirs as much as ours: passed on below
            flying.set_exception(error)
        finally:
            del self._flying[key]
            flying.cancel()
        return flying.result()
