"""The first and fastest dedupe: one worker at a time, for a while. Correctness never needs it."""

from __future__ import annotations

from typing import Protocol


class Leases(Protocol):
    """Every method raises Unavailable when Redis does not answer; callers go on without it."""

    async def take(self, name: str, nonce: str, seconds: float) -> bool:
        """True when `nonce` now holds `name`: it was free, or already ours (a lost reply)."""
        ...

    async def extend(self, name: str, nonce: str, seconds: float) -> bool:
        """Prolong only if `nonce` holds it, or take it when free. False: somebody else lives."""
        ...

    async def release(self, name: str, nonce: str) -> None:
        """Free it only if `nonce` holds it."""
        ...
