-- The second half of a move in a Cluster. ARGV 5: the new key's 32 bytes, 6: the tombstone's
-- expiry, 7: its time to live in milliseconds. Returns 1 done, { 1, owner } if the old key is still
-- in that owner's index.
local target, moved_until, ttl = unpack(ARGV, 5)
mark(KEYS[1], last_owner, ARGV[4], target, moved_until, ttl)
return last_owner and { 1, last_owner } or 1
