-- KEYS: the key. ARGV 3: touched, 4: the deadline, 5: milliseconds to keep it, 6: until when the caller has put it in the index, on
-- another server, 7: whose index that is. 0 gone, 1 touched; { 4, owner } and { 1, owner } as in `replace_owned`.
local touched, deadline, ttl, listed, whose = unpack(ARGV, 3)
local key = KEYS[1]
local state, call, version, owner, last_listed, last_deadline, created, last_touched, start = look(key)
if state == 'bad' then return -1 end
if state ~= 'live' then return 0 end
local longer = last_deadline ~= '-' and (deadline == '-' or after(deadline, last_deadline))
local covered, again = last_listed, false
if longer and owner then
  if ARGV[2] == '1' then
    list(string.sub(key, 1, -65) .. 'o:' .. owner, string.sub(key, -64), ttl)
  else
    covered, again = coverage(owner, deadline, listed, owner, last_listed)
    -- The owner may have changed since the caller was told.
    if not covered or (listed ~= '-' and whose ~= owner) then return { 4, owner } end
  end
end
local later = after(touched, last_touched)
if longer or later then
  rewrite(key, start, call, version, owner, covered, longer and deadline or last_deadline, created, later and touched or last_touched)
end
if longer and ttl == '-' then
  redis.call('PERSIST', key)
elseif longer then
  redis.call('PEXPIRE', key, ttl)
end
return again and { 1, owner } or 1
