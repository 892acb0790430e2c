"""Limits in Redis: one Lua call for all keys of a request, by the clock that all of us share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from libs.limits.port import Limit, Verdict, limit_key
from libs.redis.client import Redis, Script
from libs.redis.link import Word
from libs.runtime.clock import Clock

# KEYS: one per limit, then perhaps one to read along.
# ARGV: now in microseconds (empty: ask the server), then each limit's count, milliseconds, kind.
# A rate keeps its theoretical arrival time, a cap `<window number>:<charged>`; both are forgotten
# after their window, when they would change nothing any more.
_ADMIT: Final = Script("""
local call, format, max = redis.call, string.format, math.max
local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
end
local values = call('MGET', unpack(KEYS))
local limits = (#ARGV - 1) / 3
local after = {}
local refused, wait = 0, -1
for i = 1, limits do
  local count, window, over = ARGV[i * 3 - 1], ARGV[i * 3] * 1000, -1
  if ARGV[i * 3 + 1] == 'rate' then
    local step = window / count
    local arrival = max(values[i] or 0, now) + step
    if arrival - now - window >= step / 2 then over = arrival - now - window end
    after[i] = format('%.0f', arrival)
  else
    local number, charged = math.floor(now / window), 0
    local seen, before = string.match(values[i] or '', '(%d+):(%d+)')
    if tonumber(seen) == number then charged = tonumber(before) end
    if charged >= tonumber(count) then over = (number + 1) * window - now end
    after[i] = format('%d:%d', number, charged + 1)
  end
  if over > wait then refused, wait = i, over end
end
if refused == 0 then
  for i = 1, limits do
    call('SET', KEYS[i], after[i], 'PX', ARGV[i * 3])
  end
end
return {refused, format('%.0f', max(wait, 0)), values[limits + 1] or false}
""")


class RedisLimits:
    """Limits. `clock` replaces the server's own (tests move time by hand)."""

    def __init__(self, redis: Redis, clock: Clock | None = None) -> None:
        self._redis = redis
        self._clock = clock

    async def admit(self, shop: str, limits: Sequence[Limit], *, read: str = "") -> Verdict:
        charged: list[Limit] = []
        keys: list[str] = []
        words: list[Word] = ["" if self._clock is None else f"{self._clock.now() * 1e6:.0f}"]
        for limit in limits:
            rate = limit.rate
            if not rate.off:
                charged.append(limit)
                keys.append(limit_key(shop, limit))
                words += (rate.count, rate.seconds * 1000, limit.kind)
        if read:
            keys.append(read)
        if not keys:
            return Verdict()
        number, wait, noted = await self._redis.script(_ADMIT, keys, *words)
        if not number:
            return Verdict(noted=noted)
        return Verdict(charged[number - 1], int(wait) / 1e6, noted)
