"""Leases and sent marks on Redis: each is one command or one script, harmless when repeated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from libs.leases.port import SentMark, lease_key, sent_key
from libs.redis.client import Redis, Script

SENT_SECONDS: Final = 30 * 86_400
"""Later triggers are answered from the record, which never forgets."""

_EXTEND: Final = Script("""
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
""")

_RELEASE: Final = Script("""
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
""")

_DECODE: Final = msgspec.json.Decoder(SentMark).decode


@dataclass(frozen=True)
class RedisLeases:
    redis: Redis

    async def take(self, name: str, nonce: str, seconds: float) -> bool:
        key = lease_key(name)
        if await self.redis.execute("SET", key, nonce, "NX", "PX", int(seconds * 1000)):
            return True
        # Refused may mean that an earlier SET of ours was done and its reply was lost.
        holder = await self.redis.execute("GET", key)
        return bool(holder == nonce.encode())

    async def extend(self, name: str, nonce: str, seconds: float) -> bool:
        keys = [lease_key(name)]
        return bool(await self.redis.script(_EXTEND, keys, nonce, int(seconds * 1000)))

    async def release(self, name: str, nonce: str) -> None:
        await self.redis.script(_RELEASE, [lease_key(name)], nonce)

    async def is_held(self, name: str) -> bool:
        """For a person: whoever works takes it, and is told."""
        return bool(await self.redis.execute("EXISTS", lease_key(name)))


@dataclass(frozen=True)
class RedisSentMarks:
    redis: Redis

    async def mark(self, shop: str, thread_id: str, mark: SentMark) -> None:
        value = msgspec.json.encode(mark)
        await self.redis.execute("SET", sent_key(shop, thread_id), value, "EX", SENT_SECONDS)

    async def read(self, shop: str, thread_id: str) -> SentMark | None:
        value = await self.redis.execute("GET", sent_key(shop, thread_id))
        if value is None:
            return None
        try:
            return _DECODE(value)
        except msgspec.DecodeError:
            return None  # only a fast path: the record knows

    async def forget(self, shop: str, thread_id: str) -> None:
        await self.redis.execute("DEL", sent_key(shop, thread_id))
