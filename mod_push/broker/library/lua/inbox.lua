-- ---- inboxes ----
-- An inbox is a queue of numbered entries for one owner, made by this VM.  When
-- its owner was heard is told in what has passed for the VM.  What an entry ends
-- with may be a text of its own (rest): Redis reads each byte of each text that
-- Lua makes, so none is made that need not be.

local function inbox_of(first)
  return {first = first, last = first - 1, bytes = 0, seen = passed, rest = {}}
end

-- Given up: it is empty until its owner drains it, who is told that it lost.
local function give_up(q)
  local anew = inbox_of(q.last + 2)
  anew.seen, anew.lost = q.seen, true
  return anew
end

-- The inbox of an owner who is heard from now.
local function touch(space, owner)
  local q = space.inbox[owner]
  if not q then
    q = inbox_of(1)
    space.inbox[owner] = q
  elseif passed - q.seen >= SILENT then
    q = give_up(q)
    q.seen = passed
    space.inbox[owner] = q
  end
  q.seen = passed
  return q
end

local function is_alive(space, owner)
  local q = space.inbox[owner]
  if not q then
    return passed < SILENT
  end
  return passed - q.seen < SILENT
end

-- The owner says that it drains no more: as if it had long been silent.
local function silence(space, owner)
  local q = inbox_of(1)
  q.seen, q.lost = passed - SILENT, true
  space.inbox[owner] = q
end

local function wake(part, owner)
  return call('SPUBLISH', part.base .. '>' .. owner, NONE)
end

-- Appends an entry; false if the owner is silent.  It is woken unless a wake
-- is on its way.
local function post(part, owner, entry, rest)
  local inbox = part.space.inbox
  local q = inbox[owner]
  if not q then
    q = inbox_of(1)
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
  local last = q.last + 1
  q.last, q[last], q.rest[last] = last, entry, rest
  q.bytes = q.bytes + #entry + (rest and #rest or 0)
  if not q.awake then
    q.awake = true
    wake(part, owner)
  end
  return true
end

-- The same, with a wake in any case: how many hear it.
local function post_heard(part, owner, entry)
  if not is_alive(part.space, owner) then
    return 0
  end
  local q = part.space.inbox[owner]
  if q then
    q.awake = true
  end
  post(part, owner, entry)
  return wake(part, owner)
end

local function entry_of(part, kind, body)
  return pack('>I2c1I4', part.p, kind, #body) .. body
end

local function named(log)
  return pack('>I2', #log) .. log
end

-- Entries as they are answered.
local function run_of(out)
  return #out > 0 and out or NONE
end

-- The entry of a message up to its member, which is its rest.
local function head_of(part, log, lane, member)
  return pack('>I2c1I4I2', part.p, 'M', 3 + #log + #member, #log) .. log
    .. char(lane)
end

-- Who is silent follows no more.
local function leave_out(part, f, log, e)
  local keep = {}
  for i = 1, #e, 9 do
    if is_alive(part.space, (unpack('>I2', e, i))) then
      keep[#keep + 1] = sub(e, i, i + 8)
    end
  end
  if #keep == 0 then
    call('HDEL', f, log)
  else
    call('HSET', f, log, concat(keep))
  end
end

-- To all who follow the log.  Gives the connected and the subscribers of all.
local function tell(part, f, log, entry, rest)
  local e = call('HGET', f, log)
  if not e then
    return 0, 0
  end
  local connected, subscribers, silent = 0, 0, false
  for i = 1, #e, 9 do
    local owner, con, subs = unpack('>I2I3I4', e, i)
    if post(part, owner, entry, rest) then
      connected = connected + con
      subscribers = subscribers + subs
    else
      silent = true
    end
  end
  if silent then
    leave_out(part, f, log, e)
  end
  return connected, subscribers
end

-- What the owner has goes.
local function drop_taken(q, have)
  local first, bytes, rests = q.first, q.bytes, q.rest
  while first <= have and first <= q.last do
    local rest = rests[first]
    bytes = bytes - #q[first] - (rest and #rest or 0)
    q[first], rests[first] = nil, nil
    first = first + 1
  end
  q.first, q.bytes = first, bytes
end

-- KEYS h; partition owner vm have.  The key is there so that Redis says where
-- the partition is now.
local function push_drain(keys, a)
  local ms, part = now(), part_of(keys[1], a[1])
  local q = touch(part.space, number(a[2]))
  local have = a[3] == vm and number(a[4]) or 0
  drop_taken(q, have)
  local to, bytes, lost, run, n = q.first - 1, 0, q.lost, {}, 0
  local rests = q.rest
  while to < q.last and to - q.first < 999 and bytes < 262144 do
    to = to + 1
    local entry, rest = q[to], rests[to]
    n = n + 1
    run[n] = entry
    bytes = bytes + #entry
    if rest then
      n = n + 1
      run[n] = rest
      bytes = bytes + #rest
    end
  end
  if to < q.first then
    q.awake = false
  end
  q.lost = nil
  return {vm, call('HGET', keys[1], 'e') or NONE, ms, lost and 1 or 0,
    q.first, to, run, q.last}
end
