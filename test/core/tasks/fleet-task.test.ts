// The core of the fleet task by its records: when it pulses, to whom, and when it gives nothing.
import { beforeEach, describe, expect, test } from 'vitest'
import { eventId, serviceId } from '../../../src/contracts/ids.ts'
import { encodeUtf8 } from '../../../src/contracts/utf8.ts'
import type { FleetRecord, Observation } from '../../../src/contracts/records.ts'
import { serviceTask } from '../../../src/core/fleet/term.ts'
import { createFleetCore } from '../../../src/core/tasks/fleet-task.ts'
import { CoreDriver, sliceOf, testContext, testSerde } from '../../support/core-driver.ts'
import { operator } from '../../support/records.ts'

const P = 3
const options = { partitionCount: P, behaviour: 2, taskId: 'fleet', core: createFleetCore }
let serde: Awaited<ReturnType<typeof testSerde>>
let fleet: CoreDriver
let seq = 0

beforeEach(async () => {
  serde = await testSerde()
  seq = 0
  fleet = new CoreDriver(serde, { ...options, inputs: ['policies', 'operator', 'observations'] })
})

function observation(p: number, some: Partial<Observation> = {}): Observation {
  seq += 1
  return {
    task: serviceTask(p),
    gen: 1,
    seq,
    at_ms: fleet.nowMs,
    urgent: false,
    services: [],
    reporters: [],
    leases: [],
    waiting: 0,
    stock: 0,
    fleet_seq: 0,
    ...some,
  }
}

/** Each with the partition that it lies in. */
function reads(records: readonly (readonly [number, Observation])[]): FleetRecord[] {
  const slices = records.map(([partition, record], offset) => {
    const key = encodeUtf8(`task:${record.task}`)
    const value = serde.encode('observations', record)
    return sliceOf('observations', partition, [{ offset, timestampMs: fleet.nowMs, key, value }])
  })
  const said = fleet.stepOver(slices).outputs
  return said.flatMap(({ topic, body }) => (topic === 'fleet' && body !== null ? [body] : []))
}

const everybody = (some: Partial<Observation> = {}): readonly (readonly [number, Observation])[] =>
  [0, 1, 2].map((p) => [p, observation(p, some)] as const)
const kinds = (records: readonly FleetRecord[]): string[] =>
  records.map(({ kind, task }) => `${kind} ${task}`)

describe('pulses', () => {
  test('none before every task was heard; then one to each', () => {
    expect(reads(everybody().slice(0, 2))).toEqual([])
    expect(kinds(reads([[2, observation(2)]]))).toEqual(['pulse s0', 'pulse s1', 'pulse s2'])
    expect(fleet.last.outputs.map(({ partition }) => partition)).toEqual([0, 1, 2])
    expect(fleet.last.urgent).toBe(true)
  })

  test('every ten seconds while all is quiet, every second while something deviates', () => {
    reads(everybody())
    fleet.sleep(9_999)
    expect(fleet.bodies('fleet')).toHaveLength(3)
    fleet.wait(1)
    expect(reads(everybody())).toHaveLength(3)
    const sick = {
      service: serviceId('shop'),
      instances: 3,
      healthy: 2,
      unstable: 0,
      unhealthy: 1,
      unknown: 0,
      routable: 2,
      n: 0,
      errors: 0,
      p99_us: null,
      onset_ms: fleet.nowMs,
      sick_by_zone: { a: 1 },
    }
    fleet.wait(1_000)
    reads(everybody({ services: [sick] }))
    const before = fleet.bodies('fleet').length
    fleet.sleep(5_000)
    expect(fleet.bodies('fleet').length - before).toBe(5 * P)
  })

  test('none of a time up to which not everybody was read, none while behind', () => {
    reads(everybody())
    fleet.wait(10_000)
    const { nowMs } = fleet
    for (const asOf of [{}, { observations: nowMs - 5_001 }]) {
      expect(fleet.step({ asOf: { policies: nowMs, operator: nowMs, ...asOf } }).outputs).toEqual(
        [],
      )
    }
    expect(fleet.step({ behind: true }).outputs).toEqual([])
    expect(fleet.step().outputs).toHaveLength(P)
  })

  test('none while a task is not heard any more', () => {
    reads(everybody())
    fleet.wait(16_000)
    expect(reads(everybody().slice(0, 2))).toEqual([])
    expect(reads([[2, observation(2)]])).toHaveLength(P)
  })
})

