-- Included in most scripts. `layout.rs` describes the values. Versions and times are decimal
-- strings, because Lua's numbers would lose the last digits. '-' means none or never.
--
-- Scripts about a session return the numbers of `Code`, in `reply.rs`.
--
-- The first arguments are always 1: now, 2: '1' if this server also holds the owner indexes.
--
-- A script that fails keeps its earlier writes. Commands that may be rejected, because memory is
-- full or a key has another type, therefore come first, and later cleanup can't fail.
--
-- A commit spends most of its time here: use no tables and few functions, each of which is created
-- anew with every call.

local function is_number(text)
  if text < '1' then return text == '0' end
  return #text < 20 or (#text == 20 and text <= '18446744073709551615')
end

local function after(a, b)
  return #a > #b or (#a == #b and a > b)
end

-- Parses the value of a key. Returns 'live', 'moved', 'none' (missing or expired), or 'bad'
-- (damaged or foreign); then the call that wrote it; then for a tombstone its target, and for a
-- session its version, owner, listed, deadline, created, touched, the position of its owner, and
-- the fields of a newer release.
local function look(key)
  local head = redis.call('GETRANGE', key, 0, 255)
  local version, created, touched, deadline, call, listed, length, more, start =
    string.match(head, '^1 ([1-9]%d*) (%d+) (%d+) (%-?%d*) (%S+) (%S+) (%-?%d*)([^\n]*)\n()')
  if not version then
    local moved_until, moved_by, at = string.match(head, '^> (%d+) (%S+) ()')
    -- The target is 32 arbitrary bytes.
    local target, rest = string.sub(head, at or 1, (at or 1) + 31), string.sub(head, (at or 1) + 32)
    if at and #target == 32 and is_number(moved_until) and (rest == '' or string.find(rest, '^ %S')) then
      return after(ARGV[1], moved_until) and 'none' or 'moved', moved_by, target
    end
    return head == '' and redis.call('EXISTS', key) == 0 and 'none' or 'bad'
  end
  if more ~= '' and not string.find(more, '^ %S') then return 'bad' end
  -- Times have 13 digits from 2001 to 2286. Others are checked in full.
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
