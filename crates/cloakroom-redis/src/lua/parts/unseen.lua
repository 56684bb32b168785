-- The rest of `permit`, after the checks for an earlier execution of this call.
if state ~= 'live' then return 0 end
if version ~= ARGV[3] then return 2 end
