-- KEYS: the key. ARGV 3: the mark of this call, 4: its time to live in milliseconds, 5: the
-- session, and with an owner 6: the owner, 7: milliseconds to list it. Returns 1 created, 3 taken.
local call, ttl, value, owner, list_ttl = unpack(ARGV, 3)
local state, last_calls, version, last_owner = look(KEYS[1])
if state == 'bad' then return -1 end
if state ~= 'none' then
  -- If an answer was lost, the session of this call is already there. It is recognised by its mark
  -- or by its version, as no two writes share one.
  if has_call(last_calls, call) or version == string.match(value, '^1 (%d+) ') then return 1 end
  return 3
end
put(KEYS[1], value, ttl, owner, last_owner, list_ttl)
return 1
