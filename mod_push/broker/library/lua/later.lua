-- ---- what is kept for later ----
-- `A` is id → when to look at it (Redis ms): to publish it or, once it is over,
-- to forget it.  `a` is id → state u8, at u48 (Redis ms), tick u56 of the message
-- that it became, window u48 (ms for which it is remembered), ttl u48, length of
-- its log u16, of its Topic's field u16, of what is shown u32; the log, the
-- field, what is shown, the record.  What is over is the first of it alone.
-- There are also a Topic's field → id, and '' → bytes of all that is kept.  An
-- id is a tick u56 that no message has.
--
-- Which partitions have something the VM remembers: space.later[p] = when the
-- first is to be looked at.

local OVER, KEPT = 20, 34 -- bytes before the log
local SCHEDULED = 30 -- bytes of fixed without a key
local GRACE = 60000 -- ms in which one with TTL 0 may still be published
local TAKEN = 1000 -- ms for which a node has what it was given
local LOOKED = 20000 -- of those that are kept, a list looks at so many

local function end_of(at, ttl)
  return at + (ttl > 0 and ttl or GRACE)
end

local function laters_of(space)
  space.later = space.later or {}
  return space.later
end

-- Remembers when the first is to be looked at, and gives it; 0: there is none.
local function note_first(part, zset)
  local first = call('ZRANGE', zset, 0, 0, 'WITHSCORES')
  laters_of(part.space)[part.p] = tonumber(first[2])
  return tonumber(first[2]) or 0
end

