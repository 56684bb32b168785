-- A damaged index doesn't prevent a session from ending. Listing the index reports the error.
local function unlist(key, owner)
  if owner and ARGV[2] == '1' then
    redis.pcall('ZREM', string.sub(key, 1, -34) .. 'o:' .. owner, string.sub(key, -32))
  end
end
