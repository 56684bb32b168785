-- Replaces the head of a live session. If its length is unchanged, the text is not rewritten.
local function rewrite(key, start, call, version, owner, listed, deadline, created, touched, more)
  local length = owner and #owner or '-'
  local head = string.format('1 %s %s %s %s %s %s %s%s\n', version, created, touched, deadline, call, listed, length, more)
  if #head == start - 1 then
    redis.call('SETRANGE', key, 0, head)
  else
    redis.call('SET', key, head .. redis.call('GETRANGE', key, start - 1, -1), 'KEEPTTL')
  end
end
