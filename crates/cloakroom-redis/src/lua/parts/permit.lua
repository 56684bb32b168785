-- Returns unless the caller may write: the session must be the one that it has seen. KEYS: the key.
-- ARGV 3: the version seen, 4: the mark of this call. Returns -1 damaged, 0 gone, 2 another
-- version.
local state, last_calls, version, last_owner, last_listed, _, _, _, _, last_more = look(KEYS[1])
if state == 'bad' then return -1 end
-- This call was executed before, and its answer was lost.
if state ~= 'none' and has_call(last_calls, ARGV[4]) then return 1 end
