-- Replaces a session with a tombstone: its new key, and the tombstone's expiry.
local function mark(key, owner, call, target, moved_until, ttl)
  set(key, '> ' .. moved_until .. ' ' .. call .. ' ' .. target, ttl)
  unlist(key, owner)
end
