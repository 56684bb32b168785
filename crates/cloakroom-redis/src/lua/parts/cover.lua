-- Until when a session of this owner is in the index, or nothing if that is too short and it has to be listed before; and whether it is
-- time to do that again. `last_owner` and `last_listed` are what the session says.
local function coverage(owner, deadline, last_owner, last_listed)
  if last_owner ~= owner or last_listed == '-' then return nil end
  if last_listed == 'ever' then return last_listed, false end
  if not string.find(last_listed, '^%d+$') or not is_number(last_listed) then return nil end
  if deadline == '-' or after(deadline, last_listed) then return nil end
  local spare, span = last_listed - deadline, deadline - ARGV[1]
  return last_listed, spare < span / 2
end

-- The same, once it has been seen to. Where the index is here, `listed` is until when it lists a session, for `list_ttl`; where it is on
-- another server, until when the caller has just done that, or '-'.
local function cover(key, owner, deadline, last_owner, last_listed, listed, list_ttl, created)
  local here = ARGV[2] == '1'
  if listed ~= '-' and not here then return listed, false end
  local covered, again = coverage(owner, deadline, last_owner, last_listed)
  if not here or (covered and not again) then return covered, again end
  list_here(key, owner, list_ttl, created)
  return listed, false
end
