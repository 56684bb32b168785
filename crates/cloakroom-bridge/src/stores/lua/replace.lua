-- Writes ARGV[2] in the place of ARGV[1], to live for ARGV[3] milliseconds (0: for ever). 0: gone, 1: done, 2: another text is there.
local there = redis.call('GET', KEYS[1])
if not there then return 0 end
if there ~= ARGV[1] then return 2 end
if ARGV[3] == '0' then
  redis.call('SET', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
