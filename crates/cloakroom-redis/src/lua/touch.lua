-- KEYS: the key. ARGV 9: touched, 10: in whose index the caller has put it. 0 gone, 1 touched; { 4, owner } and { 1, owner } as in `replace`.
local it = look(KEYS[1], ARGV[1])
if it.state == 'bad' then return -1 end
if it.state ~= 'live' then return 0 end
local longer = it.deadline and (ARGV[8] == '' or after(ARGV[8], it.deadline))
local again
if longer and it.owner then
  if ARGV[2] == '1' then
    list(index_of(KEYS[1], it.owner), string.sub(KEYS[1], -64), ARGV[3])
  else
    local listed
    listed, again = coverage(it, it.owner)
    -- The owner may have changed since the caller was told.
    if not listed or (ARGV[7] ~= '' and ARGV[10] ~= it.owner) then return { 4, it.owner } end
    redis.call('HSET', KEYS[1], 'i', listed)
  end
end
if after(ARGV[9], it.touched) then
  redis.call('HSET', KEYS[1], 't', ARGV[9])
end
if longer then
  if ARGV[8] == '' then
    redis.call('HDEL', KEYS[1], 'e')
  else
    redis.call('HSET', KEYS[1], 'e', ARGV[8])
  end
  keep(KEYS[1], ARGV[3])
end
return again and { 1, it.owner } or 1
