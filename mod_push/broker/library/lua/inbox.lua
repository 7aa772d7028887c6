-- ---- inboxes ----
-- An inbox is a queue of numbered entries for one owner, made by this VM.  When
-- its owner was heard is told in what has passed for the VM.

-- Given up: it is empty until its owner drains it, who is told that it lost.
local function give_up(q)
  return {first = q.last + 2, last = q.last + 1, bytes = 0, seen = q.seen,
    lost = true}
end

-- The inbox of an owner who is heard from now.
local function touch(space, owner, ms)
  local q = space.inbox[owner]
  if not q then
    q = {first = 1, last = 0, bytes = 0, seen = passed}
    space.inbox[owner] = q
  elseif passed - q.seen >= SILENT then
    q = give_up(q)
    q.seen = passed
    space.inbox[owner] = q
  end
  q.seen = passed
  return q
end

local function is_alive(space, owner, ms)
  local q = space.inbox[owner]
  if not q then
    return passed < SILENT
  end
  return passed - q.seen < SILENT
end

local function wake(part, owner)
  return call('SPUBLISH', part.base .. '>' .. owner, NONE)
end

-- Appends an entry; false if the owner is silent.  It is woken unless a wake
-- is on its way.
local function post(part, owner, entry, ms)
  local inbox = part.space.inbox
  local q = inbox[owner]
  if not q then
    q = {first = 1, last = 0, bytes = 0, seen = passed}
    inbox[owner] = q
  end
  if passed - q.seen >= SILENT then
    if q.bytes > 0 then
      inbox[owner] = give_up(q)
    end
    return false
  end
  if q.bytes > INBOX then
    q = give_up(q)
    inbox[owner] = q
  end
  q.last = q.last + 1
  q[q.last] = entry
  q.bytes = q.bytes + #entry
  if not q.awake then
    q.awake = true
    wake(part, owner)
  end
  return true
end

-- The same, with a wake in any case: how many hear it.
local function post_heard(part, owner, entry, ms)
  if not is_alive(part.space, owner, ms) then
    return 0
  end
  local q = part.space.inbox[owner]
  if q then
    q.awake = true
  end
  post(part, owner, entry, ms)
  return wake(part, owner)
end

local function entry_of(part, kind, body)
  return pack('>I2c1I4', part.p, kind, #body) .. body
end

local function named(log)
  return pack('>I2', #log) .. log
end

-- To all who follow the log; an owner who is silent follows no more.  Gives
-- the connected and the subscribers of all.
local function tell(part, f, log, entry, ms)
  local e = call('HGET', f, log)
  if not e then
    return 0, 0
  end
  local keep, connected, subscribers = {}, 0, 0
  for i = 1, #e, 9 do
    local owner, con, subs = unpack('>I2I3I4', e, i)
    if post(part, owner, entry, ms) then
      keep[#keep + 1] = sub(e, i, i + 8)
      connected = connected + con
      subscribers = subscribers + subs
    end
  end
  if #keep == 0 then
    call('HDEL', f, log)
  elseif #keep * 9 < #e then
    call('HSET', f, log, concat(keep))
  end
  return connected, subscribers
end

-- KEYS h; partition owner vm have.  The key is there so that Redis says where
-- the partition is now.
local function push_drain(keys, a)
  local ms, part = now(), part_of(keys[1], a[1])
  local q = touch(part.space, number(a[2]), ms)
  local have = a[3] == vm and number(a[4]) or 0
  while q.first <= have and q.first <= q.last do
    q.bytes = q.bytes - #q[q.first]
    q[q.first] = nil
    q.first = q.first + 1
  end
  local to, bytes, lost = q.first - 1, 0, q.lost
  while to < q.last and to - q.first < 999 and bytes < 262144 do
    to = to + 1
    bytes = bytes + #q[to]
  end
  if to < q.first then
    q.awake = false
  end
  q.lost = nil
  return {vm, call('HGET', keys[1], 'e') or NONE, ms, lost and 1 or 0,
    q.first, to, concat(q, NONE, q.first, to), q.last}
end
