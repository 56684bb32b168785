-- An index that is damaged doesn't keep a session from ending: whoever lists it is told.
local function unlist(key, owner)
  if owner and ARGV[2] == '1' then
    redis.pcall('ZREM', string.sub(key, 1, -65) .. 'o:' .. owner, string.sub(key, -64))
  end
end
