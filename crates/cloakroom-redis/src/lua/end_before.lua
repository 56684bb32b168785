-- ARGV 3: the point in time, 4: the position of the scan, 5: the pattern of keys, 6: how many to
-- check, 7: an unused key if the caller waits for a confirmation. Returns the next position, the
-- number of ended sessions, the keys on other servers to which some have moved, the run id, and the
-- server's clock in seconds.
local point, place, pattern, count, fence = unpack(ARGV, 3)
local ended, elsewhere = 0, {}

local function finish(key, hops)
  -- A tombstone may lead to a foreign value, which must not stop the walk.
  local ours, state, _, target, owner, _, _, created = pcall(look, key)
  if not ours then return end
  if state == 'live' and after(point, created) then
    redis.call('DEL', key)
    unlist(key, owner)
    ended = ended + 1
  elseif target and #target == 32 then
    -- A tombstone, perhaps an expired one. The scan may have passed its new key already.
    if ARGV[2] ~= '1' then
      table.insert(elsewhere, target)
    elseif hops > 0 then
      finish(string.sub(key, 1, -33) .. target, hops - 1)
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
-- Earlier ends must be confirmed: see `end`.
if ended == 0 and fence and ARGV[2] == '1' then
  redis.call('SET', fence, '', 'PX', 1)
  redis.call('DEL', fence)
end
return { found[1], ended, elsewhere, run(), tonumber(redis.call('TIME')[1]) }
