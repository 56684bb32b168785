-- Puts a session in the place of whatever is there.
local function put(key, value, ttl, owner, last_owner)
  if owner and ARGV[2] == '1' then
    list(string.sub(key, 1, -65) .. 'o:' .. owner, string.sub(key, -64), ttl)
  end
  set(key, value, ttl)
  if last_owner ~= owner then
    unlist(key, last_owner)
  end
end
