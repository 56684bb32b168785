-- KEYS: the index. ARGV 9: what session keys begin with, 10: the owner. For each session its key's digits and its hash.
local rows = {}
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local key = ARGV[9] .. member
  if redis.call('EXISTS', key) == 0 then
    redis.call('ZREM', KEYS[1], member)
  elseif redis.call('TYPE', key).ok ~= 'hash' then
    table.insert(rows, { member })
  else
    local f = redis.call('HMGET', key, 'm', 'o')
    if f[1] or f[2] ~= ARGV[10] then
      redis.call('ZREM', KEYS[1], member)
    else
      table.insert(rows, { member, redis.call('HGETALL', key) })
    end
  end
end
return rows
