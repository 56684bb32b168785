-- KEYS: the index. ARGV 3: the session's key, 4: milliseconds to keep it there. In a Cluster, where an index lives by itself.
-- Two may list a session at the same time, and who has less time for it may come last: its place never becomes shorter.
local before = redis.call('ZSCORE', KEYS[1], ARGV[3])
list(KEYS[1], ARGV[3], ARGV[4])
if before and tonumber(before) > tonumber(redis.call('ZSCORE', KEYS[1], ARGV[3])) then
  redis.call('ZADD', KEYS[1], before, ARGV[3])
end
return 1
