-- KEYS: the index. ARGV 3: what session keys begin with, 4: the owner. For each session its key's digits and what is there; of what is
-- damaged the digits alone.
local prefix, owner = unpack(ARGV, 3)
local rows = {}
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local key = prefix .. member
  local ours, state, _, _, whose = pcall(look, key)
  if not ours or state == 'bad' then
    table.insert(rows, { member })
  elseif whose == owner then
    table.insert(rows, { member, redis.call('GET', key) })
  else
    redis.call('ZREM', KEYS[1], member)
  end
end
return rows
