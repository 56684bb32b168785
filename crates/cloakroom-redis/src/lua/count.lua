-- Counts an owner's sessions. KEYS: the index. ARGV 3: the prefix of session keys, 4: the owner, 5:
-- the first rank, 6: how many members to check. Returns the number of live ones, the next rank, and
-- the number of all members.
local prefix, owner, start, count = unpack(ARGV, 3)
local live, stay, gone = 0, 0, {}
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], start, start + count - 1)) do
  local ours, state, _, _, whose = pcall(look, prefix .. member)
  if ours and state == 'live' and whose == owner then
    live = live + 1
  end
  if ours and whose ~= owner and state ~= 'bad' then
    table.insert(gone, member)
  else
    stay = stay + 1
  end
end
if #gone > 0 then
  redis.call('ZREM', KEYS[1], unpack(gone))
end
return { live, start + stay, redis.call('ZCARD', KEYS[1]) }
