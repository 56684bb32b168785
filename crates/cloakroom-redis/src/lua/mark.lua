-- KEYS: the old key. ARGV 9: the new key's digits, 10: the mark's end, 11: milliseconds to keep it.
-- The second half of a move in a Cluster. { 1, owner } where the old key is still in that owner's index.
local it = look(KEYS[1], ARGV[1])
local may = permit(it)
if may == 3 then return 1 end
if may ~= 1 then return may end
mark(KEYS[1], it, ARGV[9], ARGV[10], ARGV[11])
redis.call('HSET', KEYS[1], 'w', ARGV[5])
return it.owner and { 1, it.owner } or 1
