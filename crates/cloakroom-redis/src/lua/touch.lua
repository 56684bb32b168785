-- KEYS: the key. ARGV 3: touched, 4: the deadline, 5: the time to live in milliseconds, 6 and 7:
-- `listed` and `list_ttl` as in `cover`, 8: the owner in whose index on another server it was just
-- listed. Returns 0 gone, 1 touched; { 4, owner } and { 1, owner } as in `replace_owned`.
local touched, deadline, ttl, listed, list_ttl, whose = unpack(ARGV, 3)
local key = KEYS[1]
local state, call, version, owner, last_listed, last_deadline, created, last_touched, start, more = look(key)
if state == 'bad' then return -1 end
if state ~= 'live' then return 0 end
local longer = last_deadline ~= '-' and (deadline == '-' or after(deadline, last_deadline))
local covered, again = last_listed, false
if longer and owner then
  covered, again = cover(key, owner, deadline, owner, last_listed, listed, list_ttl, created)
  -- The owner may have changed since the caller asked.
  if not covered or (whose and whose ~= owner) then return { 4, owner } end
end
local later = after(touched, last_touched)
if longer or later then
  rewrite(key, start, call, version, owner, covered, longer and deadline or last_deadline, created, later and touched or last_touched, more)
end
if longer and ttl == '-' then
  redis.call('PERSIST', key)
elseif longer then
  redis.call('PEXPIRE', key, ttl)
end
return again and { 1, owner } or 1
