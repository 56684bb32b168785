-- Goes in front of every script. Versions and times are decimal texts: Lua's own numbers would lose the last digits.
--
-- The first arguments are the same everywhere:
--   1 now                  2 '1' where this server also holds the indexes of owners
--   3 milliseconds to keep the key, or '' for ever          4 the version that was seen
--   5 a mark of this very call, or ''                       6 '1' where the last field is the owner

local function is_number(text)
  return text == '0' or string.find(text, '^[1-9]%d*$') ~= nil
end

local function after(a, b)
  return #a > #b or (#a == #b and a > b)
end

local function prefix_of(key)
  return string.sub(key, 1, -65)
end

-- What is under a key: state is 'live', 'moved', 'none' (nothing, or over), or 'bad' where it isn't ours.
local function look(key, now)
  local f = redis.call('HMGET', key, 'v', 'e', 'o', 'm', 'w', 't', 'c')
  local it = { version = f[1], deadline = f[2], owner = f[3], target = f[4], call = f[5], touched = f[6], created = f[7] }
  local number = it.version
  if it.target then
    it.state, number = 'moved', it.deadline
  elseif it.version then
    it.state = 'live'
  elseif redis.call('EXISTS', key) == 0 then
    it.state = 'none'
    return it
  end
  if not it.state or not number or not is_number(number) or (it.deadline and not is_number(it.deadline)) then
    it.state = 'bad'
  elseif it.deadline and after(now, it.deadline) then
    it.state = 'none'
  end
  return it
end

local function keep(key, ttl)
  if ttl == '' then
    redis.call('PERSIST', key)
  else
    redis.call('PEXPIRE', key, ttl)
  end
end

-- The index of an owner: the keys of the sessions, ordered by when this server will remove them.
local function list(index, member, ttl)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', string.format('(%.0f', now))
  local left = redis.call('PTTL', index)
  if ttl == '' then
    redis.call('ZADD', index, '+inf', member)
    redis.call('PERSIST', index)
  else
    redis.call('ZADD', index, string.format('%.0f', now + ttl), member)
    -- It stays as long as its last session; -1 is one for ever, -2 a new index.
    if left ~= -1 and left < tonumber(ttl) then
      redis.call('PEXPIRE', index, ttl)
    end
  end
end

local function index_of(key, owner)
  return prefix_of(key) .. 'o:' .. owner
end

local function unlist(key, owner)
  if owner and ARGV[2] == '1' then
    redis.call('ZREM', index_of(key, owner), string.sub(key, -64))
  end
end

-- Puts the fields from this argument on in the place of whatever is there.
local function put(key, first, was_owner)
  unlist(key, was_owner)
  redis.call('DEL', key)
  redis.call('HSET', key, unpack(ARGV, first))
  if ARGV[3] ~= '' then
    redis.call('PEXPIRE', key, ARGV[3])
  end
  if ARGV[6] == '1' and ARGV[2] == '1' then
    list(index_of(key, ARGV[#ARGV]), string.sub(key, -64), ARGV[3])
  end
end

-- Whether the caller may write: 0 gone, 1 yes, 2 a version that it hasn't seen, -1 not ours, and 3 for what this very call has
-- done already, when the answer was lost on its way and a Cluster's client tried again.
local function permit(it)
  local again = ARGV[5] ~= '' and it.call == ARGV[5]
  if it.state == 'bad' then return -1 end
  if again and it.state ~= 'none' then return 3 end
  if it.state ~= 'live' then return 0 end
  if it.version ~= ARGV[4] then return 2 end
  return 1
end
