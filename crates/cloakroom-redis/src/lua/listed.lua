-- KEYS: the key. ARGV 3: until when it is in the index now, 4: whose index. For an index that lives elsewhere.
local listed, whose = unpack(ARGV, 3)
local state, call, version, owner, last_listed, deadline, created, touched, start, more = look(KEYS[1])
if state == 'live' and owner == whose and last_listed ~= '-' and last_listed ~= 'ever'
  and (listed == 'ever' or after(listed, last_listed)) then
  rewrite(KEYS[1], start, call, version, owner, listed, deadline, created, touched, more)
end
return 1
