-- KEYS: the old key and the new one. ARGV 7: the mark's end, 8: milliseconds to keep it, from 9: the fields.
local it = look(KEYS[1], ARGV[1])
local may = permit(it)
if may ~= 1 then return may end
local there = look(KEYS[2], ARGV[1])
-- Ids are random: if this one isn't free, somebody's session must not be overwritten.
if there.state ~= 'none' then return 3 end
unlist(KEYS[1], it.owner)
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'm', string.sub(KEYS[2], -64), 'e', ARGV[7])
keep(KEYS[1], ARGV[8])
put(KEYS[2], 9, there.owner)
return 1
