-- KEYS: the key. ARGV from 7: the fields. 1 created, 2 taken.
local it = look(KEYS[1], ARGV[1])
if it.state == 'bad' then return -1 end
if it.state ~= 'none' then
  if ARGV[5] ~= '' and it.call == ARGV[5] then return 1 end
  return 2
end
put(KEYS[1], 7, it.owner)
return 1
