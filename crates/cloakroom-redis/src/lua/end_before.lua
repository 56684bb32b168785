-- ARGV 9: the point, 10: where the scan is, 11: the pattern of keys, 12: how many to look at.
-- The next place of the scan, how many were ended, and the keys on other servers to which some have moved.
local ended, elsewhere = 0, {}

local function finish(key, hops)
  -- Where a mark leads may be something that isn't ours; it mustn't keep all others alive.
  local ours, it = pcall(look, key, ARGV[1])
  if not ours then return end
  if it.state == 'live' and after(ARGV[9], it.created) then
    redis.call('DEL', key)
    unlist(key, it.owner)
    ended = ended + 1
  elseif it.state == 'moved' then
    -- Its new key may be where the scan has been already.
    if ARGV[2] ~= '1' then
      table.insert(elsewhere, it.target)
    elseif hops > 0 then
      finish(prefix_of(key) .. it.target, hops - 1)
    end
  end
end

if KEYS[1] then
  finish(KEYS[1], 0)
  return { '0', ended, elsewhere }
end
local found = redis.call('SCAN', ARGV[10], 'MATCH', ARGV[11], 'COUNT', ARGV[12], 'TYPE', 'hash')
for _, key in ipairs(found[2]) do
  finish(key, 100)
end
return { found[1], ended, elsewhere }