-- What is kept ends like this; it is remembered for its window.
local function conclude(part, zset, hash, id, value, state, tick, ms)
  local _, at, _, window, _, log, field = unpack('>I1I6I7I6I6I2I2', value)
  local topic = sub(value, KEPT + 1 + log, KEPT + log + field)
  if field > 0 and call('HGET', hash, topic) == id then
    call('HDEL', hash, topic)
  end
  call('HINCRBY', hash, NONE, digits(-#value))
  call('HSET', hash, id, pack('>I1I6I7I6', state, at, tick, window))
  call('ZADD', zset, digits(ms + window), id)
  if part.taken then
    part.taken[id] = nil
  end
end

local function is_kept(value)
  return value and byte(value) == 0 and #value > OVER
end

-- KEYS h A a, with a rate Q, with a key K; fixed log topic device shown record.
-- fixed is partition u16, ttl u48, after u48 (ms from now), window u48, most u48
-- (bytes that are kept here), rate u32, and with a key request u64.  Gives as
-- push_publish; 4: there is no room.
local function push_schedule(keys, a)
  local ms, us = now()
  local fixed, log, topic = a[1], a[2], a[3]
  local p, ttl, after, window, most, rate = unpack('>I2I6I6I6I6I4', fixed)
  local part, zset, hash = part_of(keys[1], p), keys[2], keys[3]
  local k, request, left, wait
  if #fixed > SCHEDULED then
    k, request = keys[#keys], sub(fixed, SCHEDULED + 1)
    local before = answered(k, request, ms)
    if before then
      return before
    end
  end
  local field = topic ~= NONE
    and 'T' .. log .. '\0' .. a[4] .. '\0' .. topic or NONE
  local value = pack('>I1I6I7I6I6I2I2I4', 0, ms + after, 0, window, ttl, #log,
    #field, #a[5]) .. log .. field .. a[5] .. a[6]
  if call('EXISTS', zset) == 0 then
    call('DEL', hash) -- so that neither outlives the other
  end
  if number(call('HGET', hash, NONE)) + #value > most then
    return published(4, 0, 0, 0, ms, 0, 0, 0, 0)
  end
  if rate > 0 then
    local taken
    taken, left, wait = take(keys[4], rate, 1, us)
    if taken == 0 then
      return published(3, 0, 0, 0, ms, left, wait, 0, 0)
    end
  end
  local tick = tick_of(part, keys[1], ms)
  local id, til = pack('>I7', tick), end_of(ms + after, ttl) + window + GRACE
  if topic ~= NONE then
    local older = call('HGET', hash, field)
    local was = older and call('HGET', hash, older)
    if is_kept(was) then
      conclude(part, zset, hash, older, was, 3, 0, ms)
    end
    call('HSET', hash, field, id)
  end
  call('HSET', hash, id, value)
  call('HINCRBY', hash, NONE, digits(#value))
  call('ZADD', zset, digits(ms + after), id)
  keep_until(zset, til)
  keep_until(hash, til)
  note_first(part, zset)
  if k then
    call('SET', k, request .. pack('>I7I4I4I1', tick, 0, 0, 1), 'PXAT',
      digits(ms + math.max(window, 1)))
  end
  return published(0, tick, 0, 0, ms, left or 0, wait or 0, 0, 1)
end

-- Whether another node was given it a moment ago.
local function is_taken(part, id, owner, ms)
  part.taken = part.taken or {}
  local one = part.taken[id]
  if one and one.owner ~= owner and math.abs(ms - one.at) < TAKEN then
    return true
  end
  part.taken[id] = {owner = owner, at = ms}
  return false
end

-- KEYS h A a; partition owner count bytes.  Of what is due the first, which the
-- owner is to publish now; what is over for long enough is forgotten, and what
-- is too late is over.  Gives ms, how many were looked at, when to look again
-- (0: there is nothing), and id, value of each.
local function push_due(keys, a)
  local ms, part, owner = now(), part_of(keys[1], a[1]), number(a[2])
  local zset, hash, bytes = keys[2], keys[3], 0
  local ids = call('ZRANGEBYSCORE', zset, '-inf', digits(ms), 'LIMIT', 0,
    number(a[3]))
  local answer = {ms, 0, 0}
  for i = 1, #ids do
    local id = ids[i]
    local value = call('HGET', hash, id)
    if bytes >= number(a[4]) then
      break
    end
    answer[2] = i
    if not is_kept(value) then
      call('HDEL', hash, id)
      call('ZREM', zset, id)
    else
      local _, at, _, window, ttl = unpack('>I1I6I7I6I6', value)
      if end_of(at, ttl) <= ms then
        conclude(part, zset, hash, id, value, 4, 0, ms)
        keep_until(zset, ms + window + GRACE)
        keep_until(hash, ms + window + GRACE)
      elseif not is_taken(part, id, owner, ms) then
        answer[#answer + 1], answer[#answer + 2] = id, value
        bytes = bytes + #value
      end
    end
  end
  answer[3] = note_first(part, zset)
  return answer
end

-- KEYS and arguments of push_publish, with neither rate nor key, and behind its
-- keys A a; fixed ends with the id.  It is published and over in one, if it is
-- kept and due; else 5.
local function push_release(keys, a)
  local ms = now()
  local p, lane, _, cap, crc, _, id = unpack('>I2I1I6I4I4I4c7', a[1])
  local part, zset, hash = part_of(keys[1], p), keys[#keys - 1], keys[#keys]
  local value = call('HGET', hash, id)
  if not is_kept(value) then
    return published(5, 0, 0, 0, ms, 0, 0, 0, 0)
  end
  local _, at, _, _, ttl = unpack('>I1I6I7I6I6', value)
  local left = end_of(at, ttl) - ms
  if at > ms or left <= 0 then
    return published(5, 0, 0, 0, ms, 0, 0, 0, 0)
  end
  ttl = ttl > 0 and left or 0
  local d, _, t, last = places(keys, a, 0)
  local tick, recipients, connected = put(part, keys, a, ms, lane % QUEUE, ttl,
    lane < QUEUE and cap or 0, crc, d, t)
  conclude(part, zset, hash, id, value, 1, tick, ms)
  note_first(part, zset)
  local dropped = a[6] and relay(part, {ms = ms, ttl = ttl, tick = tick}, keys,
    last + 1, a, 6) or 0
  return published(0, tick, recipients, connected, ms, 0, 0, dropped, 0)
end

-- KEYS h A a; partition id log.  0: it is taken back; 1: there is none, or for
-- others; 2: it is over.
local function push_unschedule(keys, a)
  local ms, part = now(), part_of(keys[1], a[1])
  local value = call('HGET', keys[3], a[2])
  if not value or #a[2] ~= 7 then
    return 1
  end
  if not is_kept(value) then
    return 2
  end
  local _, _, _, _, _, log = unpack('>I1I6I7I6I6I2', value)
  if a[3] ~= NONE and sub(value, KEPT + 1, KEPT + log) ~= a[3] then
    return 1
  end
  conclude(part, keys[2], keys[3], a[2], value, 2, 0, ms)
  note_first(part, keys[2])
  return 0
end

-- Without its record.
local function shown_of(value)
  if not is_kept(value) then
    return value
  end
  local _, _, _, _, _, log, field, shown = unpack('>I1I6I7I6I6I2I2I4', value)
  return sub(value, 1, KEPT + log + field + shown)
end

-- KEYS a; id.  It, or what became of it, without its record.
local function push_later(keys, a)
  local value = #a[1] == 7 and call('HGET', keys[1], a[1])
  return value and {shown_of(value)} or {}
end

-- KEYS A a; prefix count.  The first that are kept for whose name begins so.
-- Gives whether there may be others, and id, what is shown of each.
local function push_laters(keys, a)
  local answer, at, count, prefix = {0}, 0, 0, a[1]
  local most = number(a[2])
  while answer[1] == 0 do
    local ids = call('ZRANGE', keys[1], at, at + 255)
    for i = 1, #ids do
      local value = call('HGET', keys[2], ids[i])
      if is_kept(value)
        and sub(value, KEPT + 2, KEPT + 1 + #prefix) == prefix then
        count = count + 1
        if count > most then
          answer[1] = 1
          break
        end
        answer[#answer + 1] = ids[i]
        answer[#answer + 1] = shown_of(value)
      end
    end
    if #ids < 256 then
      break
    end
    at = at + 256
    if at >= LOOKED then
      answer[1] = 1
    end
  end
  return answer
end

-- KEYS h of a partition of this master; partition within.  Gives vm, ms, when
-- the first is to be looked at that is known here (0: none is), and the
-- partitions, u16 each, in which one is within so many ms.
local function push_later_next(keys, a)
  local ms, part = now(), part_of(keys[1], a[1])
  local first, out = 0, {}
  for p, at in pairs(laters_of(part.space)) do
    if first == 0 or at < first then
      first = at
    end
    if at <= ms + number(a[2]) then
      out[#out + 1] = pack('>I2', p)
    end
  end
  return {vm, ms, first, concat(out)}
end
