-- The second half of a move in a Cluster. ARGV 5: the new key's 32 bytes, 6: the mark's end, 7:
-- milliseconds to keep it.
-- 1 done, { 1, owner } where the old key is still in that owner's index.
local target, moved_until, ttl = unpack(ARGV, 5)
mark(KEYS[1], last_owner, ARGV[4], target, moved_until, ttl)
return last_owner and { 1, last_owner } or 1
