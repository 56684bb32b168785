-- KEYS: the key. ARGV 3: a mark of this call, 4: milliseconds to keep it, 5: the session, and if it has an owner 6: who that is, 7:
-- milliseconds to list it. 1 created, 2 taken.
local call, ttl, value, owner, list_ttl = unpack(ARGV, 3)
local state, last_calls, version, last_owner = look(KEYS[1])
if state == 'bad' then return -1 end
if state ~= 'none' then
  -- Its own session is there where its answer was lost: by its mark or, as no two writes share one, by its version.
  if has_call(last_calls, call) or version == string.match(value, '^1 (%d+) ') then return 1 end
  return 2
end
put(KEYS[1], value, ttl, owner, last_owner, list_ttl)
return 1
