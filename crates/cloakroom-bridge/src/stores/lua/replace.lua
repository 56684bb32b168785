-- Replaces ARGV[1] by ARGV[2], with a TTL of ARGV[3] milliseconds (0: none). Returns 0: absent, 1:
-- done, 2: another value.
local there = redis.call('GET', KEYS[1])
if not there then return 0 end
if there ~= ARGV[1] then return 2 end
if ARGV[3] == '0' then
  redis.call('SET', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
