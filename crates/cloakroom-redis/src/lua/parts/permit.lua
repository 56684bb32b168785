-- Whether the caller may write: nothing behind this is done unless the session is the one that it has seen.
-- KEYS: the key. ARGV 3: the version that was seen, 4: a mark of this call. -1 not ours, 0 gone, 2 a version that it hasn't seen.
local state, last_call, version, last_owner, last_listed, _, _, _, _, last_more = look(KEYS[1])
if state == 'bad' then return -1 end
-- This very call has done it already: the answer was lost on its way, and a Cluster's client tried again.
if ARGV[4] ~= '-' and last_call == ARGV[4] and state ~= 'none' then return 1 end
if state ~= 'live' then return 0 end
if version ~= ARGV[3] then return 2 end
