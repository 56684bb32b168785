-- ARGV 7: the point, 8: where the scan is, 9: the pattern of keys, 10: how many to look at.
-- The next place of the scan, how many were ended, and the keys on other servers to which some have moved.
local ended, elsewhere = 0, {}

local function finish(key, hops)
  local it = look(key, ARGV[1])
  if it.state == 'live' and it.created and is_number(it.created) and after(ARGV[7], it.created) then
    redis.call('DEL', key)
    unlist(key, it.owner)
    ended = ended + 1
  elseif it.state == 'moved' and #it.target == 64 then
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
local found = redis.call('SCAN', ARGV[8], 'MATCH', ARGV[9], 'COUNT', ARGV[10], 'TYPE', 'hash')
for _, key in ipairs(found[2]) do
  finish(key, 100)
end
return { found[1], ended, elsewhere }
