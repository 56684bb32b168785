-- KEYS: the key. ARGV 3: a mark of this call, 4: milliseconds to keep it, 5: the session, 6: its owner, if there is one.
-- 1 created, 2 taken.
local call, ttl, value, owner = unpack(ARGV, 3)
local state, last_call, _, last_owner = look(KEYS[1])
if state == 'bad' then return -1 end
if state ~= 'none' then
  if call ~= '-' and last_call == call then return 1 end
  return 2
end
put(KEYS[1], value, ttl, owner, last_owner)
return 1
