// The conformance suite on real brokers: three with every topic on all of them, and one. Where both
// are there beside other tests, one has its turn with `./scripts/test --full`.
import { afterAll, beforeAll, describe, test } from 'vitest'
import { CASES } from '../conformance/cases.ts'
import { createKafkaRig } from '../conformance/kafka-rig.ts'
import { isFull } from '../support/full.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'

const ONE = { name: 'one broker', nodes: 1 as const }
const THREE = { name: 'three brokers', nodes: 3 as const }
const isShared = process.env['HEALSTREAM_TEST_KAFKA_THREE'] !== undefined

describe.concurrent.each(isShared && !isFull ? [THREE] : [ONE, THREE])('$name', ({ nodes }) => {
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
