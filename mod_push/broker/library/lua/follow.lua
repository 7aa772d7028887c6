-- ---- who follows a log ----
-- An entry of the hash `f` is owner u16, connected u24, subscribers u32.

-- counts: they alone are set; who has unfollowed meanwhile stays so.  Gives
-- whether the owner follows.
local function set_follower(f, log, owner, connected, subscribers, counts)
  local e = call('HGET', f, log) or NONE
  local own = pack('>I2I3I4', owner, math.min(connected, 16777215),
    subscribers)
  for i = 1, #e, 9 do
    if unpack('>I2', e, i) == owner then
      if sub(e, i, i + 8) ~= own then
        call('HSET', f, log, sub(e, 1, i - 1) .. own .. sub(e, i + 9))
      end
      return true
    end
  end
  if not counts then
    call('HSET', f, log, e .. own)
  end
  return not counts
end

-- What an owner lacks of a log that it has at since.  lanes: where in keys its
-- lanes begin; rest: the answer before this one was not all of it; tags: the key
-- of a user's.  Gives version, more, whole, and the bytes that were added to out.
-- What ends it says what the server subscribes the user to.
local function catch_up(part, keys, lanes, w, ms, out)
  local since, whole = w.since, 0
  if since == 0 or (not w.rest and since < (ms - RECALLS) * 1024) then
    since, whole = 0, 1
  end
  local bytes, upto = read_log(part, keys, lanes, w.log, since, w.room, ms, out)
  if whole == 0 then
    read_recalls(part, w.x, w.log, since, out)
  end
  if upto then
    return upto, 1, whole, bytes
  end
  local tick = tick_of(part, w.h, ms)
  read_tags(part, w.tags, w.log, tick, out)
  return tick, 0, whole, bytes
end

-- KEYS f h X, the four lanes, S; partition log owner connected subscribers
-- since rest counts.  Gives vm, epoch, ms, version, more, whole, entries; of
-- counts more says that the owner does not follow.
local function push_follow(keys, a)
  local ms, part, owner = now(), part_of(keys[1], a[1]), number(a[3])
  touch(part.space, owner)
  local counts = a[8] == '1'
  local follows = set_follower(keys[1], a[2], owner, number(a[4]), number(a[5]),
    counts)
  local epoch = epoch_of(part, keys[2], ms)
  if counts then
    return {vm, epoch, ms, 0, follows and 0 or 1, 0, NONE}
  end
  local out = {}
  local version, more, whole = catch_up(part, keys, 4, {log = a[2],
    since = number(a[6]), rest = a[7] == '1', room = ANSWER, h = keys[2],
    x = keys[3], tags = keys[8]}, ms, out)
  return {vm, epoch, ms, version, more, whole, run_of(out)}
end

local function drop_follower(f, log, owner)
  local e = call('HGET', f, log) or NONE
  for i = 1, #e, 9 do
    if unpack('>I2', e, i) == owner then
      if #e == 9 then
        call('HDEL', f, log)
      else
        call('HSET', f, log, sub(e, 1, i - 1) .. sub(e, i + 9))
      end
      return 1
    end
  end
  return 0
end

-- KEYS f; log owner
local function push_unfollow(keys, a)
  return drop_follower(keys[1], a[1], number(a[2]))
end

-- KEYS f h X, four lanes a log, and S of each; partition owner, and for each log log
-- connected subscribers since rest.  Gives vm, epoch, ms, and for each log
-- version, more, whole, entries; all entries together are about one answer.
local function push_resync(keys, a)
  local ms, part, owner = now(), part_of(keys[1], a[1]), number(a[2])
  local room, logs = ANSWER, (#a - 2) / 5
  local reply = {vm, epoch_of(part, keys[2], ms), ms}
  touch(part.space, owner)
  for i = 3, #a - 4, 5 do
    local since, out = number(a[i + 3]), {}
    set_follower(keys[1], a[i], owner, number(a[i + 1]), number(a[i + 2]))
    local version, more, whole, bytes = catch_up(part, keys,
      4 + (i - 3) / 5 * 4, {log = a[i], since = since, rest = a[i + 4] == '1',
      room = room, h = keys[2], x = keys[3],
      tags = keys[4 + logs * 4 + (i - 3) / 5]}, ms, out)
    room = room - bytes
    local n = #reply
    reply[n + 1], reply[n + 2], reply[n + 3] = version, more, whole
    reply[n + 4] = run_of(out)
  end
  return reply
end
