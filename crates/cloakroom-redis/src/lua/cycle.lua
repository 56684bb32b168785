-- KEYS: the old key and the new one. ARGV from 9: the entry, 14: the mark's end, 15: milliseconds to keep it.
local it = look(KEYS[1], ARGV[1])
local may = permit(it)
if may ~= 1 then return may end
local there = look(KEYS[2], ARGV[1])
-- Ids are random: if this one isn't free, somebody's session must not be overwritten.
if there.state ~= 'none' then return 3 end
put(KEYS[2], there)
mark(KEYS[1], it, string.sub(KEYS[2], -64), ARGV[14], ARGV[15])
return 1
