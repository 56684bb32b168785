-- Puts a session in the place of whatever is there, and lists it if the index is here.
local function put(key, value, ttl, owner, last_owner, list_ttl)
  if owner and ARGV[2] == '1' then
    list(string.sub(key, 1, -65) .. 'o:' .. owner, string.sub(key, -64), list_ttl)
  end
  set(key, value, ttl)
  if last_owner ~= owner then
    unlist(key, last_owner)
  end
end
