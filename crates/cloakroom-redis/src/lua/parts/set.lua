local function set(key, value, ttl)
  if ttl == '-' then
    redis.call('SET', key, value)
  else
    redis.call('SET', key, value, 'PX', ttl)
  end
end
