-- The same on a server that has the sessions as well. A few other members are looked at, and leave
-- if their sessions are gone: an index doesn't grow by sessions that nobody ended.
local function list_here(key, owner, ttl, created)
  local front, member = string.sub(key, 1, -33), string.sub(key, -32)
  local index = string.sub(key, 1, -34) .. 'o:' .. owner
  local chance = list(index, member, ttl, created)
  local count = redis.call('ZCARD', index)
  for probe = 1, math.min(count, 4) do
    local rank = (chance + probe) % count
    local other = redis.call('ZRANGE', index, rank, rank)[1]
    -- There is none where others have just left.
    if other and other ~= member and redis.call('EXISTS', front .. other) == 0 then
      redis.call('ZREM', index, other)
    end
  end
end
