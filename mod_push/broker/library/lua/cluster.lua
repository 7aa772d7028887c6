-- ---- what all nodes share ----

local LEASE = 60000 -- ms after which a node's number is free
local NODES = 64

-- KEYS h; partition.  Which library this is.
local function push_hello(keys, a)
  local ms = now()
  part_of(keys[1], a[1])
  return {vm, ms, ms - began}
end

-- The key of hashes and the check value of the secret: those of the first.
local function meta_of(key, k, c)
  call('HSETNX', key, 'k', k)
  call('HSETNX', key, 'c', c)
  local all = call('HMGET', key, 'k', 'c', 'e', 'v')
  if not all[3] then
    all[3] = eight({base = key, salt = 0}, now())
    call('HSET', key, 'e', all[3])
  end
  if number(all[4]) < VERSION then
    call('HSET', key, 'v', VERSION)
  end
  return all
end

-- KEYS meta; key check
local function push_meta(keys, a)
  local all = meta_of(keys[1], a[1], a[2])
  return {vm, all[1], all[2], all[3]}
end

-- All that have a number.  A new VM takes everyone as just renewed.
local function peers_of(key, ms)
  local all, peers = call('HGETALL', key), {}
  for i = 1, #all, 2 do
    local owner, renewed, length = unpack('>I2I6I2', all[i + 1])
    local age = math.max(ms - renewed, 0)
    if ms - math.max(renewed, began) >= LEASE then
      call('HDEL', key, all[i])
    else
      peers[floor(owner / 1024)] = {owner = owner, age = age,
        url = sub(all[i + 1], 11, 10 + length),
        info = sub(all[i + 1], 11 + length)}
    end
  end
  return peers
end

local function free_number(peers, meta)
  for node = 0, NODES - 1 do
    if not peers[node] then
      local life = call('HINCRBY', meta, 'i', 1)
      return node * 1024 + (life - 1) % 1023 + 1
    end
  end
  return 0
end

-- KEYS meta nodes; key check owner url info.  Gives 0 leased, 1 lost or 2 none
-- is free; owner; as push_meta; and owner, ms since its lease, url, info of each
-- node.  Whose key or check is another one belongs to another cluster: it takes
-- no number here.
local function push_lease(keys, a)
  local ms, owner, outcome = now(), number(a[3]), 0
  local all = meta_of(keys[1], a[1], a[2])
  local peers = peers_of(keys[2], ms)
  if all[1] ~= a[1] or all[2] ~= a[2] then
    outcome = 1
  elseif owner == 0 then
    owner = free_number(peers, keys[1])
    outcome = owner == 0 and 2 or 0
  else
    local peer = peers[floor(owner / 1024)]
    if peer and peer.owner ~= owner then
      outcome = 1
    end
  end
  if outcome == 0 then
    local node = floor(owner / 1024)
    peers[node] = {owner = owner, age = 0, url = a[4], info = a[5]}
    call('HSET', keys[2], node, pack('>I2I6I2', owner, ms, #a[4]) .. a[4]
      .. a[5])
    call('PEXPIREAT', keys[2], ms + 2 * LEASE)
  end
  local reply = {outcome, owner, vm, all[1], all[2], all[3]}
  for node = 0, NODES - 1 do
    local peer = peers[node]
    if peer then
      local n = #reply
      reply[n + 1], reply[n + 2] = peer.owner, peer.age
      reply[n + 3], reply[n + 4] = peer.url, peer.info
    end
  end
  return reply
end

-- KEYS o; owner ms.  1: it is the owner's from now, for so long; 0: another's.
local function push_hold(keys, a)
  local held = call('GET', keys[1])
  if held and held ~= a[1] then
    return 0
  end
  call('SET', keys[1], a[1], 'PX', math.max(number(a[2]), 1))
  return 1
end

-- KEYS h and, in partition 0, nodes; partition owner.  The node ends: nobody
-- waits for it any more, and its number is free.
local function push_resign(keys, a)
  local part, owner = part_of(keys[1], a[1]), number(a[2])
  silence(part.space, owner)
  if keys[2] then
    local value = call('HGET', keys[2], floor(owner / 1024))
    if value and unpack('>I2', value) == owner then
      call('HDEL', keys[2], floor(owner / 1024))
    end
  end
  return 1
end
