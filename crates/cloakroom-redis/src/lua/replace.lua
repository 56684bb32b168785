-- KEYS: the key. ARGV from 7: the fields.
local it = look(KEYS[1], ARGV[1])
local may = permit(it)
if may == 3 then return 1 end
if may == 1 then put(KEYS[1], 7, it.owner) end
return may
