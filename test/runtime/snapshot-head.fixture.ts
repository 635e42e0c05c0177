// Heads of snapshots, any of them.
import fc from 'fast-check'
import { clusterId, taskId } from '../../src/contracts/ids.ts'
import { TOPICS } from '../../src/contracts/topics.ts'
import type { RuntimeHead } from '../../src/runtime/snapshot-head.ts'

const topic = fc.constantFrom(...TOPICS.map(({ kind }) => kind))
const uint = fc.nat({ max: 2 ** 31 - 1 })
const ms = fc.integer({ min: 0, max: 4_000_000_000_000 })
const positions = fc.array(fc.record({ topic, partition: uint, offset: uint }), { maxLength: 9 })
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })

export const head: fc.Arbitrary<RuntimeHead> = fc.record({
  genesis: fc.record({
    kind: fc.constant('genesis' as const),
    clusterId: fc.constant(clusterId('cluster-a')),
    task: fc.constant(taskId('s3')),
    partitions: fc.integer({ min: 1, max: 512 }),
    prefix: fc.string({ maxLength: 12 }),
    positions,
    behaviour: uint,
    format: fc.constant(2),
    scale: fc.constantFrom(4 as const, 5 as const),
    dev: fc.boolean(),
    atMs: ms,
    lastTip: fc.option(fc.record({ offset: uint, hash })),
  }),
  lastFence: fc.record({
    kind: fc.constant('fence' as const),
    gen: uint,
    member: fc.string({ maxLength: 20 }),
    group: fc.string({ maxLength: 20 }),
    generation: uint,
    attempt: uint,
    suspect: fc.option(fc.record({ topic, partition: uint, offset: uint })),
    positions,
    stateDigest: hash,
  }),
  behaviour: uint,
  format: uint,
  seq: uint,
  nowMs: ms,
  asOf: fc.dictionary(topic, ms),
  wakeAtMs: fc.option(ms),
  positions,
  skipsInRow: uint,
  checkpointMs: ms,
})
