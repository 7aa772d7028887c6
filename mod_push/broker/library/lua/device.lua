-- ---- devices ----
-- A record in `D` is owner u16, flags u8 (1 online, 2 exact), fence u32, number
-- of the device id u32, left u48, until u48 (Redis ms), length of the record
-- u32, the record, and where exact the session.

local HEAD = 27

local function device_of(value)
  local d = {value = value}
  d.owner, d.flags, d.fence, d.crc, d.left, d.til, d.length =
    unpack('>I2I1I4I4I6I6I4', value)
  return d
end

local function record_of(d)
  return sub(d.value, HEAD + 1, HEAD + d.length)
end

local function session_of(d)
  return sub(d.value, HEAD + 1 + d.length)
end

local function store(key, ctx, d, record, session)
  call('HSET', key, ctx, pack('>I2I1I4I4I6I6I4', d.owner, d.flags, d.fence,
    d.crc, d.left, d.til, #record) .. record .. session)
  keep_until(key, d.til)
end

local function raise(fence)
  return (fence + 1) % 4294967296
end

local function is_online(d, space, ms)
  return d.flags % 2 == 1 and d.til > ms and is_alive(space, d.owner)
end

local function forced(part, log, ctx, d, to)
  if d.owner ~= 0 and d.owner ~= to then
    post(part, d.owner, entry_of(part, 'Z', named(log) .. ctx
      .. pack('>I4I2', d.fence, to)))
  end
end

-- The other devices of a user: how many there are and how many online, and
-- the longest away.  Those whose time is over go.
local function others_of(part, key, log, ctx, ms)
  local all, o = call('HGETALL', key), {count = 0, online = 0}
  for i = 1, #all, 2 do
    if all[i] ~= ctx then
      local d = device_of(all[i + 1])
      if d.til <= ms then
        call('HDEL', key, all[i])
        forced(part, log, all[i], d, 0)
      else
        o.count = o.count + 1
        if is_online(d, part.space, ms) then
          o.online = o.online + 1
        elseif not o.spare or d.left < o.spare.left
          or (d.left == o.spare.left and all[i] < o.ctx) then
          o.spare, o.ctx = d, all[i]
        end
      end
    end
  end
  return o
end

-- Whether the user may have one more online, or one more at all.  Nothing has
-- been changed if not, but what was over.
local function has_room(part, key, w, exists, ms)
  local others = call('HLEN', key) - (exists and 1 or 0)
  if (w.streams == 0 or others < w.streams)
    and (exists or others < w.devices) then
    return nil
  end
  local o = others_of(part, key, w.log, w.ctx, ms)
  if w.streams > 0 and o.online >= w.streams then
    return 5
  end
  if not exists and o.count >= w.devices then
    if not o.spare then
      return 4
    end
    call('HDEL', key, o.ctx)
    o.spare.fence = raise(o.spare.fence) -- so that its owner believes it
    forced(part, w.log, o.ctx, o.spare, 0)
  end
  return nil
end

-- The device is the caller's now.  Gives the session, if that may be used: once,
-- and to nobody but whom it was left to, for a master that was a replica may
-- not know that he had it.  If it was left in the life of this VM, that knows
-- that nobody came for it.
local function grant(part, key, w, d, ms)
  local record, session, exact = record_of(d), NONE, 0
  if d.flags >= 2 and (d.owner == 0 or d.owner == w.owner or d.left > began)
  then
    exact, session = 1, session_of(d)
  end
  d.fence = raise(d.fence)
  forced(part, w.log, w.ctx, d, w.owner)
  d.owner, d.flags, d.crc, d.left, d.til = w.owner, 1, w.crc, 0, ms + w.keep
  store(key, w.ctx, d, record, NONE)
  return exact, record, session
end

-- Gives how many hear it.  Of an owner that was there a moment ago another
-- process may be about to take over its inbox: that one will.
local function ask(part, w, d)
  local q = part.space.inbox[d.owner]
  local recent = q and passed - q.seen < MOMENT and 1 or 0
  return math.max(recent, post_heard(part, d.owner, entry_of(part, 'Y',
    named(w.log) .. w.ctx .. pack('>I4I2', d.fence, w.owner))))
end

-- KEYS D f h X, the four lanes, S; partition log context owner keep how known
-- crc devices streams connected subscribers since counts.  Gives what became of
-- it (0 owned, 1 new, 2 the owner was asked, but for how see, 3 gone, 4 too many devices, 5 too
-- many streams), as push_follow vm, epoch, ms, version, more, whole, entries;
-- fence, exact, record, session, the owner before, heard, ms of the VM.
local function push_claim(keys, a)
  local ms, part = now(), part_of(keys[2], a[1])
  local w = {log = a[2], ctx = a[3], owner = number(a[4]), keep = number(a[5]),
    crc = number(a[8]), devices = number(a[9]), streams = number(a[10]),
    since = number(a[13]), room = ANSWER, h = keys[3], x = keys[4],
    tags = keys[9]}
  local value, age, before = call('HGET', keys[1], w.ctx), ms - began, 0
  local outcome, heard, exact, record, session = 0, 0, 0, NONE, NONE
  local d = value and device_of(value)
  if d and d.til <= ms and d.owner == 0 then
    d = nil -- its time is over; what is stored says no more
  end
  if not d and a[7] == '1' then
    outcome = 3
  else
    outcome = has_room(part, keys[1], w, d, ms) or 0
  end
  if outcome > 0 then
    return {outcome, vm, NONE, ms, 0, 0, 0, NONE, 0, 0, NONE, NONE, 0, 0, age}
  end
  if not d then
    outcome = 1
    d = {value = NONE, owner = 0, flags = 0, fence = 0, length = -HEAD}
    record = NONE
  end
  before = d.owner
  if before == 0 or a[6] == 'force'
    or floor(before / 1024) == floor(w.owner / 1024) then
    exact, record, session = grant(part, keys[1], w, d, ms)
  else
    outcome, heard = 2, a[6] == 'see' and 0 or ask(part, w, d)
  end
  touch(part.space, w.owner)
  local counts = a[14] == '1'
  local follows = set_follower(keys[2], w.log, w.owner, number(a[11]),
    number(a[12]), counts)
  local epoch, out = epoch_of(part, keys[3], ms), {}
  local version, more, whole = 0, follows and 0 or 1, 0
  if not counts then
    version, more, whole = catch_up(part, keys, 5, w, ms, out)
  end
  return {outcome, vm, epoch, ms, version, more, whole, run_of(out), d.fence,
    exact, record, session, before, heard, age}
end

-- The device, if owner and fence are those that it has; else the answer.
local function owned(key, ctx, owner, fence)
  local value = call('HGET', key, ctx)
  if not value then
    return nil, {2, 0, 0}
  end
  local d = device_of(value)
  if owner == 0 or d.owner ~= owner or d.fence ~= fence then
    return nil, {1, d.owner, d.fence}
  end
  return d
end

-- KEYS D f h; partition log context owner fence keep to absent exact record
-- session unfollow.  Gives 0 written, 1 fenced or 2 gone; owner and fence as
-- they are.
-- Who gets it is told by G or N, and claims it to have the record.
local function push_yield(keys, a)
  local ms, part, log, ctx = now(), part_of(keys[2], a[1]), a[2], a[3]
  local d, refused = owned(keys[1], ctx, number(a[4]), number(a[5]))
  if not d then
    return refused
  end
  local to, absent = number(a[7]), a[8] == '1'
  local exact, record, session = a[9] == '1', a[10] or NONE, a[11] or NONE
  if absent then
    exact, record, session = d.flags >= 2, record_of(d), session_of(d)
  end
  if not exact then
    session = NONE
  end
  d.owner, d.fence, d.til = to, raise(d.fence), ms + number(a[6])
  d.flags, d.left = exact and 2 or 0, absent and d.left or ms
  if to ~= 0 then
    d.flags, d.left = d.flags + 1, exact and d.left or 0
  end
  store(keys[1], ctx, d, record, session)
  if a[12] == '1' then
    drop_follower(keys[2], log, number(a[4]))
  end
  if to ~= 0 then
    post(part, to, entry_of(part, absent and 'N' or 'G', named(log) .. ctx
      .. pack('>I4I1I4', d.fence, exact and 1 or 0, 0)))
  end
  return {0, d.owner, d.fence}
end

-- KEYS D; context owner fence keep online record.  Gives as push_yield.
local function push_save(keys, a)
  local ms = now()
  local d, refused = owned(keys[1], a[1], number(a[2]), number(a[3]))
  if not d then
    return refused
  end
  d.til = ms + number(a[4])
  if a[5] == '1' then
    d.flags, d.left = 1, 0
  else
    d.flags, d.left = 0, d.left > 0 and d.left or ms
  end
  store(keys[1], a[1], d, a[6] or NONE, NONE)
  return {0, d.owner, d.fence}
end

-- KEYS D: all its records, as they are.
local function push_view(keys)
  return call('HGETALL', keys[1])
end
