-- Which run of the server this is, or nothing if it doesn't say so: each has an order of its keys of its own, so that a place in a scan says nothing
-- to another one.
local function run()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
end
