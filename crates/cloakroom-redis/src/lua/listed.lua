-- KEYS: the key. ARGV 7: until when it is in the index now, 9: whose index. For an index that lives elsewhere.
local it = look(KEYS[1], ARGV[1])
if it.state == 'live' and it.owner == ARGV[9] and it.listed and it.listed ~= 'ever'
  and (ARGV[7] == 'ever' or after(ARGV[7], it.listed)) then
  redis.call('HSET', KEYS[1], 'i', ARGV[7])
end
return 1
