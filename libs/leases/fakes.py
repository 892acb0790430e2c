"""Leases and sent marks in this process, on the given clock: for simulated runs."""

from __future__ import annotations

from libs.leases.port import SentMark, lease_key, sent_key
from libs.runtime.clock import Clock


class MemoryLeases:
    """`held` is all there is; clearing it is FLUSHALL."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.held: dict[str, tuple[str, float]] = {}

    async def take(self, name: str, nonce: str, seconds: float) -> bool:
        holder = self._holder(name)
        if holder is None:
            self.held[lease_key(name)] = (nonce, self._clock.boot() + seconds)
        return holder in {None, nonce}

    async def extend(self, name: str, nonce: str, seconds: float) -> bool:
        if self._holder(name) not in {None, nonce}:
            return False
        self.held[lease_key(name)] = (nonce, self._clock.boot() + seconds)
        return True

    async def release(self, name: str, nonce: str) -> None:
        if self._holder(name) == nonce:
            del self.held[lease_key(name)]

    def _holder(self, name: str) -> str | None:
        nonce, until = self.held.get(lease_key(name), ("", float("-inf")))
        return nonce if until > self._clock.boot() else None


class MemorySentMarks:
    def __init__(self) -> None:
        self.marks: dict[str, SentMark] = {}

    async def mark(self, shop: str, thread_id: str, mark: SentMark) -> None:
        self.marks[sent_key(shop, thread_id)] = mark

    async def read(self, shop: str, thread_id: str) -> SentMark | None:
        return self.marks.get(sent_key(shop, thread_id))

    async def forget(self, shop: str, thread_id: str) -> None:
        self.marks.pop(sent_key(shop, thread_id), None)
