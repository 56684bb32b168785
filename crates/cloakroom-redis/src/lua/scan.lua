-- ARGV 9: where the scan is, 10: the pattern of keys, 11: how many to look at.
-- The server's run, the next place of the scan, and for each live session its key's digits and its hash; of what is damaged the digits alone.
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
local found, rows = redis.call('SCAN', ARGV[9], 'MATCH', ARGV[10], 'COUNT', ARGV[11], 'TYPE', 'hash'), {}
for _, key in ipairs(found[2]) do
  local it = look(key, ARGV[1])
  if it.state == 'live' then
    table.insert(rows, { string.sub(key, -64), redis.call('HGETALL', key) })
  elseif it.state == 'bad' then
    table.insert(rows, { string.sub(key, -64) })
  end
end
return { run, found[1], rows }
