-- Gives a live session another head. One of the same length is written over the old one, and the text stays where it is.
local function rewrite(key, start, call, version, owner, listed, deadline, created, touched, more)
  local length = owner and #owner or '-'
  local head = string.format('1 %s %s %s %s %s %s %s%s\n', version, created, touched, deadline, call, listed, length, more)
  if #head == start - 1 then
    redis.call('SETRANGE', key, 0, head)
  else
    redis.call('SET', key, head .. redis.call('GETRANGE', key, start - 1, -1), 'KEEPTTL')
  end
end
