-- Puts a mark in the place of a session: its new key, and the end of the mark.
local function mark(key, owner, call, target, moved_until, ttl)
  set(key, '> ' .. moved_until .. ' ' .. call .. ' ' .. target, ttl)
  unlist(key, owner)
end
