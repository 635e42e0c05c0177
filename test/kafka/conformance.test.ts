// The conformance suite on real brokers: one, and three with every topic on all of them.
import { afterAll, beforeAll, describe, test } from 'vitest'
import { CASES } from '../conformance/cases.ts'
import { createKafkaRig } from '../conformance/kafka-rig.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'

describe.concurrent.each([
  { name: 'one broker', nodes: 1 as const },
  { name: 'three brokers', nodes: 3 as const },
])('$name', ({ nodes }) => {
  let kafka: TestKafka
  beforeAll(async () => {
    kafka = await startKafka({ nodes })
  })
  afterAll(() => kafka.stop())

  // The long ones first.
  for (const one of CASES.toReversed())
    test(`${one.id}: ${one.title}`, async () => {
      const rig = createKafkaRig({ brokers: kafka.brokers, replicas: nodes })
      try {
        await one.run(rig)
      } finally {
        await rig.close()
      }
    })
})
