-- By a session with an owner. ARGV 5: milliseconds to keep it, 6: the session, 7: the owner, 8: the deadline, 9: until when the caller
-- has put it in the index, on another server.
-- 1 done; { 4, owner } nothing was done, list it first; { 1, owner } done, and it is time to list it again.
local ttl, value, owner, deadline, listed = unpack(ARGV, 5)
local again
if ARGV[2] ~= '1' then
  listed, again = coverage(owner, deadline, listed, last_owner, last_listed)
  if not listed then return { 4, owner } end
  -- The session comes with '-' there: the caller doesn't know.
  value = string.gsub(value, '^(%S+ %S+ %S+ %S+ %S+ %S+) %-', '%1 ' .. listed)
end
put(KEYS[1], value, ttl, owner, last_owner)
return again and { 1, owner } or 1
