-- ---- rates and tickets ----
-- A bucket is one number, as in core/rate.h: when it is full again, here in
-- µs.  It holds what comes in a second.

-- Takes up to want; gives how many, how many are left, and the µs until the
-- next one comes.
local function take(key, limit, want, us)
  local each = 1000000 / limit
  local missing = math.max(number(call('GET', key)) - us, 0)
  missing = math.min(missing, 1000000)
  local taken = math.min(want, floor((1000000 - missing + 0.001) / each))
  if taken > 0 then
    missing = missing + taken * each
    call('SET', key, format('%.3f', us + missing), 'PXAT',
      digits(floor((us + missing) / 1000) + 1))
  end
  local left = floor((1000000 - missing + 0.001) / each)
  local wait = math.max(missing + each - 1000000, 0)
  return taken, left, left > 0 and 0 or math.ceil(wait)
end

-- KEYS Q; limit want
local function push_take(keys, a)
  local _, us = now()
  local limit = math.max(number(a[1]), 1)
  local taken, left, wait = take(keys[1], limit, math.max(number(a[2]), 1),
    us)
  return {taken, left, wait}
end

-- KEYS W; ms [value]
local function push_once(keys, a)
  local til = now() + math.max(number(a[1]), 1)
  if a[2] then
    return call('SET', keys[1], a[2], 'PXAT', til, 'GET') == a[2] and 0 or 1
  end
  return call('SET', keys[1], NONE, 'NX', 'PXAT', til) and 1 or 0
end
