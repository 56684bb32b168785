-- KEYS: the index. ARGV 3: the session's key, 4: milliseconds to list it, 5: its creation time. For
-- a Cluster, where an index is on its own server.
list(KEYS[1], ARGV[3], ARGV[4], ARGV[5])
return 1
