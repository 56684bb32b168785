-- ARGV 3: the position of the scan, 4: the pattern of keys, 5: how many to check. Returns the run
-- id, the next position, and for each live session its key and value, or the key alone if it is
-- damaged.
local place, pattern, count = unpack(ARGV, 3)
local found, rows = redis.call('SCAN', place, 'MATCH', pattern, 'COUNT', count, 'TYPE', 'string'), {}
for _, key in ipairs(found[2]) do
  local state = look(key)
  if state == 'live' then
    table.insert(rows, { string.sub(key, -32), redis.call('GET', key) })
  elseif state == 'bad' then
    table.insert(rows, { string.sub(key, -32) })
  end
end
return { run(), found[1], rows }
