-- ---- logs ----
-- A member of a lane is tick u56, expires u48 (Redis ms), record.  One with
-- expires 0 is a mark, the first of its lane: dropped u32, until u48.

local SIX = '\0\0\0\0\0\0'
local SCAN = 2000 -- members that are searched for what has expired

-- key → before that (ms) nothing has expired that a search would find
local soonest, soonest_count = {}, 0

local function is_mark(member)
  return sub(member, 8, 13) == SIX
end

local function expires_of(member)
  return (unpack('>I6', member, 8))
end

local function remove(key, members)
  for i = 1, #members, 1000 do
    call('ZREM', key, values(members, i, math.min(i + 999, #members)))
  end
end

local function note_soonest(key, at)
  if not soonest[key] then
    soonest_count = soonest_count + 1
    if soonest_count > 10000 then
      soonest, soonest_count = {}, 1
    end
  end
  soonest[key] = at
end

-- Takes out what has expired; gives how many that were.
local function drop_expired(key, ms)
  local at = soonest[key]
  if at and at > ms then
    return 0
  end
  at = math.huge
  local over = {}
  local members = call('ZRANGE', key, 0, SCAN - 1)
  for i = 1, #members do
    if not is_mark(members[i]) then
      local expires = expires_of(members[i])
      if expires <= ms then
        over[#over + 1] = members[i]
      elseif expires < at then
        at = expires
      end
    end
  end
  remove(key, over)
  note_soonest(key, at)
  return #over
end

-- A lane may have an eighth more than its limit, and is brought back then: for
-- many at once, and not for each.
local function most_of(cap)
  return cap > 0 and cap + (cap - cap % 8) / 8 or math.huge
end

-- Brings a lane of count members to its limit, if it has more than it may:
-- what has expired goes first, then the oldest, which the mark counts.  Gives
-- how many there are then.
local function trim(key, count, cap, ms)
  local oldest = call('ZRANGE', key, 0, count - cap - 1)
  local marks, dropped, til = is_mark(oldest[1]) and 1 or 0, 0, 0
  local most = most_of(cap) + marks
  if count <= most then
    return count
  end
  local gone = drop_expired(key, ms)
  count = count - gone
  if count <= most then
    return count
  end
  if gone > 0 then
    oldest = call('ZRANGE', key, 0, count - cap - 1)
  end
  if marks == 1 then
    dropped, til = unpack('>I4I6', oldest[1], 14)
    if til <= ms then -- all of it would have expired
      dropped, til = 0, 0
    end
  end
  local last = count - cap - 1 -- among the members, from 0
  for i = 1 + marks, last + 1 do
    til = math.max(til, expires_of(oldest[i]))
  end
  dropped = math.min(dropped + last + 1 - marks, 4294967295)
  local t = unpack('>I7', oldest[last + 1])
  call('ZREMRANGEBYRANK', key, 0, last)
  call('ZADD', key, digits(t), pack('>I7c6I4I6', t, SIX, dropped, til))
  return cap + 1
end

-- The lane has one more, which expires then: it lives at least so long, and has
-- no more than it may.
local function settle(key, expires, cap, ms)
  local count, most = counts[key], most_of(cap)
  local at, til = soonest[key], digits(expires)
  if at and expires < at then
    soonest[key] = expires
  end
  -- Only a lane that was there can be made to live longer.
  if count and count < most and call('PEXPIREAT', key, til, 'GT') == 1 then
    counts[key] = count + 1
    return
  end
  count = call('ZCARD', key)
  if count == 1 then
    if at then
      soonest[key] = expires
    end
    call('PEXPIREAT', key, til)
    return
  end
  call('PEXPIREAT', key, til, 'GT')
  if count > most then
    count = trim(key, count, cap, ms)
  end
  note_count(key, count)
end

local function is_over(member, ms)
  if is_mark(member) then
    return unpack('>I6', member, 18) <= ms
  end
  return expires_of(member) <= ms
end

-- One lane, read on from a tick in steps.
local STEP = 256

local function lane_next(lane)
  lane.at = lane.at + 1
  if lane.at > #lane.list and #lane.list == STEP then
    lane.list = call('ZRANGEBYSCORE', lane.key, format('(%.0f', lane.tick),
      '+inf', 'LIMIT', 0, STEP)
    lane.at = 1
  end
  lane.member = lane.list[lane.at]
  lane.tick = lane.member and unpack('>I7', lane.member) or math.huge
end

local function lane_open(key, number_, above)
  local list = call('ZRANGEBYSCORE', key, above, '+inf', 'LIMIT', 0, STEP)
  if #list == 0 then
    return nil
  end
  local lane = {key = key, number = number_, list = list, at = 0}
  lane_next(lane)
  return lane
end

local function first_of(lanes)
  local first = lanes[1]
  for i = 2, #lanes do
    if lanes[i].tick < first.tick then
      first = lanes[i]
    end
  end
  return first
end

-- Appends entries of what is above since in the lanes keys[from…from + 3], in
-- the order of ticks, to out.  Gives the bytes, and the last tick if that was
-- not all.
local function read_log(part, keys, from, log, since, room, ms, out)
  if call('EXISTS', values(keys, from, from + 3)) == 0 then
    return 0, nil
  end
  local lanes, bytes, upto = {}, 0, since
  local above = since == 0 and '-inf' or format('(%.0f', since)
  for i = 0, 3 do
    lanes[#lanes + 1] = lane_open(keys[from + i], i, above)
  end
  while #lanes > 0 do
    local lane = first_of(lanes)
    if not lane.member then
      return bytes, nil
    end
    if bytes >= room then
      return bytes, upto
    end
    if not is_over(lane.member, ms) then
      local head, n = head_of(part, log, lane.number, lane.member), #out
      out[n + 1], out[n + 2] = head, lane.member
      bytes = bytes + #head + #lane.member
    end
    upto = lane.tick
    lane_next(lane)
  end
  return bytes, nil
end

-- Likewise what was recalled of the log since then.
local function read_recalls(part, x, log, since, out)
  local list = call('ZRANGEBYSCORE', x, format('(%.0f', since), '+inf',
    'WITHSCORES')
  for i = 1, #list, 2 do
    if sub(list[i], 9) == log then
      out[#out + 1] = entry_of(part, 'X', named(log)
        .. pack('>I7', tonumber(list[i + 1])) .. sub(list[i], 1, 8))
    end
  end
end
