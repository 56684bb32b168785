-- A page of an owner's index, in a Cluster. KEYS: the index. ARGV 3 and 4: the score and the key of
-- the last member, 5: how many. Returns the score and the key after which the next page begins, or
-- nothing; and for each member its key, and '1' if its session may not exist yet, because it was
-- listed in the last ten seconds, or in a place of another second.
local place, last, count = unpack(ARGV, 3)
local start, rows = rank_behind(KEYS[1], place, last), {}
local members = redis.call('ZRANGE', KEYS[1], start, start + count - 1, 'WITHSCORES')
local second = redis.call('TIME')[1]
for i = 1, #members, 2 do
  local age = (second - members[i + 1]) % 2048
  table.insert(rows, { members[i], (age <= 10 or age >= 1536) and '1' or '' })
end
if #members < 2 * count then return { '', '', rows } end
return { members[#members], members[#members - 1], rows }
