-- KEYS: the key. ARGV from 9: the entry. 1 created, 2 taken.
local it = look(KEYS[1], ARGV[1])
if it.state == 'bad' then return -1 end
if it.state ~= 'none' then
  if ARGV[5] ~= '' and it.call == ARGV[5] then return 1 end
  return 2
end
put(KEYS[1], it, ARGV[7] ~= '' and ARGV[7])
return 1
