-- ---- what nodes ask each other ----

-- KEYS D f h; partition log context kind to request from body.  To whoever owns
-- the device, or to the owner that is given.  Gives found, owner, heard, alive.
local function push_send(keys, a)
  local part, ctx, to = part_of(keys[2], a[1]), a[3], number(a[5])
  local found = 0
  if to == 0 then
    local value = call('HGET', keys[1], ctx)
    if value then
      found, to = 1, unpack('>I2', value)
    end
  end
  if to == 0 then
    return {found, 0, 0, 0}
  end
  local entry = entry_of(part, a[4], named(a[2]) .. ctx .. a[6]
    .. pack('>I2', number(a[7])) .. a[8])
  return {found, to, post_heard(part, to, entry),
    is_alive(part.space, to) and 1 or 0}
end

-- KEYS h; partition request from body owner….  Q to each of these, of no log
-- of a user; gives for each how many hear it.
local function push_ask(keys, a)
  local part, heard = part_of(keys[1], a[1]), {}
  local entry = entry_of(part, 'Q', named('b') .. string.rep('\0', 16) .. a[2]
    .. pack('>I2', number(a[3])) .. a[4])
  for i = 5, #a do
    heard[i - 4] = post_heard(part, number(a[i]), entry)
  end
  return heard
end

-- What nodes have left for who asked, until that one takes it: an inbox, and
-- with it what is published, is not to wait behind it.
local function left_of(space)
  space.left = space.left or {bytes = 0, of = {}}
  return space.left
end

local function take_left(left, name)
  local one = left.of[name]
  if one then
    left.of[name] = nil
    left.bytes = left.bytes - #one.body
  end
  return one
end

local function drop_old(left, ms)
  for name, one in pairs(left.of) do
    if ms - one.at >= UNTAKEN then
      take_left(left, name)
    end
  end
end

-- KEYS h; partition to request from body.  Keeps it, and tells that by S with
-- its length; 0 where there is no room, or nobody hears it.
local function push_leave(keys, a)
  local ms, part = now(), part_of(keys[1], a[1])
  local left, name = left_of(part.space), a[2] .. ' ' .. a[4] .. ' ' .. a[3]
  drop_old(left, ms)
  take_left(left, name)
  if left.bytes + #a[5] > LEFT then
    return 0
  end
  left.of[name] = {at = ms, body = a[5]}
  left.bytes = left.bytes + #a[5]
  return post_heard(part, number(a[2]), entry_of(part, 'S', a[3]
    .. pack('>I2', number(a[4])) .. pack('>I4', #a[5])))
end

-- KEYS h; partition to request from.  What was left, once; else nothing.
local function push_collect(keys, a)
  local part = part_of(keys[1], a[1])
  local one = take_left(left_of(part.space), a[2] .. ' ' .. a[4] .. ' ' .. a[3])
  return one and {one.body} or {}
end

-- KEYS h; partition to request from body
local function push_answer(keys, a)
  local part = part_of(keys[1], a[1])
  return post_heard(part, number(a[2]), entry_of(part, 'S', a[3]
    .. pack('>I2', number(a[4])) .. a[5]))
end

local function end_streams(part, a, from)
  local reached = 0
  local entry = entry_of(part, 'E', named(a[2]) .. a[3]
    .. pack('>I2', number(a[4])) .. a[5])
  for i = from, #a do
    if post_heard(part, number(a[i]), entry) > 0 then
      reached = reached + 1
    end
  end
  return reached
end

-- KEYS h; partition log request from body owner….  Gives how many hear it.
local function push_tell_all(keys, a)
  return end_streams(part_of(keys[1], a[1]), a, 6)
end

-- KEYS h revoked; partition log request from body mark issued until owner….
-- A mark is issued u56, until u56 (wall ms).
local function push_revoke(keys, a)
  local ms, marks = now(), keys[2]
  local issued, til = number(a[7]), number(a[8])
  local all = call('HGETALL', marks)
  for i = 1, #all, 2 do
    local was, ends = unpack('>I7I7', all[i + 1])
    if all[i] == a[6] then
      issued, til = math.max(issued, was), math.max(til, ends)
    elseif ends <= ms then
      call('HDEL', marks, all[i])
    end
  end
  call('HSET', marks, a[6], pack('>I7I7', issued, til))
  keep_until(marks, til)
  return end_streams(part_of(keys[1], a[1]), a, 9)
end

-- KEYS revoked: all marks, as they are.
local function push_marks(keys)
  return call('HGETALL', keys[1])
end

-- KEYS the four lanes of a log; tick.  Gives ms, and of the message that it is,
-- unless its time is over, the lane and the member.
local function push_read(keys, a)
  local ms = now()
  for lane = 0, 3 do
    local found = call('ZRANGEBYSCORE', keys[lane + 1], a[1], a[1])
    for i = 1, #found do
      if not is_mark(found[i]) and not is_over(found[i], ms) then
        return {ms, lane, found[i]}
      end
    end
  end
  return {ms}
end
