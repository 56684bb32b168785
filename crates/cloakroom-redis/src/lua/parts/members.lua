-- Returns the rank after this member, which had this score. It may have been removed since.
local function rank_behind(index, place, member)
  if place == '-' then return 0 end
  local rank = redis.call('ZRANK', index, member)
  if rank then return rank + 1 end
  return redis.call('ZCOUNT', index, '-inf', place)
end
