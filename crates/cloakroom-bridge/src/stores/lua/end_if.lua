-- Deletes ARGV[1]. 0: gone, 1: done, 2: another text is there.
local there = redis.call('GET', KEYS[1])
if not there then return 0 end
if there ~= ARGV[1] then return 2 end
redis.call('DEL', KEYS[1])
return 1
