"""Limits in Redis: one Lua call for all keys of a request, by the clock that all of us share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from libs.limits.port import Limit, Verdict, limit_key
from libs.runtime.clock import Clock
from libs.streams.client import Redis, Script
from libs.streams.link import Word

# KEYS: one per limit, then perhaps one to read along.
# ARGV: now in microseconds (empty: ask the server), then count, window and kind of each limit.
# A rate keeps its theoretical arrival time, a cap `<window number>:<charged>`.
_ADMIT: Final = Script("""
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local values = redis.call('MGET', unpack(KEYS))
local limits = (#ARGV - 1) / 3
local after, ends = {}, {}
local refused, wait = 0, -1
for i = 1, limits do
  local count, window = tonumber(ARGV[i * 3 - 1]), tonumber(ARGV[i * 3])
  local over
  if ARGV[i * 3 + 1] == 'cap' then
    local number, charged = math.floor(now / window), 0
    if values[i] then
      local then_number, then_charged = string.match(values[i], '(%d+):(%d+)')
      if tonumber(then_number) == number then charged = tonumber(then_charged) end
    end
    ends[i] = (number + 1) * window
    after[i] = string.format('%d:%d', number, charged + 1)
    over = charged < count and -1 or ends[i] - now
  else
    local step = window / count
    ends[i] = math.max(tonumber(values[i] or 0), now) + step
    after[i] = string.format('%.0f', ends[i])
    over = ends[i] - now - window
    if over < step / 2 then over = -1 end
  end
  if over > wait then refused, wait = i, over end
end
if refused == 0 then
  for i = 1, limits do
    redis.call('SET', KEYS[i], after[i], 'PX', math.ceil((ends[i] - now) / 1000))
  end
end
return {refused, string.format('%.0f', math.max(wait, 0)), values[limits + 1] or false}
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
                words += (rate.count, rate.seconds * 1_000_000, limit.kind)
        if read:
            keys.append(read)
        if not keys:
            return Verdict()
        number, wait, noted = await self._redis.script(_ADMIT, keys, *words)
        if not number:
            return Verdict(noted=noted)
        return Verdict(charged[number - 1], int(wait) / 1e6, noted)
