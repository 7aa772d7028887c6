#!lua name=push
-- What Redis keeps for a cluster of mod_push; see README.md beside the source.

local VERSION = 4

-- Redis has no globals while a library is loaded: they are bound at the first
-- call.
local call, pack, unpack, sub, format, concat, char, floor, sort, sha1hex
local tonumber, values, pairs, byte

-- Of this VM: its id, and the time of its first call.
local vm, began

-- Of it, as far as it was there to hear: ms that passed from call to call.  A
-- clock that is set, or a server that stood still, makes no node silent.
local passed, looked = 0, nil

local SILENT = 15000 -- ms without a drain, and an inbox is given up
local MOMENT = 1250 -- ms; an owner that lives drains each second
local PAUSE = 2000 -- ms; twice as long as a node that lives does not call
local INBOX = 8388608 -- bytes; more, and it is emptied
local ANSWER = 1048576 -- bytes of messages in an answer, about
local LEFT = 33554432 -- bytes of what nodes have left for who asked
local UNTAKEN = 5000 -- ms for which it is kept
local RECALLS = 600000 -- ms for which recalls are known
local NONE = ''

-- ms; and as a second number µs
local function now()
  local t = call('TIME')
  local us = t[1] * 1000000 + t[2]
  local ms = (us - us % 1000) / 1000
  if looked and ms > looked then
    passed = passed + math.min(ms - looked, PAUSE)
  end
  looked = ms
  return ms, us
end

-- A whole number as Redis takes it; of itself it would be written with all that
-- a fraction needs, which takes seven times as long.
local function digits(n)
  return format('%d', n)
end

local function bind()
  call, sha1hex = redis.call, redis.sha1hex
  pack, unpack = struct.pack, struct.unpack
  sub, format, char = string['sub'], string.format, string.char
  byte = string.byte
  concat, sort = table.concat, table.sort
  floor, tonumber, values = math.floor, _G.tonumber, _G.unpack
  pairs = _G.pairs
  began = now()
  local t = call('TIME')
  -- Where a table lies differs from process to process.
  vm = VERSION .. '-' .. sub(sha1hex(t[1] .. t[2] .. tostring({})
    .. tostring(call)), 1, 16)
end

local function number(text)
  return tonumber(text) or 0
end

-- The key lives at least until then (ms).
local function keep_until(key, at)
  if call('PEXPIREAT', key, digits(at), 'GT') == 0
    and call('PTTL', key) < 0 then
    call('PEXPIREAT', key, digits(at))
  end
end
