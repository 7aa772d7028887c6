-- ---- publish and recall ----

-- Bytes of the fixed arguments without and with a key.
local UNKEYED, KEYED = 21, 35

-- What is added to the lane of a queue, where nothing makes room: its lanes have
-- what waits alone, as what is done is taken out, and as much as cap of it.
local QUEUE = 4

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

-- The message has taken the place of the older one of its Topic.  keys[from] is
-- the index, the four lanes stand behind it.
local function replace(keys, from, m)
  local index, field = keys[from], m.device .. '\0' .. m.topic
  local old = call('HGET', index, field)
  if old then
    local t, lane = unpack('>I7I1', old)
    local key, tick = keys[from + 1 + lane], digits(t)
    call('ZREMRANGEBYSCORE', key, tick, tick)
    if lane ~= m.lane or m.ttl == 0 then
      counts[key] = nil -- it may be gone
    end
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
    call('PEXPIREAT', index, digits(m.expires))
  else
    call('PEXPIREAT', index, digits(m.expires), 'GT')
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

-- What became of a message: 0 new, 1 again, 2 the key is another request's, 3
-- the rate, 4 no room, 5 it is over, 6 the queue is full.  later: it is kept for
-- later.
local function published(outcome, tick, recipients, connected, ms, left, wait,
    dropped, later)
  return pack('>I1I7I4I4I6I4I4I4I1', outcome, tick, recipients, connected, ms,
    left, wait, dropped, later)
end

