-- The same if the sessions are on this server. It also checks a few other members and removes those
-- without a session, so that expired sessions don't accumulate in the index.
local function list_here(key, owner, ttl, created)
  local front, member = string.sub(key, 1, -33), string.sub(key, -32)
  local index = string.sub(key, 1, -34) .. 'o:' .. owner
  local chance = list(index, member, ttl, created)
  local count = redis.call('ZCARD', index)
  for probe = 1, math.min(count, 4) do
    local rank = (chance + probe) % count
    local other = redis.call('ZRANGE', index, rank, rank)[1]
    -- There is none if others have just been removed.
    if other and other ~= member and redis.call('EXISTS', front .. other) == 0 then
      redis.call('ZREM', index, other)
    end
  end
end
