-- KEYS: the key. ARGV from 9: the entry. Beyond what `permit` says: { 4, owner } nothing was done, list it first; { 1, owner } done,
-- and it is time to list it again.
local it = look(KEYS[1], ARGV[1])
local may = permit(it)
if may == 3 then return 1 end
if may ~= 1 then return may end
local listed, again
if ARGV[2] ~= '1' and ARGV[6] == '1' then
  listed, again = coverage(it, ARGV[13])
  if not listed then return { 4, ARGV[13] } end
end
put(KEYS[1], it, listed)
return again and { 1, ARGV[13] } or 1
