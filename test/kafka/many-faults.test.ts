// S0-39 and S0-57 on real brokers with workers in processes of their own: five hundred faults, each
// incident with its four parts in causal order, no orphan command, every loop closed; and from any
// record of any of them all its others are reached by ids. Only with HEALSTREAM_TEST_FULL=true.
import { beforeAll, describe, expect, test } from 'vitest'
import { checkLinks, checkLoops } from '../support/fault-links.ts'
import { FaultMill, type Read } from '../support/fault-mill.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'
import { KafkaLoop } from './kafka-loop.ts'

const PARTITIONS = 6
const FAULTS = 500
const LIMIT_MS = 500_000

let kafka: TestKafka
let loop: KafkaLoop

async function end(): Promise<void> {
  await loop.end()
  await kafka.stop()
}

describe('five hundred faults', () => {
  beforeAll(async () => {
    kafka = await startKafka({ nodes: 1 })
    loop = await KafkaLoop.begin(kafka.brokers, PARTITIONS)
    await loop.worker()
    await loop.worker()
  })
  test(
    'S0-39, S0-57: every loop is closed, every record leads to all others',
    async () => {
      const { log, serde, prefix } = loop.rig
      const mill = new FaultMill({ log, serde, prefix, partitions: PARTITIONS })
      const startedMs = performance.now()
      // Nothing else goes on while all of it is looked at.
      let reads: readonly Read[] = []
      try {
        reads = await mill.run(FAULTS, LIMIT_MS)
      } finally {
        await end()
      }
      console.log(`${FAULTS} faults in ${Math.round((performance.now() - startedMs) / 1_000)} s`)
      checkLoops(reads, FAULTS)
      checkLinks(reads, FAULTS)
      expect(reads.filter(({ kind }) => kind === 'alerts').length).toBeGreaterThanOrEqual(FAULTS)
    },
    LIMIT_MS + 60_000,
  )
})
