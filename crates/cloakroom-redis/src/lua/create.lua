-- KEYS: the key. ARGV 3: a mark of this call, 4: milliseconds to keep it, 5: the session, and if it has an owner 6: who that is, 7:
-- milliseconds to list it. 1 created, 2 taken.
local call, ttl, value, owner, list_ttl = unpack(ARGV, 3)
local state, last_call, _, last_owner = look(KEYS[1])
if state == 'bad' then return -1 end
if state ~= 'none' then
  if call ~= '-' and last_call == call then return 1 end
  return 2
end
put(KEYS[1], value, ttl, owner, last_owner, list_ttl)
return 1
