-- KEYS: the key. ARGV 3: until when the index lists it, 4: its owner. For an index on another
-- server.
local listed, whose = unpack(ARGV, 3)
local state, call, version, owner, last_listed, deadline, created, touched, start, more = look(KEYS[1])
if state == 'live' and owner == whose and last_listed ~= '-' and last_listed ~= 'ever'
  and (listed == 'ever' or after(listed, last_listed)) then
  rewrite(KEYS[1], start, call, version, owner, listed, deadline, created, touched, more)
end
return 1
