// Several projectors on one real Redis (reliability F37 to F39 as a reader sees them): all show the
// same, a flushed Redis is filled again, and whatever else is wrong with it, each answers alone,
// says why, and comes back by itself.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createRedisViews } from '../../../src/adapters/redis/redis-views.ts'
import type { Projector } from '../../../src/roles/projector/projector.ts'
import { recencyHeaders, recencyOf } from '../../../src/roles/projector/view-recency.ts'
import { mustRun, type RedisServer, startRedis } from '../../adapters/redis/server.ts'
import { aHealth } from './records.ts'
import { KEY, ready, Rig } from './rig.ts'

describe.skipIf(!mustRun)('a shared Redis', () => {
  let rig: Rig
  let server: RedisServer
  let version = 0

  const projector = (): Projector => {
    const redis = { url: server.url, timeoutMs: 400 }
    return rig.project(createRedisViews({ redis, prefix: 'hs.', clusterId: 'c1' }))
  }
  const say = async (reason: string): Promise<void> => {
    await rig.send(rig.outgoing('health', KEY, aHealth({ reason, version: ++version })))
  }
  const shows = (one: Projector, source: string, reason: string, withinMs = 20_000) =>
    expect
      .poll(
        () => {
          const { source: from, model } = one.answer()
          return `${from}: ${model.instances()[0]?.reason}`
        },
        { timeout: withinMs },
      )
      .toBe(`${source}: ${reason}`)
  const rebuilt = () =>
    rig.events.filter(({ kind, fields }) => {
      return kind === 'views_rebuilt' && fields['store'] === 'redis'
    }).length

  beforeEach(async () => {
    rig = await Rig.open()
    await rig.createTopics()
    server = await startRedis()
    await say('first')
  })
  afterEach(async () => {
    await rig.close()
    await server.stop()
  })

  test('all show the same; who comes later reads nothing from the start', async () => {
    const one = projector()
    await shows(one, 'redis', 'first')
    expect(rebuilt()).toBe(1)
    const other = projector()
    await shows(other, 'redis', 'first')
    await say('second')
    await shows(one, 'redis', 'second')
    await shows(other, 'redis', 'second')
    expect(rebuilt()).toBe(1)
    expect(one.answer().problem).toBeNull()
    expect(Date.now() - one.answer().asOfMs).toBeLessThan(10_000)
  })

  test('flushed under two: it is filled again, once or twice, and shown again', async () => {
    const [one, other] = [projector(), projector()]
    await shows(one, 'redis', 'first')
    await shows(other, 'redis', 'first')
    await server.say('FLUSHALL')
    await say('after')
    for (const each of [one, other]) await shows(each, 'redis', 'after')
    const shown = await server.say('GET', 'hs.views:{c1}:shown')
    // The generation does not flap: it is the same one some writes later.
    await say('later')
    for (const each of [one, other]) await shows(each, 'redis', 'later')
    expect(await server.say('GET', 'hs.views:{c1}:shown')).toBe(shown)
  })

  test('read-only and full: each answers alone, says why, and returns', async () => {
    const one = projector()
    await shows(one, 'redis', 'first')
    for (const [name, broken, mended] of [
      ['read-only', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
      ['full', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']],
    ] as const) {
      await server.say(...broken)
      await say(name)
      await shows(one, 'memory', name)
      expect(one.answer().problem).toMatch(/^redis: .*this process answers alone$/)
      expect(one.notReady()).toEqual([])
      await server.say(...mended)
      await shows(one, 'redis', name, 40_000)
    }
    const failures = rig.events.filter(({ kind }) => kind === 'views_failed')
    expect(failures.map(({ fields }) => fields['code'])).toContain('READ_ONLY')
    expect(failures.map(({ fields }) => fields['code'])).toContain('OUT_OF_MEMORY')
  }, 120_000)

  test('a row that somebody else wrote: a new generation is built', async () => {
    const one = projector()
    await shows(one, 'redis', 'first')
    const before = await server.say('GET', 'hs.views:{c1}:shown')
    const id = before.split('\r\n')[1] ?? ''
    const rows = `hs.views:{c1}:${id}:health:rows`
    await server.say('HSET', rows, KEY, '{"partition":1}')
    // A row is read again when it is new to the reader.
    const other = projector()
    await expect.poll(() => server.say('GET', 'hs.views:{c1}:shown')).not.toBe(before)
    for (const each of [one, other]) await shows(each, 'redis', 'first')
  })

  test('slow: questions are answered meanwhile', async () => {
    const one = projector()
    await shows(one, 'redis', 'first')
    await server.say('CLIENT', 'PAUSE', '4000', 'ALL')
    await say('meanwhile')
    await shows(one, 'memory', 'meanwhile')
    await shows(one, 'redis', 'meanwhile', 40_000)
    const ages = rig.events.filter(({ kind }) => kind === 'views_age')
    expect(new Set(ages.map(({ fields }) => fields['store']))).toEqual(new Set(['memory', 'redis']))
  }, 60_000)

  test('gone from the start: it is what a projector without one is', async () => {
    await server.stop()
    const one = projector()
    await ready(one)
    await shows(one, 'memory', 'first')
    expect(recencyOf(new Headers(recencyHeaders(one.answer(), Date.now())))).toMatchObject({
      source: 'memory',
      problem: 'redis: Redis cannot be reached; this process answers alone',
    })
  })
})
