-- Where an index lives elsewhere: until when a session of this owner is in it, or nothing if that is too short and the caller has to
-- list it before; and whether it is time to do that again. `listed` is until when the caller has just put it there; `last_owner` and
-- `last_listed` are what the session says.
local function coverage(owner, deadline, listed, last_owner, last_listed)
  if listed ~= '-' then return listed, false end
  if last_owner ~= owner or last_listed == '-' then return nil end
  if last_listed == 'ever' then return last_listed, false end
  if not string.find(last_listed, '^%d+$') or not is_number(last_listed) then return nil end
  if deadline == '-' or after(deadline, last_listed) then return nil end
  local spare, span = last_listed - deadline, deadline - ARGV[1]
  return last_listed, spare < span / 2
end
