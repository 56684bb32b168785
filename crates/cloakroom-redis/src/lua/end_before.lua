-- ARGV 3: the point, 4: where the scan is, 5: the pattern of keys, 6: how many to look at.
-- The next place of the scan, how many were ended, the keys on other servers to which some have moved, the server's run, and its clock in seconds.
local point, place, pattern, count = unpack(ARGV, 3)
local ended, elsewhere = 0, {}

local function finish(key, hops)
  -- Where a mark leads may be something that isn't ours; it mustn't keep all others alive.
  local ours, state, _, target, owner, _, _, created = pcall(look, key)
  if not ours then return end
  if state == 'live' and after(point, created) then
    redis.call('DEL', key)
    unlist(key, owner)
    ended = ended + 1
  elseif target and #target == 64 then
    -- A mark, perhaps one whose time is over. Its new key may be where the scan has been already.
    if ARGV[2] ~= '1' then
      table.insert(elsewhere, target)
    elseif hops > 0 then
      finish(string.sub(key, 1, -65) .. target, hops - 1)
    end
  end
end

if KEYS[1] then
  finish(KEYS[1], 0)
  return { '0', ended, elsewhere, '', 0 }
end
local found = redis.call('SCAN', place, 'MATCH', pattern, 'COUNT', count, 'TYPE', 'string')
for _, key in ipairs(found[2]) do
  finish(key, 100)
end
return { found[1], ended, elsewhere, run(), tonumber(redis.call('TIME')[1]) }
