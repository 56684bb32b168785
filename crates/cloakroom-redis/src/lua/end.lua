-- KEYS: the key. ARGV 3: '1' if the caller waits for a confirmation, 4: optionally, the required
-- owner. Returns 0 nothing was there, 1 ended, { 1, owner } ended but still in an index elsewhere,
-- { 5, key } moved there.
local key = KEYS[1]
-- A chain is as long as the number of moves within one grace time. A ring would be damage.
for _ = 1, 100 do
  local state, _, target, owner = look(key)
  if state == 'bad' then return -1 end
  if state == 'live' and ARGV[4] and ARGV[4] ~= owner then return 0 end
  if state == 'none' then
    -- A session missing here may still be on a replica that hasn't received its end. A confirmation
    -- of this write covers that.
    if ARGV[3] == '1' then
      redis.call('SET', key, '', 'PX', 1)
      redis.call('DEL', key)
    end
    return 0
  end
  if state == 'live' then
    redis.call('DEL', key)
    unlist(key, owner)
    if owner and ARGV[2] ~= '1' then return { 1, owner } end
    return 1
  end
  -- In a Cluster the next key is on another server.
  if ARGV[2] ~= '1' then return { 5, target } end
  key = string.sub(key, 1, -33) .. target
end
return -1
