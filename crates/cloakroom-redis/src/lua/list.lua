-- KEYS: the index. ARGV 9: the session's key. In a Cluster, where an index lives by itself.
list(KEYS[1], ARGV[9], ARGV[3])
return 1
