-- Writes a session over any value, and lists it if the index is here.
local function put(key, value, ttl, owner, last_owner, list_ttl)
  if owner and ARGV[2] == '1' then
    list_here(key, owner, list_ttl, string.match(value, '^1 %d+ (%d+) '))
  end
  set(key, value, ttl)
  if last_owner ~= owner then
    unlist(key, last_owner)
  end
end
