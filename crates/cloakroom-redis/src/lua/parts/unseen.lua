-- The rest of `permit`. What a script finds that it has done itself comes in between.
if state ~= 'live' then return 0 end
if version ~= ARGV[3] then return 2 end
