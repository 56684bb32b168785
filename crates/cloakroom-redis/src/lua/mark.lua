-- KEYS: the old key. ARGV 7: the new key's digits, 8: the mark's end, 9: milliseconds to keep it.
-- The second half of a move in a Cluster.
local it = look(KEYS[1], ARGV[1])
local may = permit(it)
if may == 3 then return 1 end
if may == 1 then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'm', ARGV[7], 'e', ARGV[8], 'w', ARGV[5])
  keep(KEYS[1], ARGV[9])
  if it.owner then return { it.owner } end
end
return may
