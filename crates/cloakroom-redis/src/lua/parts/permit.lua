-- Whether the caller may write: nothing behind this is done unless the session is the one that it has seen.
-- KEYS: the key. ARGV 3: the version that was seen, 4: a mark of this call. -1 not ours, 0 gone, 2 a version that it hasn't seen.
local state, last_calls, version, last_owner, last_listed, _, _, _, _, last_more = look(KEYS[1])
if state == 'bad' then return -1 end
-- This very call has done it already: its answer was lost on the way, and it came again.
if state ~= 'none' and has_call(last_calls, ARGV[4]) then return 1 end
