-- With a session with an owner. ARGV 5: its time to live in milliseconds, 6: the session, 7: the
-- owner, 8: the deadline, 9 and 10: `listed` and `list_ttl` as in `cover`. Returns 1 done, { 4,
-- owner } nothing was done, list it first, { 1, owner } done, but its entry should be renewed.
local ttl, value, owner, deadline, listed, list_ttl = unpack(ARGV, 5)
local covered, again = cover(KEYS[1], owner, deadline, last_owner, last_listed, listed, list_ttl, string.match(value, '^1 %d+ (%d+) '))
if not covered then return { 4, owner } end
set(KEYS[1], keep(value, covered, with_call(last_calls, ARGV[4]), last_more), ttl)
if last_owner ~= owner then
  unlist(KEYS[1], last_owner)
end
return again and { 1, owner } or 1
