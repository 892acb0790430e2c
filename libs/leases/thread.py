"""One worker at a time at a thread: its lease, which only saves work."""

from __future__ import annotations

from dataclasses import dataclass

from libs.errors import Unavailable
from libs.leases.port import Leases
from libs.messages.lead import ConsiderLead, thread_name
from libs.messages.mail import SendLeadMail
from libs.runtime.log import Log

Wish = ConsiderLead | SendLeadMail


@dataclass(frozen=True)
class ThreadLeases:
    """Without Redis we go on: the record decides."""

    leases: Leases
    seconds: float
    log: Log

    async def take(self, wish: Wish, nonce: str) -> bool:
        try:
            return await self.leases.take(_name(wish), nonce, self.seconds)
        except Unavailable:
            return self._lost(wish)

    async def extend(self, wish: Wish, nonce: str) -> bool:
        """Go on with what `nonce` holds, or take what nobody does."""
        try:
            return await self.leases.extend(_name(wish), nonce, self.seconds)
        except Unavailable:
            return self._lost(wish)

    async def release(self, wish: Wish, nonce: str) -> None:
        try:
            await self.leases.release(_name(wish), nonce)
        except Unavailable:
            self._lost(wish)

    def _lost(self, wish: Wish) -> bool:
        self.log.warning("redis_lost", where="lease", thread_id=wish.thread_id)
        return True


def _name(wish: Wish) -> str:
    return thread_name(wish.shop, wish.thread_id)
