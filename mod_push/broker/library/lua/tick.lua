-- ---- a partition ----

local parts = {} -- base, and keys that begin with it → partition
local spaces = {} -- prefix → what all its partitions here share

-- Of a key whose name is one letter behind the tag: `f`, `h`.
local function part_of(key, p)
  local part = parts[key]
  if part then
    return part
  end
  local base = sub(key, 1, -2)
  part = parts[base]
  if not part then
    local prefix = string.match(base, '^(.*){') or base
    local space = spaces[prefix]
    if not space then
      space = {inbox = {}}
      spaces[prefix] = space
    end
    part = {p = number(p), base = base, space = space, ceil = 0, salt = 0}
    parts[base] = part
  end
  parts[key] = part
  return part
end

-- Bytes that no other partition, VM or call gives.
local function eight(part, ms)
  part.salt = part.salt + 1
  local hex = sha1hex(vm .. part.base .. format('%.0f', ms) .. ':' .. part.salt)
  local bytes = {}
  for i = 1, 15, 2 do
    bytes[#bytes + 1] = char(tonumber(sub(hex, i, i + 1), 16))
  end
  return concat(bytes)
end

-- Lanes that were written to lately, and how many members each has at most: so
-- none is counted for each.  True as long as nobody but this VM writes there.
local counts, counted = {}, 0

local function forget_counts()
  counts, counted = {}, 0
end

local function note_count(key, count)
  if not counts[key] then
    counted = counted + 1
    if counted > 10000 then
      counts, counted = {}, 1
    end
  end
  counts[key] = count
end

-- Of the partition's data: another one where all keys were lost.
local function epoch_of(part, h, ms)
  local epoch = call('HGET', h, 'e')
  if not epoch then
    epoch = eight(part, ms)
    call('HSET', h, 'e', epoch)
  end
  return epoch
end

-- The next one: above all that were given, by whichever master.  The ceiling
-- in the key is a second ahead, so whoever is promoted goes on above it.  A
-- master that had the partition, and has it again, finds by it that another one
-- gave ticks meanwhile: none comes and goes in less than RECHECK ms.
local RECHECK = 20

local function tick_of(part, h, ms)
  local t, last = ms * 1024, part.last
  if not last or t >= part.ceil or math.abs(ms - part.looked) >= RECHECK then
    local c = number(call('HGET', h, 'c'))
    if c ~= part.ceil then
      if last then
        forget_counts()
      end
      last, part.ceil = math.max(last or 0, c), c
    end
    part.looked = ms
  end
  if last and t <= last then
    t = last + 1
  end
  if t >= part.ceil then
    part.ceil = t + 1024000
    call('HSET', h, 'c', digits(part.ceil))
    epoch_of(part, h, ms)
  end
  part.last = t
  return t
end
