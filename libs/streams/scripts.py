"""What happens to a lane in one step on the server, in Lua.

Every script may run twice (its reply may be lost): what moves an entry first asks whether the
entry is still pending, so that the second run finds nothing to do. Written for Redis 6.2 and later.
"""

from __future__ import annotations

from typing import Final

from libs.redis.client import Script
from libs.streams.broker import MOST_UNREAD, SUSPECT_DELIVERIES

GROUP: Final = "readers"
"""One group a stream: a second reader gets a stream of its own."""


PREPARE: Final = Script("""
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], 'readers', '0', 'MKSTREAM')
if made.err and not string.find(tostring(made.err), 'BUSYGROUP') then return made end
for _, reader in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], 'readers')) do
  local is = {}
  for i = 1, #reader, 2 do is[reader[i]] = reader[i + 1] end
  -- Deleting a reader drops what is pending for it: only those that hold nothing go.
  if is.pending == 0 and is.idle > tonumber(ARGV[1]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], 'readers', is.name)
  end
end
return 1
""")

SCHEDULE: Final = Script("""
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
return redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
""")

TURN: Final = Script(f"""
if redis.call('EXISTS', KEYS[6]) == 1 then return {{1, false}} end
local pending = redis.pcall('XPENDING', KEYS[1], 'readers')
local read = pending.err and 0 or pending[1]
local next_at = false
for i = 2, 4, 2 do
  if i == 4 and redis.call('XLEN', KEYS[1]) - read >= {MOST_UNREAD} then break end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[i], '-inf', ARGV[1], 'LIMIT', 0, 200)) do
    local body = redis.call('HGET', KEYS[i + 1], id)
    if body then redis.call('XADD', KEYS[1], '*', 'e', body) end
    redis.call('ZREM', KEYS[i], id)
    redis.call('HDEL', KEYS[i + 1], id)
  end
  local first = redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')[2]
  if first and (not next_at or tonumber(first) < tonumber(next_at)) then next_at = first end
end
return {{0, next_at}}
""")

_ALIVE: Final = """
-- Before Redis 7.2 a read that waits for new entries does not show that its reader lives. This one
-- does, and finds nothing: what it found would count as handed out once more.
redis.pcall('XREADGROUP', 'GROUP', 'readers', ARGV[1], 'STREAMS', KEYS[1], '18446744073709551615-0')
"""

OWN: Final = Script(f"""
{_ALIVE}
local pending = redis.pcall(
  'XPENDING', KEYS[1], 'readers', '(' .. ARGV[2], '+', ARGV[3], ARGV[1])
if pending.err then return pending end
local found = {{}}
for _, one in ipairs(pending) do
  local entry = redis.call('XRANGE', KEYS[1], one[1], one[1])[1]
  if entry then
    redis.call('XCLAIM', KEYS[1], 'readers', ARGV[1], 0, one[1], 'JUSTID')
    found[#found + 1] = {{one[1], entry[2], one[4]}}
  else
    redis.call('XACK', KEYS[1], 'readers', one[1])
  end
end
return found
""")

CLAIM: Final = Script(f"""
{_ALIVE}
local pending = redis.pcall('XPENDING', KEYS[1], 'readers', 'IDLE', ARGV[3], '-', '+', 1000)
if pending.err then return pending end
local found = {{}}
local function take(one)
  local entry = redis.call('XCLAIM', KEYS[1], 'readers', ARGV[1], 0, one[1])[1]
  if entry then
    found[#found + 1] = {{one[1], entry[2], one[4] + 1}}
  else
    redis.call('XACK', KEYS[1], 'readers', one[1])
  end
end
local suspect = nil
for _, one in ipairs(pending) do
  if one[2] ~= ARGV[1] and #found < tonumber(ARGV[2]) then
    if one[4] < {SUSPECT_DELIVERIES} then take(one) else suspect = suspect or one end
  end
end
if suspect and #found == 0 then take(suspect) end
return found
""")

RENEW: Final = Script("""
for i = 2, #ARGV do
  local mine = redis.pcall('XPENDING', KEYS[1], 'readers', ARGV[i], ARGV[i], 1, ARGV[1])
  if mine.err then return 0 end
  if #mine == 1 then
    redis.call('XCLAIM', KEYS[1], 'readers', ARGV[1], 0, ARGV[i], 'JUSTID')
  end
end
return 1
""")

