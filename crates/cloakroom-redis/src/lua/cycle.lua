-- KEYS: the old key and the new one. ARGV 5: the session's time to live in milliseconds, 6: the
-- session, 7: the tombstone's expiry, 8: its time to live, and with an owner 9: the owner, 10:
-- milliseconds to list it. Returns 1 done, 3 the new key is taken.
local ttl, value, moved_until, mark_ttl, owner, list_ttl = unpack(ARGV, 5)
local new = string.sub(KEYS[2], -32)
-- The move was done before, and its answer was lost.
if state == 'moved' and version == new then return 1 end
if state ~= 'live' then return 0 end
if version ~= ARGV[3] then return 2 end
local there, _, _, others = look(KEYS[2])
-- Ids are random, but another session must never be overwritten.
if there ~= 'none' then return 3 end
put(KEYS[2], value, ttl, owner, others, list_ttl)
mark(KEYS[1], last_owner, ARGV[4], new, moved_until, mark_ttl)
return 1
