-- KEYS: the old key and the new one. ARGV 5: milliseconds to keep the new one, 6: the session, 7: the mark's end, 8: milliseconds to keep
-- it, and if it has an owner 9: who that is, 10: milliseconds to list it. 1 done, 3 if the new key isn't free.
local ttl, value, moved_until, mark_ttl, owner, list_ttl = unpack(ARGV, 5)
local new = string.sub(KEYS[2], -64)
-- It has moved there already: the answer was lost.
if state == 'moved' and version == new then return 1 end
if state ~= 'live' then return 0 end
if version ~= ARGV[3] then return 2 end
local there, _, _, others = look(KEYS[2])
-- Ids are random: if this one isn't free, somebody's session must not be overwritten.
if there ~= 'none' then return 3 end
put(KEYS[2], value, ttl, owner, others, list_ttl)
mark(KEYS[1], last_owner, ARGV[4], new, moved_until, mark_ttl)
return 1