HAND_BACK: Final = Script("""
local mine = redis.pcall('XPENDING', KEYS[1], 'readers', '-', '+', 1000, ARGV[1])
if mine.err then return 0 end
for _, one in ipairs(mine) do
  redis.call('XCLAIM', KEYS[1], 'readers', ARGV[1], 0, one[1], 'IDLE', 86400000, 'JUSTID')
end
if #mine == 0 then redis.call('XGROUP', 'DELCONSUMER', KEYS[1], 'readers', ARGV[1]) end
return #mine
""")

ACK: Final = Script("""
redis.call('XACK', KEYS[1], 'readers', unpack(ARGV))
return redis.call('XDEL', KEYS[1], unpack(ARGV))
""")

PUT_BACK: Final = Script("""
for i = 1, #ARGV, 4 do
  if redis.call('XACK', KEYS[1], 'readers', ARGV[i]) == 1 then
    redis.call('XDEL', KEYS[1], ARGV[i])
    if redis.call('HSETNX', KEYS[3], ARGV[i + 3], ARGV[i + 2]) == 1 then
      redis.call('ZADD', KEYS[2], ARGV[i + 1], ARGV[i + 3])
    end
  end
end
return 1
""")

PARK: Final = Script("""
for i = 1, #ARGV, 4 do
  if redis.call('XACK', KEYS[1], 'readers', ARGV[i]) == 1 then
    redis.call('XDEL', KEYS[1], ARGV[i])
    redis.call('XADD', KEYS[2], '*', 'entry', ARGV[i], 'reason', ARGV[i + 1],
      'attempts', ARGV[i + 2], 'e', ARGV[i + 3])
  end
end
return 1
""")

REVIVE: Final = Script("""
if redis.call('XDEL', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[1], '*', 'e', ARGV[2])
return 1
""")

_NAMED: Final = """
local function named(body)
  for _, word in ipairs(ARGV) do if string.find(body, word, 1, true) then return true end end
end
"""

ERASE: Final = Script(f"""
{_NAMED}
local gone = 0
for _, key in ipairs({{KEYS[1], KEYS[7]}}) do
  for _, entry in ipairs(redis.call('XRANGE', key, '-', '+')) do
    local said = entry[2]
    if named(said[#said]) then
      -- No longer pending: whoever works on it right now cannot put it back.
      if key == KEYS[1] then redis.pcall('XACK', key, 'readers', entry[1]) end
      gone = gone + redis.call('XDEL', key, entry[1])
    end
  end
end
for i = 2, 4, 2 do
  local waiting = redis.call('HGETALL', KEYS[i + 1])
  for j = 1, #waiting, 2 do
    if named(waiting[j + 1]) then
      redis.call('ZREM', KEYS[i], waiting[j])
      gone = gone + redis.call('HDEL', KEYS[i + 1], waiting[j])
    end
  end
end
return gone
""")

ERASE_ANSWERS: Final = Script(f"""
{_NAMED}
local gone, cursor = 0, '0'
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', '{{answer.*', 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    for _, piece in ipairs(redis.call('XRANGE', key, '-', '+')) do
      if named(piece[2][2]) then gone = gone + redis.call('DEL', key) break end
    end
  end
until cursor == '0'
return gone
""")

STATS: Final = Script("""
local pending = redis.pcall('XPENDING', KEYS[1], 'readers')
local oldest = not pending.err
  and redis.call('XPENDING', KEYS[1], 'readers', 'IDLE', ARGV[1], '-', '+', 1)[1]
if not oldest then
  local from = '-'
  for _, group in ipairs(pending.err and {} or redis.call('XINFO', 'GROUPS', KEYS[1])) do
    for i = 1, #group, 2 do
      if group[i] == 'last-delivered-id' then from = '(' .. group[i + 1] end
    end
  end
  oldest = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 1)[1]
end
return {
  redis.call('XLEN', KEYS[1]), pending.err and 0 or pending[1],
  redis.call('ZCARD', KEYS[2]), redis.call('ZCARD', KEYS[4]), redis.call('XLEN', KEYS[7]),
  oldest and oldest[1] or '', redis.call('EXISTS', KEYS[6])
}
""")

SILENCE: Final = Script("""
local readers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], 'readers')
if readers.err then return false end
local shortest = false
for _, reader in ipairs(readers) do
  local is = {}
  for i = 1, #reader, 2 do is[reader[i]] = reader[i + 1] end
  if not shortest or is.idle < shortest then shortest = is.idle end
end
return shortest
""")

ANSWER: Final = Script("""
for i = 2, #ARGV do redis.call('XADD', KEYS[1], '*', 'e', ARGV[i]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[1])
""")
