-- The index of an owner: the keys of its sessions in order of creation. Each millisecond has 2,048
-- scores. A session takes the score of the second in which it is listed, or the next free one.
-- Therefore no two share a score, a session that moves is listed after others of the same
-- millisecond, and the score tells for half an hour when it was listed.
local function list(index, member, ttl, created)
  -- -1 is an index without expiry, -2 a new one.
  local time, left = redis.call('TIME'), redis.call('PTTL', index)
  local place = redis.call('ZSCORE', index, member)
  if not place then
    -- Beyond this time, in the year 2109, scores are no longer exact integers.
    local first = math.min(tonumber(created), 4398046511103) * 2048
    place = first + time[1] % 2048
    local last = redis.call('ZREVRANGEBYSCORE', index, string.format('%.0f', first + 2047), string.format('%.0f', place), 'WITHSCORES', 'LIMIT', 0, 1)
    if last[2] then place = tonumber(last[2]) + 1 end
    place = string.format('%.0f', place)
  end
  -- Always written: a server that is full rejects this before anything else was done.
  redis.call('ZADD', index, place, member)
  -- The index lives as long as its last session.
  if ttl == '-' then
    redis.call('PERSIST', index)
  elseif left ~= -1 and left < tonumber(ttl) then
    redis.call('PEXPIRE', index, ttl)
  end
  return time[2]
end
