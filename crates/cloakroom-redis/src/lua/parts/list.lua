-- The index of an owner: the keys of the sessions, in the order in which they were created. Each millisecond has 2,048 places;
-- a session takes that of the second in which it is listed, or the next one that is free. So no two have the same place, what moves
-- is listed behind what was created at the same time, and a member tells for half an hour how old it is.
local function list(index, member, ttl, created)
  -- -1 is an index for ever, -2 a new one.
  local time, left = redis.call('TIME'), redis.call('PTTL', index)
  if not redis.call('ZSCORE', index, member) then
    -- Beyond that, which is the year 2109, a number of the index isn't exact any more.
    local first = math.min(tonumber(created), 4398046511103) * 2048
    local place = first + time[1] % 2048
    local last = redis.call('ZREVRANGEBYSCORE', index, string.format('%.0f', first + 2047), string.format('%.0f', place), 'WITHSCORES', 'LIMIT', 0, 1)
    if last[2] then place = tonumber(last[2]) + 1 end
    redis.call('ZADD', index, string.format('%.0f', place), member)
  end
  -- It stays as long as its last session.
  if ttl == '-' then
    redis.call('PERSIST', index)
  elseif left ~= -1 and left < tonumber(ttl) then
    redis.call('PEXPIRE', index, ttl)
  end
  return time[2]
end
