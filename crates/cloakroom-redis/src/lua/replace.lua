-- With a session without an owner. ARGV 5: its time to live in ms, 6: the session. Returns 1 done.
set(KEYS[1], keep(ARGV[6], '-', with_call(last_calls, ARGV[4]), last_more), ARGV[5])
unlist(KEYS[1], last_owner)
return 1
