-- KEYS: the key. ARGV 7: touched, 8: the deadline or ''. 0 gone, 1 touched; or its owner, for an index that lives elsewhere.
local it = look(KEYS[1], ARGV[1])
if it.state == 'bad' then return -1 end
if it.state ~= 'live' then return 0 end
if not it.touched or not is_number(it.touched) then return -1 end
if after(ARGV[7], it.touched) then
  redis.call('HSET', KEYS[1], 't', ARGV[7])
end
local longer = it.deadline and (ARGV[8] == '' or after(ARGV[8], it.deadline))
if not longer then return 1 end
if ARGV[8] == '' then
  redis.call('HDEL', KEYS[1], 'e')
else
  redis.call('HSET', KEYS[1], 'e', ARGV[8])
end
keep(KEYS[1], ARGV[3])
if not it.owner then return 1 end
if ARGV[2] ~= '1' then return { it.owner } end
list(index_of(KEYS[1], it.owner), string.sub(KEYS[1], -64), ARGV[3])
return 1
