-- Ends an owner's oldest sessions. KEYS: the index. ARGV 3: '1' if the caller waits for a
-- confirmation, 4: the prefix of session keys, 5: the owner, 6: how many to end, 7: the key to
-- keep, or '-'. Returns 1, the number of ended sessions, '1' if there may be more, and a damaged
-- key if nothing was removed.
local prefix, owner, limit, keep = unpack(ARGV, 4)
local ended, gone, stay, damaged = 0, {}, 0, ''
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, limit + 99)) do
  if ended == tonumber(limit) then break end
  local ours, state, _, _, whose = pcall(look, prefix .. member)
  if not ours or state == 'bad' then
    stay, damaged = stay + 1, member
  elseif whose == owner and member == keep then
    stay = stay + 1
  else
    if whose == owner then
      redis.call('DEL', prefix .. member)
      ended = ended + (state == 'live' and 1 or 0)
    end
    table.insert(gone, member)
  end
end
if #gone > 0 then
  redis.call('ZREM', KEYS[1], unpack(gone))
elseif ARGV[3] == '1' then
  -- Earlier ends must be confirmed: see `end`.
  redis.call('ZADD', KEYS[1], 0, '-')
  redis.call('ZREM', KEYS[1], '-')
end
if #gone > 0 then damaged = '' end
local more = damaged ~= '' or redis.call('ZCARD', KEYS[1]) > stay
return { 1, ended, more and '1' or '', damaged }
