-- KEYS: the index. ARGV 3: the session's key, 4: milliseconds to keep it there, 5: when the session was created. In a Cluster, where an
-- index lives by itself.
list(KEYS[1], ARGV[3], ARGV[4], ARGV[5])
return 1
