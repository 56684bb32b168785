-- Goes in front of every script. Versions and times are decimal texts: Lua's own numbers would lose the last digits.
--
-- The first arguments are the same everywhere:
--   1 now                  2 '1' where this server also holds the indexes of owners
--   3 milliseconds to keep the key, or '' for ever          4 the version that was seen
--   5 a mark of this very call, or ''                       6 '1' if there is an owner
--   7 until when the session is in its owner's index on another server, 'ever', or '' if the caller hasn't put it there
--   8 the deadline, or '' for ever
-- And of an entry: 9 its version, 10 text, 11 created, 12 touched, 13 owner.
--
-- A script that fails half way leaves what it has done: what may be refused (for lack of memory, or because a key is of another
-- kind) comes first, and what only tidies up can't fail.

local function is_number(text)
  return text == '0'
    or (#text < 20 or (#text == 20 and text <= '18446744073709551615')) and string.find(text, '^[1-9]%d*$') ~= nil
end

local function after(a, b)
  return #a > #b or (#a == #b and a > b)
end

local function prefix_of(key)
  return string.sub(key, 1, -65)
end

local function is_live(key, it)
  return it.version and is_number(it.version) and it.touched and is_number(it.touched) and it.created
    and is_number(it.created) and redis.call('HEXISTS', key, 'd') == 1
end

-- What is under a key: state is 'live', 'moved', 'none' (nothing, or over), or 'bad' where it isn't ours or was damaged.
local function look(key, now)
  local f = redis.call('HMGET', key, 'v', 'e', 'o', 'm', 'w', 't', 'c', 'i')
  local it = {
    version = f[1], deadline = f[2], owner = f[3], target = f[4], call = f[5], touched = f[6], created = f[7], listed = f[8],
  }
  it.exists = it.target or it.version or redis.call('EXISTS', key) == 1
  if not it.exists then
    it.state = 'none'
  elseif it.deadline and not is_number(it.deadline) then
    it.state = 'bad'
  elseif it.target then
    it.state = #it.target == 64 and it.deadline and 'moved' or 'bad'
  else
    it.state = is_live(key, it) and 'live' or 'bad'
  end
  if (it.state == 'live' or it.state == 'moved') and it.deadline and after(now, it.deadline) then
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
  redis.call('ZREMRANGEBYSCORE', index, '-inf', string.format('(%.0f', now))
end

local function index_of(key, owner)
  return prefix_of(key) .. 'o:' .. owner
end

-- An index that is damaged doesn't keep a session from ending: whoever lists it is told.
local function unlist(key, owner)
  if owner and ARGV[2] == '1' then
    redis.pcall('ZREM', index_of(key, owner), string.sub(key, -64))
  end
end

-- Where an index lives elsewhere: until when this session is in it, or nothing if that is too short and the caller has to list it
-- before; and whether it is time to do that again.
local function coverage(it, owner)
  if ARGV[7] ~= '' then return ARGV[7], false end
  if it.owner ~= owner or not it.listed then return nil end
  if it.listed == 'ever' then return it.listed, false end
  if ARGV[8] == '' or not is_number(it.listed) or after(ARGV[8], it.listed) then return nil end
  local spare, span = it.listed - ARGV[8], ARGV[8] - ARGV[1]
  return it.listed, spare < span / 2
end

-- Puts the entry in the place of whatever is there. `listed` is for an index that lives elsewhere.
local function put(key, it, listed)
  local owner = ARGV[6] == '1' and ARGV[13] or nil
  if owner and ARGV[2] == '1' then
    list(index_of(key, owner), string.sub(key, -64), ARGV[3])
  end
  local fields, stale = { 'v', ARGV[9], 'd', ARGV[10], 'c', ARGV[11], 't', ARGV[12] }, { 'm' }
  local function field(name, value)
    if value then
      table.insert(fields, name)
      table.insert(fields, value)
    else
      table.insert(stale, name)
    end
  end
  field('e', ARGV[8] ~= '' and ARGV[8])
  field('w', ARGV[5] ~= '' and ARGV[5])
  field('o', owner)
  field('i', listed)
  redis.call('HSET', key, unpack(fields))
  if it.exists then
    redis.call('HDEL', key, unpack(stale))
  end
  keep(key, ARGV[3])
  if it.owner ~= owner then
    unlist(key, it.owner)
  end
end

-- Puts a mark in the place of a session: the digits of its new key, and the end of the mark.
local function mark(key, it, target, deadline, ttl)
  redis.call('HSET', key, 'm', target, 'e', deadline)
  redis.call('HDEL', key, 'v', 'd', 'c', 't', 'w', 'o', 'i')
  keep(key, ttl)
  unlist(key, it.owner)
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
