-- Returns the run id of the server, or an empty string if it is hidden. Each run has another key
-- order, so scan positions are only valid within one.
local function run()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
end
