-- An index that is damaged doesn't keep a session from ending: whoever lists it is told.
local function unlist(key, owner)
  if owner and ARGV[2] == '1' then
    redis.pcall('ZREM', string.sub(key, 1, -34) .. 'o:' .. owner, string.sub(key, -32))
  end
end
