-- A session's value with what its caller doesn't know of its head: the calls that wrote it, until when it is listed, and
-- the words of a newer release at the end.
local function keep(value, listed, calls, more)
  if listed == '-' and more == '' and calls == ARGV[4] then return value end
  local _, before = string.find(value, '^1 %S+ %S+ %S+ %S+ ')
  local length, stop = string.match(value, '^%S+ %S+( %S+)()', before + 1)
  return string.sub(value, 1, before) .. calls .. ' ' .. listed .. length .. more .. string.sub(value, stop)
end
