-- Adds the fields that the caller doesn't know to a session's head: its calls, its end in the
-- index, and the fields of a newer release.
local function keep(value, listed, calls, more)
  if listed == '-' and more == '' and calls == ARGV[4] then return value end
  local _, before = string.find(value, '^1 %S+ %S+ %S+ %S+ ')
  local length, stop = string.match(value, '^%S+ %S+( %S+)()', before + 1)
  return string.sub(value, 1, before) .. calls .. ' ' .. listed .. length .. more .. string.sub(value, stop)
end