-- What a key's first request was answered, if there was one.  A key is request
-- u64, tick u56, recipients u32, connected u32, and 1 if it is kept for later.
local function answered(k, request, ms)
  local old = call('GET', k)
  if not old then
    return nil
  end
  if sub(old, 1, 8) ~= request then
    return published(2, 0, 0, 0, ms, 0, 0, 0, 0)
  end
  local tick, recipients, connected = unpack('>I7I4I4', old, 9)
  return published(1, tick, recipients, connected, ms, 0, 0, 0,
    #old > 23 and 1 or 0)
end

-- Of the keys behind f, h and the lane: D, Q, where T is, and which was the last.
local function places(keys, a, rate)
  local at, d, q, t = 3, nil, nil, nil
  if byte(a[2]) == 117 then -- u
    at = at + 1
    d = keys[at]
  end
  if rate > 0 then
    at = at + 1
    q = keys[at]
  end
  if (a[4] or NONE) ~= NONE then
    t = at + 1
    at = at + 5
  end
  return d, q, t, at
end

-- Whether a lane of a queue has as much as it may.
local function is_full(key, cap, ms)
  local count = counts[key]
  if not count or count >= cap then
    count = call('ZCARD', key)
    if count >= cap then
      count = count - drop_expired(key, ms)
    end
    if count > 0 then
      note_count(key, count)
    else
      counts[key] = nil -- it is not there
    end
  end
  return count >= cap
end

-- Whether one that waits makes way for the message.  keys[from] is the index.
local function has_older(keys, from, device, topic)
  local old = call('HGET', keys[from], device .. '\0' .. topic)
  if not old then
    return false
  end
  local t, lane = unpack('>I7I1', old)
  return call('ZCOUNT', keys[from + 1 + lane], digits(t), digits(t)) > 0
end

-- A message into its log, and to all who follow it.  Gives tick, recipients,
-- connected.
local function put(part, keys, a, ms, lane, ttl, cap, crc, d, t)
  local log, device = a[2], a[5] or NONE
  local tick = tick_of(part, keys[2], ms)
  local expires = ttl > 0 and ms + ttl or 1 -- 1: TTL 0
  local member = pack('>I7I6', tick, expires) .. a[3]
  if ttl > 0 then
    call('ZADD', keys[3], digits(tick), member)
  end
  if t then
    replace(keys, t, {ms = ms, lane = lane, ttl = ttl, topic = a[4],
      device = device, tick = tick, expires = expires})
  end
  if ttl > 0 then
    settle(keys[3], expires, cap, ms)
  end
  local connected, recipients = tell(part, keys[1], log,
    head_of(part, log, lane, member), member)
  if d then
    if device ~= NONE then
      recipients, connected = count_devices(d, crc)
    else
      recipients = call('HLEN', d)
    end
  end
  return tick, recipients, connected
end

-- KEYS f h lane, of a user's log D, with a rate Q, with a Topic T and the four
-- lanes, with a key K, of each region O; fixed log record topic device relay….
-- fixed is partition u16, lane u8 (of a queue and QUEUE), ttl u48, cap u32, number of the device id
-- u32, rate u32, and with a key window u48, request u64.  Gives in one text what
-- became of it u8, tick u56, recipients u32, connected u32, ms u48, what is left
-- of the rate u32, µs until it gives one more u32, how many fell off regions'
-- lists u32, and whether it is kept for later u8.
local function push_publish(keys, a)
  local ms, us = now()
  local fixed = a[1]
  local p, lane, ttl, cap, crc, rate = unpack('>I2I1I6I4I4I4', fixed)
  local part = part_of(keys[1], p)
  local queue = lane >= QUEUE
  lane = lane % QUEUE
  local d, q, t, at = places(keys, a, rate)
  local k, window, request, left, wait
  if #fixed >= KEYED then
    at = at + 1
    k = keys[at]
    window, request = unpack('>I6c8', fixed, UNKEYED + 1)
    local before = answered(k, request, ms)
    if before then
      return before
    end
  end
  if queue and is_full(keys[3], cap, ms)
    and not (t and has_older(keys, t, a[5] or NONE, a[4])) then
    return published(6, 0, 0, 0, ms, 0, 0, 0, 0)
  end
  if q then
    local taken
    taken, left, wait = take(q, rate, 1, us)
    if taken == 0 then
      return published(3, 0, 0, 0, ms, left, wait, 0, 0)
    end
  end
  local tick, recipients, connected = put(part, keys, a, ms, lane, ttl,
    queue and 0 or cap, crc, d, t)
  if k then
    call('SET', k, request .. pack('>I7I4I4', tick, recipients, connected),
      'PXAT', digits(ms + math.max(window, 1)))
  end
  local dropped = a[6] and relay(part, {ms = ms, ttl = ttl, tick = tick}, keys,
    at + 1, a, 6) or 0
  return published(0, tick, recipients, connected, ms, left or 0, wait or 0,
    dropped, 0)
end

-- KEYS the four lanes of a queue; lane u8, tick u56 of each message.  They are
-- done, and wait no more.  Gives how many there were.
local function push_done(keys, a)
  local gone = 0
  for at = 1, #a[1] - 7, 8 do
    local lane, tick = unpack('>I1I7', a[1], at)
    local key = keys[lane % QUEUE + 1]
    gone = gone + call('ZREMRANGEBYSCORE', key, digits(tick), digits(tick))
    counts[key] = nil -- it may be gone
  end
  return gone
end

-- KEYS f h X and the four lanes; partition log tick mid.  Gives found, the
-- tick of the recall, connected.
local function push_recall(keys, a)
  local ms, part, log = now(), part_of(keys[1], a[1]), a[2]
  local found = 0
  for i = 4, 7 do
    found = found + call('ZREMRANGEBYSCORE', keys[i], a[3], a[3])
    counts[keys[i]] = nil -- it may be gone
  end
  if found == 0 then
    return {0, 0, 0}
  end
  local t, x = tick_of(part, keys[2], ms), keys[3]
  call('ZADD', x, digits(t), a[4] .. log)
  call('ZREMRANGEBYSCORE', x, '-inf', digits((ms - RECALLS) * 1024))
  call('PEXPIREAT', x, digits(ms + RECALLS))
  local connected = tell(part, keys[1], log,
    entry_of(part, 'X', named(log) .. pack('>I7', t) .. a[4]))
  return {1, t, connected}
end
