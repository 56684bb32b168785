-- The last calls that wrote a session, separated by commas: the last one of each process, for at
-- most eight processes. The commits of one process follow each other, so its last call is the only
-- one that it may send again, however often others wrote since. Only in a Cluster; elsewhere '-'.
local function has_call(calls, call)
  return call ~= '-' and string.find(',' .. calls .. ',', ',' .. call .. ',', 1, true) ~= nil
end

local function with_call(calls, call)
  if call == '-' or calls == '-' then return call end
  local process, others = string.match(call, '^(%x+)%.'), {}
  for other in string.gmatch(calls, '[^,]+') do
    if string.match(other, '^(%x+)%.') ~= process then
      table.insert(others, other)
    end
  end
  table.insert(others, call)
  return table.concat(others, ',', math.max(1, #others - 7))
end
