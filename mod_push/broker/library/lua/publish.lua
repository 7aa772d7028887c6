-- ---- publish and recall ----

-- The index of a log's Topics: device \0 topic → tick u56, lane u8, expires
-- u48.  The field '' says at how many the index is searched for what is over.
local SEARCH = 32

local function search_topics(key, count, ms)
  if count <= number(call('HGET', key, NONE)) then
    return
  end
  local all, over = call('HGETALL', key), {}
  for i = 1, #all, 2 do
    if all[i] ~= NONE and unpack('>I6', all[i + 1], 9) <= ms then
      over[#over + 1] = all[i]
    end
  end
  for i = 1, #over, 1000 do
    call('HDEL', key, values(over, i, math.min(i + 999, #over)))
  end
  call('HSET', key, NONE, 2 * (count - #over) + SEARCH)
end

-- The message takes the place of the older one of its Topic.  keys[from] is
-- the index, the four lanes stand behind it.
local function replace(keys, from, m)
  local index, field = keys[from], m.device .. '\0' .. m.topic
  local old = call('HGET', index, field)
  if old then
    local t, lane = unpack('>I7I1', old)
    call('ZREMRANGEBYSCORE', keys[from + 1 + lane], t, t)
  end
  if m.ttl == 0 then
    if old then
      call('HDEL', index, field)
    end
    return
  end
  call('HSET', index, field, pack('>I7I1I6', m.tick, m.lane, m.expires))
  local count = old and 0 or call('HLEN', index)
  if count == 1 then
    call('PEXPIREAT', index, m.expires)
  else
    call('PEXPIREAT', index, m.expires, 'GT')
  end
  if count > SEARCH then
    search_topics(index, count, m.ms)
  end
end

-- A user's devices that have this number; how many of them are online.
local function count_devices(key, crc)
  local all, found, online = call('HVALS', key), 0, 0
  for i = 1, #all do
    local _, flags, _, number_ = unpack('>I2I1I4I4', all[i])
    if number_ == crc then
      found = found + 1
      online = online + flags % 2
    end
  end
  return found, online
end

-- KEYS f h lane, of a user's log D, with a rate Q, with a Topic T and the four
-- lanes, with a key K, of each region O; partition log lane ttl cap record topic device crc
-- request window rate relay….  Gives what became of it (0 new, 1 again, 2 the key is
-- another request's, 3 the rate), tick, recipients, connected, ms, what is left
-- of the rate, µs until it gives one more, and how many fell off regions' lists.
local function push_publish(keys, a)
  local ms, part, log, at = now(), part_of(keys[1], a[1]), a[2], 3
  local m = {ms = ms, lane = number(a[3]), ttl = number(a[4]),
    topic = a[7] or NONE, device = a[8] or NONE}
  local request, rate = a[10] or NONE, number(a[12])
  local d, k, t, q, left, wait
  if sub(log, 1, 1) == 'u' then
    at = at + 1
    d = keys[at]
  end
  if rate > 0 then
    at = at + 1
    q = keys[at]
  end
  if m.topic ~= NONE then
    t = at + 1
    at = at + 5
  end
  if request ~= NONE then
    at = at + 1
    k = keys[at]
    local old = call('GET', k)
    if old then
      if sub(old, 1, 8) ~= request then
        return {2, 0, 0, 0, ms, 0, 0}
      end
      local tick, recipients, connected = unpack('>I7I4I4', old, 9)
      return {1, tick, recipients, connected, ms, 0, 0}
    end
  end
  if q then
    local taken
    taken, left, wait = take(q, rate, 1)
    if taken == 0 then
      return {3, 0, 0, 0, ms, left, wait}
    end
  end
  m.tick = tick_of(part, keys[2], ms)
  m.expires = m.ttl > 0 and ms + m.ttl or 1 -- 1: TTL 0
  if t then
    replace(keys, t, m)
  end
  local member = pack('>I7I6', m.tick, m.expires) .. a[6]
  if m.ttl > 0 then
    append(keys[3], m.tick, member, m.expires, number(a[5]), ms)
  end
  local connected, recipients = tell(part, keys[1], log,
    entry_of(part, 'M', named(log) .. char(m.lane) .. member), ms)
  if d then
    if m.device ~= NONE then
      recipients, connected = count_devices(d, number(a[9]))
    else
      recipients = call('HLEN', d)
    end
  end
  if k then
    call('SET', k, request .. pack('>I7I4I4', m.tick, recipients, connected),
      'PXAT', ms + math.max(number(a[11]), 1))
  end
  local dropped = a[13] and relay(part, m, keys, at + 1, a, 13) or 0
  return {0, m.tick, recipients, connected, ms, left or 0, wait or 0, dropped}
end

-- KEYS f h X and the four lanes; partition log tick mid.  Gives found, the
-- tick of the recall, connected.
local function push_recall(keys, a)
  local ms, part, log, tick = now(), part_of(keys[1], a[1]), a[2], number(a[3])
  local found = 0
  for i = 4, 7 do
    found = found + call('ZREMRANGEBYSCORE', keys[i], tick, tick)
  end
  if found == 0 then
    return {0, 0, 0}
  end
  local t, x = tick_of(part, keys[2], ms), keys[3]
  call('ZADD', x, t, a[4] .. log)
  call('ZREMRANGEBYSCORE', x, '-inf', (ms - RECALLS) * 1024)
  call('PEXPIREAT', x, ms + RECALLS)
  local connected = tell(part, keys[1], log,
    entry_of(part, 'X', named(log) .. pack('>I7', t) .. a[4]), ms)
  return {1, t, connected}
end
