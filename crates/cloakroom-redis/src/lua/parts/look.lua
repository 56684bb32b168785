-- Goes in front of most scripts. What is under a key is told in `layout.rs`. Versions and times are decimal texts: Lua's own numbers
-- would lose the last digits. '-' is none, and for ever.
--
-- Scripts about a session answer with the numbers of `Code`, in `operations.rs`.
--
-- The first arguments are the same everywhere: 1 now, 2 '1' where this server also holds the indexes of owners.
--
-- A script that fails half way leaves what it has done: what may be refused (for lack of memory, or because a key is of another
-- kind) comes first, and what only tidies up can't fail.
--
-- A commit spends most of its time here: no tables, and few functions, each of which is made anew at every call.

local function is_number(text)
  if text < '1' then return text == '0' end
  return #text < 20 or (#text == 20 and text <= '18446744073709551615')
end

local function after(a, b)
  return #a > #b or (#a == #b and a > b)
end

-- What is under a key: 'live', 'moved', 'none' (nothing, or over), or 'bad' where it isn't ours or was damaged; then the call that
-- wrote it; then of a mark its target, and of a session its version, owner, listed, deadline, created, touched, where its owner begins, and the
-- words of a newer release at the end of its head.
local function look(key)
  local head = redis.call('GETRANGE', key, 0, 255)
  local version, created, touched, deadline, call, listed, length, more, start =
    string.match(head, '^1 ([1-9]%d*) (%d+) (%d+) (%-?%d*) (%S+) (%S+) (%-?%d*)([^\n]*)\n()')
  if not version then
    local moved_until, moved_by, at = string.match(head, '^> (%d+) (%S+) ()')
    -- The target is 32 bytes, of any kind.
    local target, rest = string.sub(head, at or 1, (at or 1) + 31), string.sub(head, (at or 1) + 32)
    if at and #target == 32 and is_number(moved_until) and (rest == '' or string.find(rest, '^ %S')) then
      return after(ARGV[1], moved_until) and 'none' or 'moved', moved_by, target
    end
    return head == '' and redis.call('EXISTS', key) == 0 and 'none' or 'bad'
  end
  if more ~= '' and not string.find(more, '^ %S') then return 'bad' end
  -- Times have 13 digits from 2001 to 2286. Others are looked at closely.
  local is_usual = #version < 20 and #created == 13 and #touched == 13 and #deadline == 13
    and created > '1' and touched > '1' and deadline > '1'
  if not is_usual and not (is_number(version) and is_number(created) and is_number(touched)
    and (deadline == '-' or is_number(deadline))) then
    return 'bad'
  end
  local owner
  if length ~= '-' then
    if not is_number(length) or #length > 9 then return 'bad' end
    owner = string.sub(head, start, start + length - 1)
    if #owner < tonumber(length) then
      owner = redis.call('GETRANGE', key, start - 1, start + length - 2)
    end
    if #owner < tonumber(length) then return 'bad' end
  end
  local state = deadline ~= '-' and after(ARGV[1], deadline) and 'none' or 'live'
  return state, call, version, owner, listed, deadline, created, touched, start, more
end
