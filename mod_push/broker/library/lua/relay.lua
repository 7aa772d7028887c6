-- ---- what waits for another region ----
-- A partition has a list a region.  An entry is tick u56, expires u48 (Redis
-- ms; 0: the message has no TTL), sum u56, body; the sum of all bytes up to its
-- end says how many lie between two entries.
--
-- Which partitions have something the VM remembers, so that nobody has to ask
-- each of them: space.relay[region][p] = {how many, tick of the first}.

local HEAD = 20 -- bytes before the body
local STEP_TAKEN = 50

local function sum_of(entry)
  return (unpack('>I7', entry, 14))
end

local function marks_of(space, region)
  space.relay = space.relay or {}
  local marks = space.relay[region]
  if not marks then
    marks = {}
    space.relay[region] = marks
  end
  return marks
end

-- Remembers how many there are, and gives it.
local function note_waiting(part, key, region, count, first)
  local marks = marks_of(part.space, region)
  if count == 0 then
    marks[part.p] = nil
  else
    first = first or call('LINDEX', key, 0)
    marks[part.p] = {count, (unpack('>I7', first))}
  end
  return count
end

-- Puts a message into a region's list: to is key, region, keep, entries, bytes.
-- Gives how many the limits took out at its head.
local function relay_one(part, m, body, to)
  local key, last = to.key, call('LINDEX', to.key, -1)
  local sum = (last and sum_of(last) or 0) + HEAD + #body
  local til = m.ms + math.min(m.ttl, to.keep)
  local count = call('RPUSH', key,
    pack('>I7I6I7', m.tick, m.ttl > 0 and til or 0, sum) .. body)
  local first, dropped = call('LINDEX', key, 0), 0
  while count > 1
      and (count > to.entries or sum - sum_of(first) + #first > to.bytes) do
    call('LPOP', key)
    first = call('LINDEX', key, 0)
    count = count - 1
    dropped = dropped + 1
  end
  keep_until(key, math.max(til, m.ms + 60000))
  note_waiting(part, key, to.region, count, first)
  return dropped
end

-- To all regions that a publish names: body, count, and of each region its name,
-- keep, entries, bytes, from a[from] on; their keys from keys[at] on.
local function relay(part, m, keys, at, a, from)
  local dropped = 0
  for i = 0, number(a[from + 1]) - 1 do
    local n = from + 2 + i * 4
    dropped = dropped + relay_one(part, m, a[from], {key = keys[at + i],
      region = a[n], keep = number(a[n + 1]), entries = number(a[n + 2]),
      bytes = number(a[n + 3])})
  end
  return dropped
end

-- The partition of a key that is one letter and a region behind the tag.
local function part_of_region(key, region, p)
  return part_of(sub(key, 1, -1 - #region), p)
end

-- KEYS O o; partition region holder lease entries bytes.  The holder has the
-- list for so long (ms), alone, and gets its first entries.  Gives state (0 it
-- has it, 1 another one has it), ms, how many wait, entries.
local function push_relay_take(keys, a)
  local ms, part = now(), part_of_region(keys[1], a[2], a[1])
  local list, lease, holder = keys[1], keys[2], a[3]
  local held = call('GET', lease)
  local count = note_waiting(part, list, a[2], call('LLEN', list))
  if held and held ~= holder then
    return {1, ms, count}
  end
  if count == 0 then
    return {0, ms, 0}
  end
  call('SET', lease, holder, 'PX', math.max(number(a[4]), 1))
  local answer, bytes, at = {0, ms, count}, 0, 0
  local most = math.min(count, number(a[5]))
  while at < most and bytes < number(a[6]) do
    local some = call('LRANGE', list, at,
      math.min(at + STEP_TAKEN, most) - 1)
    for i = 1, #some do
      if bytes < number(a[6]) then
        answer[#answer + 1] = some[i]
        bytes = bytes + #some[i]
      end
    end
    at = at + STEP_TAKEN
  end
  return answer
end

-- KEYS O o; partition region holder taken ticks.  Of the first entries that
-- were taken, those of these ticks are over; the others stay as they are.  The
-- list is anybody's again.  Gives ms, how many wait.
local function push_relay_done(keys, a)
  local ms, part, list = now(), part_of_region(keys[1], a[2], a[1]),
    keys[1]
  local over, kept = {}, {}
  for i = 1, #a[5], 7 do
    over[sub(a[5], i, i + 6)] = true
  end
  local taken = number(a[4])
  if #a[5] > 0 and taken > 0 then
    local ttl, first = call('PTTL', list), call('LRANGE', list, 0, taken - 1)
    for i = #first, 1, -1 do
      if not over[sub(first[i], 1, 7)] then
        kept[#kept + 1] = first[i]
      end
    end
    if #kept < #first then
      call('LTRIM', list, #first, -1)
      for i = 1, #kept, 1000 do
        call('LPUSH', list, values(kept, i, math.min(i + 999, #kept)))
      end
      if #kept > 0 and ttl > 0 then
        call('PEXPIRE', list, ttl)
      end
    end
  end
  if call('GET', keys[2]) == a[3] then
    call('DEL', keys[2])
  end
  return {ms, note_waiting(part, list, a[2], call('LLEN', list))}
end

-- KEYS O; partition region.  How many wait.
local function push_relay_count(keys, a)
  local part = part_of_region(keys[1], a[2], a[1])
  return note_waiting(part, keys[1], a[2], call('LLEN', keys[1]))
end

-- KEYS h of a partition of this master; partition region….  Gives vm, ms, and
-- for each region what the VM knows of its partitions here: p u16, how many
-- u32, tick of the first u56.
local function push_relay_waiting(keys, a)
  local part = part_of(keys[1], a[1])
  local answer = {vm, (now())}
  for i = 2, #a do
    local out = {}
    for p, mark in pairs(marks_of(part.space, a[i])) do
      out[#out + 1] = pack('>I2I4I7', p, mark[1], mark[2])
    end
    answer[#answer + 1] = concat(out)
  end
  return answer
end
