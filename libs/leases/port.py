"""What Redis remembers about a thread so that we are fast. It may vanish at any moment."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Leases(Protocol):
    """The first dedupe: one worker at a time, for a while. Correctness never needs it.

    Every method raises Unavailable("redis", ...) when Redis does not answer.
    """

    async def take(self, name: str, nonce: str, seconds: float) -> bool:
        """True when `nonce` now holds `name`: it was free, or already ours (a lost reply)."""
        ...

    async def extend(self, name: str, nonce: str, seconds: float) -> bool:
        """Prolong only if `nonce` holds it, or take it when free. False: somebody else lives."""
        ...

    async def release(self, name: str, nonce: str) -> None:
        """Free it only if `nonce` holds it."""
        ...


class SentMark(msgspec.Struct, frozen=True, kw_only=True):
    """Enough to answer a late trigger without the record: the gateway reads it."""

    visitor: str
    sent_at: float
    lid: str = ""
    """The nonce of the attempt that was taken: until then only the record and its sender know it,
    so a mark that names it is no invention of Redis.
    """


class SentMarks(Protocol):
    async def mark(self, shop: str, thread_id: str, mark: SentMark) -> None: ...

    async def read(self, shop: str, thread_id: str) -> SentMark | None: ...

    async def forget(self, shop: str, thread_id: str) -> None: ...


def lease_key(name: str) -> str:
    return f"lease:{{{name}}}"


def sent_key(shop: str, thread_id: str) -> str:
    """Shares the tag of the shop's limits, so that one Lua call checks both."""
    return f"{{limits:{shop}}}:sent:{thread_id}"
