// The conformance suite of views on every store: in this process, and on a real Redis.
import { afterAll, beforeAll, describe, test } from 'vitest'
import { createMemoryViews } from '../../src/adapters/memory/memory-views.ts'
import { createRedisViews } from '../../src/adapters/redis/redis-views.ts'
import { mustRun, type RedisServer, startRedis } from '../adapters/redis/server.ts'
import { CASE_LIMITS as limits, VIEW_CASES } from './views.ts'

describe('memory', () => {
  for (const [name, run] of Object.entries(VIEW_CASES))
    test(name, () => run(createMemoryViews(limits)))
})

describe.skipIf(!mustRun)('redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())
  for (const [i, [name, run]] of Object.entries(VIEW_CASES).entries())
    test(name, async () => {
      const redis = { url: server.url }
      const store = createRedisViews({ redis, prefix: 'hs.', clusterId: `c${i}`, limits })
      await run(store)
      await store.close()
    })
})
