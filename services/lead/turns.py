"""One worker at a time considers a thread: its lease, which only saves work."""

from __future__ import annotations

from dataclasses import dataclass

from libs.errors import Unavailable
from libs.leases.port import Leases
from libs.messages.dedupe import thread_lease
from libs.messages.lead import ConsiderLead
from libs.runtime.log import Log


@dataclass(frozen=True)
class Turns:
    """Without Redis we go on: the record decides."""

    leases: Leases
    seconds: float
    log: Log

    async def take(self, wish: ConsiderLead, nonce: str) -> bool:
        try:
            return await self.leases.take(_name(wish), nonce, self.seconds)
        except Unavailable:
            return self._lost(wish)

    async def extend(self, wish: ConsiderLead, nonce: str) -> bool:
        """A model may take 100 of the lease's 120 seconds: nobody else may begin to ask it."""
        try:
            return await self.leases.extend(_name(wish), nonce, self.seconds)
        except Unavailable:
            return self._lost(wish)

    async def release(self, wish: ConsiderLead, nonce: str) -> None:
        try:
            await self.leases.release(_name(wish), nonce)
        except Unavailable:
            self._lost(wish)

    def _lost(self, wish: ConsiderLead) -> bool:
        self.log.warning("redis_lost", where="lease", thread_id=wish.thread_id)
        return True


def _name(wish: ConsiderLead) -> str:
    return thread_lease(wish.shop, wish.thread_id)