describe('leases', () => {
  /** Everybody has answered the first pulse. */
  function ready(): void {
    const [first] = reads(everybody())
    fleet.wait(100)
    const answered = Number(first?.seq) + P
    reads(everybody({ fleet_seq: answered }))
  }

  test('nothing is given before everybody has answered; then to whom waits', () => {
    reads(everybody({ waiting: 1 }))
    fleet.wait(100)
    expect(reads(everybody({ waiting: 1 }))).toEqual([])
    const answered = fleet.nowMs
    fleet.wait(100)
    const given = reads(everybody({ waiting: 1, fleet_seq: answered }))
    expect(kinds(given)).toEqual(['grant s0', 'grant s1', 'grant s2'])
    expect(given.map(({ grant }) => grant?.tokens)).toEqual([1, 1, 1])
    fleet.wait(100)
    // Already on its way.
    expect(reads([[0, observation(0, { waiting: 1, fleet_seq: answered })]])).toEqual([])
  })

  test('half of the budget stays for those who wait', () => {
    ready()
    const given = reads(everybody({ stock: 2, fleet_seq: fleet.nowMs }))
    expect(given.filter(({ kind }) => kind === 'grant')).toHaveLength(3)
  })

  test('a human hold of the fleet: nothing is given', () => {
    ready()
    const scope = { fleet: true, service: null, instance: null, policy: null }
    fleet.operator(operator({ id: 'stop', kind: 'hold', scope }))
    fleet.step()
    const wanting = { waiting: 1, fleet_seq: fleet.nowMs }
    expect(kinds(reads(everybody(wanting)))).toEqual([])
    fleet.operator(operator({ id: eventId('go'), kind: 'release', refers_to: 'stop' }))
    fleet.step()
    const said = fleet.last.outputs
    expect(said.map(({ key }) => key)).toEqual(['task:s0', 'task:s1', 'task:s2'])
  })

  test('nothing is given past words of people that may lie unread', () => {
    ready()
    const { nowMs } = fleet
    fleet.step({ asOf: { policies: nowMs, observations: nowMs, operator: nowMs - 5_001 } })
    reads([])
    expect(fleet.bodies('fleet').filter(({ kind }) => kind === 'grant')).toEqual([])
  })

  // A wide open door otherwise: who can write to a partition could return what others hold.
  test('a task is believed about itself alone', () => {
    const key = encodeUtf8('task:s1')
    const value = serde.encode('observations', observation(1))
    const held = { offset: 0, timestampMs: fleet.nowMs, key, value }
    fleet.stepOver([sliceOf('observations', 0, [held])])
    expect(fleet.bodies('dlq')).toMatchObject([
      { origin_topic: 'observations', origin_partition: 0, reason: 'foreign_task' },
    ])
  })

  test('what cannot be read goes to the dead letters', () => {
    const held = {
      offset: 7,
      timestampMs: fleet.nowMs,
      key: null,
      value: new Uint8Array([1, 2, 3]),
    }
    fleet.stepOver([sliceOf('observations', 2, [held])])
    // Service task 0 reads the same words of people, and tells of them.
    fleet.stepOver([sliceOf('policies', 0, [held]), sliceOf('operator', 0, [held])])
    expect(fleet.bodies('dlq')).toMatchObject([
      { origin_topic: 'observations', origin_partition: 2, origin_offset: 7 },
    ])
  })
})

test('by behaviour 1 it listens and says nothing; from the upgrade on it speaks', () => {
  const inputs = ['policies', 'operator', 'observations'] as const
  fleet = new CoreDriver(serde, { ...options, behaviour: 1, inputs })
  expect(reads(everybody())).toEqual([])
  expect(fleet.last.wakeAtMs).toBeNull()
  fleet.core.setBehaviour(2)
  expect(fleet.step().outputs).toHaveLength(P)
})

test('a core made from an image goes on as the one it was taken of', () => {
  reads(everybody({ stock: 1 }))
  fleet.wait(100)
  reads(everybody({ stock: 1, fleet_seq: fleet.nowMs }))
  const image = Buffer.concat(fleet.core.image())
  const again = createFleetCore(testContext(serde, options), new Uint8Array(image))
  expect(Buffer.concat(again.image())).toEqual(image)
  const step = { seq: 9, nowMs: fleet.nowMs + 20_000, behind: false, slices: [] }
  const asOf = { policies: step.nowMs, operator: step.nowMs, observations: step.nowMs }
  expect(again.step({ ...step, asOf })).toEqual(fleet.core.step({ ...step, asOf }))
  expect(() => createFleetCore(testContext(serde, options), image.subarray(1))).toThrow('image')
})
