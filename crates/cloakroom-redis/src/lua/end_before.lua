-- ARGV 3: the point, 4: where the scan is, 5: the pattern of keys, 6: how many to look at, 7: where
-- the caller waits for a confirmation, a key that nobody uses.
-- The next place of the scan, how many were ended, the keys on other servers to which some have
-- moved, the server's run, and its clock in seconds.
local point, place, pattern, count, fence = unpack(ARGV, 3)
local ended, elsewhere = 0, {}

local function finish(key, hops)
  -- Where a mark leads may be something that isn't ours; it mustn't keep all others alive.
  local ours, state, _, target, owner, _, _, created = pcall(look, key)
  if not ours then return end
  if state == 'live' and after(point, created) then
    redis.call('DEL', key)
    unlist(key, owner)
    ended = ended + 1
  elseif target and #target == 32 then
    -- A mark, perhaps one whose time is over. Its new key may be where the scan has been already.
    if ARGV[2] ~= '1' then
      table.insert(elsewhere, target)
    elseif hops > 0 then
      finish(string.sub(key, 1, -33) .. target, hops - 1)
    end
  end
end

if KEYS[1] then
  local ours, state, _, target = pcall(look, KEYS[1])
  if ours and fence and state == 'none' and not target then
    -- It may have been ended without a confirmation: see `end`.
    redis.call('SET', KEYS[1], '', 'PX', 1)
    redis.call('DEL', KEYS[1])
  else
    finish(KEYS[1], 0)
  end
  return { '0', ended, elsewhere, '', 0 }
end
local found = redis.call('SCAN', place, 'MATCH', pattern, 'COUNT', count, 'TYPE', 'string')
for _, key in ipairs(found[2]) do
  finish(key, 100)
end
-- What was ended before is to be confirmed: see `end`.
if ended == 0 and fence and ARGV[2] == '1' then
  redis.call('SET', fence, '', 'PX', 1)
  redis.call('DEL', fence)
end
return { found[1], ended, elsewhere, run(), tonumber(redis.call('TIME')[1]) }
