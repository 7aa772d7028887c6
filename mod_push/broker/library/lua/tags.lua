-- ---- what the server subscribes a user to ----
-- A string `S` of a user's log has for each channel, in the order in which they
-- came, since u56 (a tick of the channel: what is above it is for the user), the
-- length of its name u8, and the name.

-- Where the channel stands there, first byte and last, and how many there are.
local function find_tag(value, channel)
  local at, count, first, last = 1, 0, nil, nil
  while at <= #value do
    local til = at + 7 + byte(value, at + 7)
    if sub(value, at + 8, til) == channel then
      first, last = at, til
    end
    at, count = til + 1, count + 1
  end
  return first, last, count
end

local function tags_entry(part, log, tick, value)
  return entry_of(part, 'T', named(log) .. pack('>I7', tick) .. value)
end

-- All of them, as they are at tick: none says nothing.  key: of no user's log it
-- is not looked at, and an older node does not give it.
local function read_tags(part, key, log, tick, out)
  local value = key and byte(log) == 117 and call('GET', key)
  if value then
    out[#out + 1] = tags_entry(part, log, tick, value)
  end
end

-- KEYS S f h; partition log channel subscribe since most.  Gives what became of
-- it: 0 it is so now, 1 it was so before, 2 there are as many as may be.
local function push_tag(keys, a)
  local ms, part = now(), part_of(keys[2], a[1])
  local value, add = call('GET', keys[1]) or NONE, a[4] == '1'
  local first, last, count = find_tag(value, a[3])
  if add == (first ~= nil) then
    return 1
  end
  if add and count >= number(a[6]) then
    return 2
  end
  if add then
    value = value .. pack('>I7I1', number(a[5]), #a[3]) .. a[3]
  else
    value = sub(value, 1, first - 1) .. sub(value, last + 1)
  end
  if value == NONE then
    call('DEL', keys[1])
  else
    call('SET', keys[1], value)
  end
  tell(part, keys[2], a[2],
    tags_entry(part, a[2], tick_of(part, keys[3], ms), value))
  return 0
end

-- KEYS S: all of them, as they are.
local function push_tags(keys)
  return call('GET', keys[1]) or NONE
end

-- KEYS h; partition.  A tick of its own: all that is published from now on to a
-- log of the partition has a greater one.
local function push_tick(keys, a)
  local ms = now()
  return tick_of(part_of(keys[1], a[1]), keys[1], ms)
end
