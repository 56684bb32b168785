-- By a session without an owner. ARGV 5: milliseconds to keep it, 6: the session. 1 done.
set(KEYS[1], keep(ARGV[6], '-', with_call(last_calls, ARGV[4]), last_more), ARGV[5])
unlist(KEYS[1], last_owner)
return 1
