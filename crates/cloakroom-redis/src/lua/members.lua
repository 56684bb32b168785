-- A page of an owner's index, in a Cluster. KEYS: the index. ARGV 3 and 4: behind which member, and its place, 5: how many.
-- The place and the member behind which the next page begins, or nothing; and for each member its key's digits, and '1' if it may have
-- been listed for a session that isn't there yet: in the last ten seconds, or in a second that another one had taken.
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
