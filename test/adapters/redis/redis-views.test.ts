// What happens to the rows when their server is flushed, fails over to an older copy, evicts, fills
// up, takes no writes, stands still, wants a password or is gone (reliability F37 to F39): nothing
// half-written is ever shown, and every refusal has its name.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createRedisViews } from '../../../src/adapters/redis/redis-views.ts'
import type { ViewStore } from '../../../src/runtime/view-port.ts'
import { health, Reader, slice } from '../../conformance/views.ts'
import { tempFolder } from './temp.ts'
import { mustRun, type RedisServer, startRedis } from './server.ts'

describe.skipIf(!mustRun)('a real Redis', () => {
  let server: RedisServer
  let store: ViewStore
  let id: string

  const views = (more: { readonly passwordFile?: string } = {}): ViewStore =>
    createRedisViews({
      redis: { url: server.url, timeoutMs: 400, ...more },
      prefix: 'hs.',
      clusterId: 'c1',
    })
  const write = (from: number, name = 'a') =>
    store.write(id, [slice(0, from, [health(name, from, from)])], 1_000 + from)
  const reasons = async (): Promise<readonly string[] | null> => {
    const reader = new Reader(store)
    return (await reader.follow()) ? reader.reasons() : null
  }

  beforeEach(async () => {
    server = await startRedis()
    store = views()
    id = (await store.begin()).id
    await store.publish(id)
    expect(await write(0)).toBe('written')
  })
  afterEach(async () => {
    await store.close()
    await server.stop()
  })

  test('flushed: nothing is shown, what is written is refused, a new fold is', async () => {
    await server.say('FLUSHALL')
    expect(await reasons()).toBeNull()
    expect(await store.open()).toBeNull()
    expect(await write(1)).toBe('gone')
    const next = await store.begin()
    await store.write(next.id, [slice(0, 0, [health('b', 0, 1)])], 0)
    expect(await store.publish(next.id)).toBe('published')
    expect(await reasons()).toEqual(['b v1 @0'])
  })

  test('one key evicted: the generation is not whole, neither shown nor written', async () => {
    await write(1, 'b')
    for (const kind of ['health:rows', 'health:live', 'meta']) {
      await server.say('RENAME', `hs.views:{c1}:${id}:${kind}`, 'kept')
      expect(await reasons()).toBeNull()
      expect(await store.open()).toBeNull()
      expect(await write(2)).toBe('gone')
      await server.say('RENAME', 'kept', `hs.views:{c1}:${id}:${kind}`)
      expect(await reasons()).toEqual(['a v0 @0', 'b v1 @1'])
    }
  })

  test('failed over to an older copy: rows and positions went back together', async () => {
    const copy = (from: string, to: string) =>
      "for _, k in ipairs(redis.call('KEYS', '" +
      `${from}hs.*')) do redis.call('COPY', k, '${to}' .. string.sub(k, ${from.length + 1}), ` +
      "'REPLACE') end"
    await server.say('EVAL', copy('', 'old:'), '0')
    await write(1)
    await write(2)
    await server.say('EVAL', copy('old:', ''), '0')
    // Who goes on where it stood is told of the gap.
    expect(await write(3)).toBe('gap')
    expect((await store.open())?.next).toEqual(new Map([['health-0', 1]]))
    expect(await reasons()).toEqual(['a v0 @0'])
    await write(1)
    expect(await reasons()).toEqual(['a v1 @1'])
  })

  test('full: refused whole, rows can be read, and it goes on when there is room', async () => {
    await server.say('CONFIG', 'SET', 'maxmemory', '1')
    await expect(write(1)).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' })
    expect(await reasons()).toEqual(['a v0 @0'])
    await server.say('CONFIG', 'SET', 'maxmemory', '0')
    expect((await store.open())?.next).toEqual(new Map([['health-0', 1]]))
    expect(await write(1)).toBe('written')
  })

  test('a read-only replica: rows can be read, writes are refused by name', async () => {
    await server.say('REPLICAOF', '127.0.0.1', '1')
    await expect(write(1)).rejects.toMatchObject({ code: 'READ_ONLY' })
    expect(await reasons()).toEqual(['a v0 @0'])
    await server.say('REPLICAOF', 'NO', 'ONE')
    expect(await write(1)).toBe('written')
  })

  test('slow: told in time; what it did all the same is passed over when told again', async () => {
    await server.say('CLIENT', 'PAUSE', '1500', 'ALL')
    await expect(write(1)).rejects.toMatchObject({ code: 'SLOW' })
    await expect(reasons()).rejects.toMatchObject({ name: 'ViewError' })
    await expect.poll(() => write(1).catch(() => 'away'), { timeout: 8_000 }).toBe('written')
    expect(await reasons()).toEqual(['a v1 @1'])
  })

  test('gone, and back as an empty one at the same address', async () => {
    await server.say('CLIENT', 'KILL', 'TYPE', 'normal')
    await expect.poll(() => write(1).catch(() => 'away'), { timeout: 5_000 }).toBe('written')
    await server.stop()
    await expect(write(2)).rejects.toMatchObject({ code: 'UNREACHABLE' })
    await expect(store.read(null, 10)).rejects.toMatchObject({ code: 'UNREACHABLE' })
  })

  test('a password comes from its file, read again for every connection', async () => {
    const passwordFile = join(tempFolder(), 'password')
    writeFileSync(passwordFile, 's3cret-one\n')
    await server.say('CONFIG', 'SET', 'requirepass', 's3cret-two')
    const other = views({ passwordFile })
    const refused: unknown = await other.open().catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'NOT_ALLOWED' })
    expect(String(refused)).not.toContain('s3cret')
    writeFileSync(passwordFile, 's3cret-two\n')
    expect((await other.open())?.id).toBe(id)
    await other.close()
  })

  test('rows that somebody else wrote there are an error, never a row', async () => {
    const key = `hs.views:{c1}:${id}:health:rows`
    for (const text of ['no JSON', '7', '{"partition":"x","record":{}}', '{"partition":1}']) {
      await server.say('HSET', key, 'a', text)
      await expect(reasons()).rejects.toMatchObject({ code: 'CORRUPT' })
    }
    await server.say('SET', key, 'text')
    await expect(reasons()).rejects.toMatchObject({ code: 'CORRUPT' })
  })

  test('what is under construction goes away by itself, what is shown stays', async () => {
    const ttl = async (of: string) =>
      Number((await server.say('PTTL', `hs.views:{c1}:${of}:meta`)).replace(':', ''))
    expect(await ttl(id)).toBe(-1)
    const next = await store.begin()
    expect(await ttl(next.id)).toBeGreaterThan(500_000)
    await store.write(next.id, [slice(0, 0, [health('b', 0, 1)])], 0)
    await store.publish(next.id)
    expect(await ttl(next.id)).toBe(-1)
    expect(await ttl(id)).toBeGreaterThan(0)
    expect(await ttl(id)).toBeLessThanOrEqual(60_000)
  })

  test('values are canonical JSON under the prefix and the id of the cluster', async () => {
    const text = await server.say('HGET', `hs.views:{c1}:${id}:health:rows`, 'a')
    expect(text).toMatch(
      /\{"partition":0,"record":\{"at_ms":1000,.*"windows":\[.*\},"version":0\}$/s,
    )
  })
})
