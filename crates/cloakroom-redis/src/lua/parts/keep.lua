-- A session's value with the words of a newer release that the one before it had at the end of its head.
local function keep(value, more)
  if more == '' then return value end
  local stop = string.find(value, '\n', 1, true)
  return string.sub(value, 1, stop - 1) .. more .. string.sub(value, stop)
end
