-- Returns until when the index lists a session of this owner, or nothing if that is too short and
-- it must be listed first; and whether the entry should be renewed. `last_owner` and `last_listed`
-- come from the stored session.
local function coverage(owner, deadline, last_owner, last_listed)
  if last_owner ~= owner or last_listed == '-' then return nil end
  if last_listed == 'ever' then return last_listed, false end
  if not string.find(last_listed, '^%d+$') or not is_number(last_listed) then return nil end
  if deadline == '-' or after(deadline, last_listed) then return nil end
  local spare, span = last_listed - deadline, deadline - ARGV[1]
  return last_listed, spare < span / 2
end

-- The same, after renewing the entry if the index is here. In that case `listed` is the new end for
-- `list_ttl`. With the index on another server, it is the end that the caller has just set, or '-'.
local function cover(key, owner, deadline, last_owner, last_listed, listed, list_ttl, created)
  local here = ARGV[2] == '1'
  if listed ~= '-' and not here then return listed, false end
  local covered, again = coverage(owner, deadline, last_owner, last_listed)
  if not here or (covered and not again) then return covered, again end
  list_here(key, owner, list_ttl, created)
  return listed, false
end
