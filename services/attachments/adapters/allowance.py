"""Bytes a visitor sent today, counted in Redis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from libs.redis.client import Redis, Script
from libs.runtime.clock import Clock

_DAY_SECONDS: Final = 86_400
_SPEND: Final = Script(
    """
local spent = tonumber(redis.call('GET', KEYS[1]) or '0')
if spent + tonumber(ARGV[1]) > tonumber(ARGV[2]) then return 0 end
redis.call('INCRBY', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""
)


@dataclass(frozen=True)
class RedisAllowance:
    redis: Redis
    clock: Clock
    bytes_per_day: int

    async def spend(self, shop: str, visitor: str, size_bytes: int) -> bool:
        if not self.bytes_per_day:
            return True
        day = int(self.clock.now() // _DAY_SECONDS)
        key = f"{{limits:{shop}}}:bytes:{visitor}:{day}"
        said = await self.redis.script(
            _SPEND, [key], str(size_bytes), str(self.bytes_per_day), str(_DAY_SECONDS)
        )
        return bool(said == 1)

    async def give_back(self, shop: str, visitor: str, size_bytes: int) -> None:
        """Over midnight it is a present."""
        await self.spend(shop, visitor, -size_bytes)
