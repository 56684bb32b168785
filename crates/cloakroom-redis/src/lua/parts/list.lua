-- The index of an owner: the keys of the sessions, ordered by when this server will remove them.
local function list(index, member, ttl)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local left = redis.call('PTTL', index)
  if ttl == '-' then
    redis.call('ZADD', index, '+inf', member)
    redis.call('PERSIST', index)
  else
    redis.call('ZADD', index, string.format('%.0f', now + ttl), member)
    -- It stays as long as its last session; -1 is one for ever, -2 a new index.
    if left ~= -1 and left < tonumber(ttl) then
      redis.call('PEXPIRE', index, ttl)
    end
  end
  redis.call('ZREMRANGEBYSCORE', index, '-inf', string.format('(%.0f', now))
end
