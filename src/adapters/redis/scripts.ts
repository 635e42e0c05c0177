// What Redis runs for us, each script one atomic step. Keys of a generation: a hash `meta` (layout,
// positions, counts), and for each topic a hash of rows and two orders by revision, of rows that
// are there and of rows that were taken away. Counts are compared before anything else: a server
// that evicts takes single keys, and a generation that lacks one is no longer whole.

/** Layout of keys and rows; another one is folded anew. */
export const LAYOUT = '1'

/** KEYS[base + 1] = meta, then rows, live, gone of each topic. */
const WHOLE = `
local function whole(base, layout)
  local meta = KEYS[base + 1]
  if redis.call('HGET', meta, 'layout') ~= layout then return false end
  for t = 0, 5 do
    local k = base + 2 + t * 3
    local n = tonumber(redis.call('HGET', meta, 'n' .. t) or '0')
    local g = tonumber(redis.call('HGET', meta, 'g' .. t) or '0')
    if redis.call('HLEN', KEYS[k]) ~= n or redis.call('ZCARD', KEYS[k + 1]) ~= n
      or redis.call('ZCARD', KEYS[k + 2]) ~= g then return false end
  end
  return true
end
`

/** KEYS: pointer, meta. ARGV: layout, time to live. Answers with what the pointer holds. */
export const BEGIN: string = `
redis.call('HSET', KEYS[2], 'layout', ARGV[1], 'revision', '0')
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return redis.call('GET', KEYS[1])
`

/** KEYS: pointer, generation. ARGV: layout, its id. Answers false, or all fields of meta. */
export const OPEN: string = `${WHOLE}
if redis.call('GET', KEYS[1]) ~= ARGV[2] or not whole(1, ARGV[1]) then return false end
return redis.call('HGETALL', KEYS[2])
`

/**
 * KEYS: generation. ARGV: layout, asOf, time to live while it is built, most removals, most rows of
 * each topic (6), number of slices; for each topic (number), partition, from, to, number of rows;
 * for each row id, offset, version, value ('' removes). The first write is one that a full server
 * refuses, so that nothing of it is done then.
 */
export const WRITE: string = `${WHOLE}
if not whole(0, ARGV[1]) then return 'gone' end
local meta = KEYS[1]
local head, slices = 12, tonumber(ARGV[11])
local reached = {}
for s = 0, slices - 1 do
  local h = head + s * 5
  local field, from = 'p:' .. ARGV[h] .. ':' .. ARGV[h + 1], tonumber(ARGV[h + 2])
  local position = reached[field] or tonumber(redis.call('HGET', meta, field) or from)
  if from > position then return 'gap' end
  reached[field] = math.max(position, tonumber(ARGV[h + 3]))
end
local asof = tonumber(redis.call('HGET', meta, 'asof') or '0')
redis.call('HSET', meta, 'asof', math.max(asof, tonumber(ARGV[2])))
local revision = tonumber(redis.call('HGET', meta, 'revision'))
local at = head + slices * 5
for s = 0, slices - 1 do
  local h = head + s * 5
  local k = 2 + tonumber(ARGV[h]) * 3
  local rows, live, gone = KEYS[k], KEYS[k + 1], KEYS[k + 2]
  local field = 'p:' .. ARGV[h] .. ':' .. ARGV[h + 1]
  local position = tonumber(redis.call('HGET', meta, field) or ARGV[h + 2])
  for _ = 1, tonumber(ARGV[h + 4]) do
    local id, offset, version, value = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3]
    at = at + 4
    if offset >= position then
      local held = redis.call('HGET', rows, id)
      local tail = held and string.sub(held, -30)
      local known = tail and tonumber(string.match(tail, '"version":(%-?%d+)}$'))
      if value == '' then
        if held then
          revision = revision + 1
          redis.call('HDEL', rows, id)
          redis.call('ZREM', live, id)
          redis.call('ZADD', gone, revision, id)
        end
      elseif not known or tonumber(version) >= known then
        revision = revision + 1
        redis.call('HSET', rows, id, value)
        redis.call('ZADD', live, revision, id)
        if not held then redis.call('ZREM', gone, id) end
      end
    end
  end
  if tonumber(ARGV[h + 3]) >= position then redis.call('HSET', meta, field, ARGV[h + 3]) end
end
redis.call('HSET', meta, 'revision', revision)
for t = 0, 5 do
  local k = 2 + t * 3
  local over = redis.call('ZCARD', KEYS[k + 1]) - tonumber(ARGV[5 + t])
  if over > 0 then
    local popped = redis.call('ZPOPMIN', KEYS[k + 1], over)
    for i = 1, #popped, 2 do redis.call('HDEL', KEYS[k], popped[i]) end
  end
  over = redis.call('ZCARD', KEYS[k + 2]) - tonumber(ARGV[4])
  if over > 0 then
    local popped = redis.call('ZPOPMIN', KEYS[k + 2], over)
    redis.call('HSET', meta, 'f' .. t, popped[#popped])
  end
  redis.call('HSET', meta, 'n' .. t, redis.call('ZCARD', KEYS[k + 1]))
  redis.call('HSET', meta, 'g' .. t, redis.call('ZCARD', KEYS[k + 2]))
end
if not redis.call('HGET', meta, 'shown') then
  for i = 1, #KEYS do redis.call('PEXPIRE', KEYS[i], ARGV[3]) end
end
return 'written'
`

/**
 * KEYS: pointer, generation, all keys of the generation before. ARGV: layout, id, what the pointer
 * must hold ('' = nothing), time to live of what is no longer shown.
 */
export const PUBLISH: string = `${WHOLE}
if not whole(1, ARGV[1]) then return 'gone' end
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[3] then
  for i = 2, 20 do redis.call('UNLINK', KEYS[i]) end
  return 'overtaken'
end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('HSET', KEYS[2], 'shown', '1')
for i = 2, 20 do redis.call('PERSIST', KEYS[i]) end
for i = 21, #KEYS do redis.call('PEXPIRE', KEYS[i], ARGV[4]) end
return 'published'
`

/**
 * KEYS: pointer, generation. ARGV: layout, id, most rows, revision known of each topic (6). Answers
 * {'moved'} when another generation is shown, {'gone'} when it is not whole, else {'rows', asOf,
 * topic …}, each topic {floor, [id, revision …], [value …], [id, revision …] taken away}.
 */
export const READ: string = `${WHOLE}
if redis.call('GET', KEYS[1]) ~= ARGV[2] then return {'moved'} end
if not whole(1, ARGV[1]) then return {'gone'} end
local answer = {'rows', redis.call('HGET', KEYS[2], 'asof') or '0'}
for t = 0, 5 do
  local k, since = 3 + t * 3, '(' .. ARGV[4 + t]
  local function after(key)
    return redis.call('ZRANGEBYSCORE', key, since, '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
  end
  local live, values = after(KEYS[k + 1]), {}
  for i = 1, #live, 2 do values[#values + 1] = redis.call('HGET', KEYS[k], live[i]) end
  local floor = redis.call('HGET', KEYS[2], 'f' .. t) or '0'
  answer[#answer + 1] = {floor, live, values, after(KEYS[k + 2])}
end
return answer
`
