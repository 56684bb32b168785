-- Deletes the key if its value is ARGV[1]. Returns 0: absent, 1: done, 2: another value.
local there = redis.call('GET', KEYS[1])
if not there then return 0 end
if there ~= ARGV[1] then return 2 end
redis.call('DEL', KEYS[1])
return 1
