// The log under a `loop` bench, embedded or on brokers, and how the bench looks at it.
import { performance } from 'node:perf_hooks'
import { createMemoryLog } from '../dist/adapters/memory/memory-log.js'
import { DEFAULT_PARTITIONS, DEFAULT_PREFIX } from '../dist/contracts/topics.js'
import { brokerLog } from '../dist/roles/demo/demo-log.js'
import { systemClock } from '../dist/runtime/clock.js'

/**
 * @typedef {{
 *   demo: import('../dist/roles/demo/demo-log.js').DemoLog,
 *   sight: () => import('./loop-sight.mjs').Sight,
 * }} BenchLog
 */

/** @returns {BenchLog} */
export function embedded() {
  const log = createMemoryLog()
  return {
    demo: {
      name: 'memory',
      prefix: DEFAULT_PREFIX,
      partitions: DEFAULT_PARTITIONS,
      group: 'healstream',
      place: null,
      connect: () => log.broker.connect(),
      async end() {
        await log.close()
        return null
      },
    },
    sight() {
      let arrivedMs = 0
      const client = log.broker.connect({
        transport: (inner) => async (api, request, limits) => {
          const answer = await inner(api, request, limits)
          if (api === 'fetch') arrivedMs = performance.now()
          return answer
        },
      })
      return { log: client, arrivedMs: () => arrivedMs }
    },
  }
}

/** @param {readonly string[]} brokers @returns {BenchLog} */
export function onBrokers(brokers) {
  const demo = brokerLog({ brokers, clock: systemClock })
  return {
    demo,
    sight: () => ({ log: demo.connect('sight'), arrivedMs: () => performance.now() }),
  }
}
