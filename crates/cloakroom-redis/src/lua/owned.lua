-- A page of an owner's sessions. KEYS: the index. ARGV 3: the prefix of session keys, 4: the owner,
-- 5 and 6: the score and the key of the last member, 7: how many to check. Returns the score and
-- the key after which the next page begins, or nothing; and for each session its key and value, or
-- the key alone if it is damaged.
local prefix, owner, place, last, count = unpack(ARGV, 3)
local start, rows, gone, size = rank_behind(KEYS[1], place, last), {}, {}, 0
local members = redis.call('ZRANGE', KEYS[1], start, start + count - 1, 'WITHSCORES')
local next_place, next_member = '', ''
for i = 1, #members, 2 do
  local member = members[i]
  local key = prefix .. member
  local ours, state, _, _, whose = pcall(look, key)
  if not ours or state == 'bad' then
    table.insert(rows, { member })
  elseif whose == owner then
    local value = redis.call('GET', key)
    table.insert(rows, { member, value })
    size = size + #value
  else
    table.insert(gone, member)
  end
  -- A page has at least one session, and ends when it exceeds a quarter of a megabyte.
  if i + 1 == 2 * count or size > 262144 then
    next_place, next_member = members[i + 1], member
    break
  end
end
if #gone > 0 then
  redis.call('ZREM', KEYS[1], unpack(gone))
end
return { next_place, next_member, rows }
