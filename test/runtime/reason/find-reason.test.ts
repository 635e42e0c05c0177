// From a log to a reason: a worker with the real core runs for minutes of virtual time, writes
// snapshots and orders a restart; the reason is found in what its journal names, beginning with a
// snapshot where there is one that lies far enough back.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createSerde, type Serde } from '../../../src/adapters/serde/serde.ts'
import type { IncidentEvent, RecordOf } from '../../../src/contracts/records.ts'
import type { RecordView } from '../../../src/contracts/record.ts'
import { createServiceCore } from '../../../src/core/tasks/service-task.ts'
import { findReason, type FindReasonOptions } from '../../../src/runtime/reason/find-reason.ts'
import { serviceTask } from '../../../src/runtime/task-spec.ts'
import { viewOf } from '../../support/core-driver.ts'
import { EngineRig, TOY_CLUSTER } from '../../support/engine-rig.ts'
import { heartbeat, policy, probe, serviceEvent } from '../../support/records.ts'
import { NEVER, OFTEN } from '../../support/snapshots.ts'

type Sent = 'policies' | 'operator' | 'service-events' | 'signals'
const NAMES = ['shop-1', 'shop-2', 'shop-3']
const DOCUMENT = {
  apiVersion: 'healstream.io/v1',
  kind: 'HealPolicy',
  metadata: { name: 'restart-sick' },
  spec: {
    match: { services: ['*'] },
    mode: 'enforce',
    trigger: 'health == "unhealthy"',
    action: 'restart_instance',
  },
}

let rig: EngineRig
let serde: Serde
beforeEach(async () => {
  rig = new EngineRig()
  serde = await createSerde({ prefix: 'hs.', clusterId: TOY_CLUSTER })
})
afterEach(() => rig.stop())

async function send<K extends Sent>(topic: K, ...records: readonly RecordOf[K][]): Promise<void> {
  const values = records.map((record) => serde.encode(topic, record))
  const key = topic === 'policies' ? 'restart-sick' : 'shop'
  await rig.sendBytes(topic, values, { partition: 0, key })
}

/** Three instances beat for `seconds`; the last beat of shop-2 says that it is down. */
async function play(seconds: number, snapshots: typeof OFTEN): Promise<IncidentEvent> {
  await rig.init({ behaviour: 1 })
  const parts = { decoder: serde, encoder: serde, createCore: createServiceCore }
  await rig.worker({ parts, snapshots, upgrade: 'hold' })
  await send('policies', policy({ name: 'restart-sick', document: DOCUMENT }))
  const now = (): number => rig.clock.nowMs()
  for (const instance of NAMES) {
    await send('service-events', serviceEvent({ instance, atMs: now(), action: 'register' }))
    await send('signals', probe({ instance, atMs: now(), verdict: 'up' }))
  }
  for (let second = 2; second < seconds; second++) {
    const beats = NAMES.map((instance) => heartbeat({ instance, atMs: now(), seq: second }))
    await send('signals', ...beats)
    await rig.clock.advance(1_000)
  }
  await send('signals', probe({ instance: 'shop-2', atMs: now(), verdict: 'down', seq: 9_999 }))
  let found: IncidentEvent | undefined
  await rig.until('a restart is ordered', async () => {
    const records = await rig.records('incidents')
    const events = records.map(({ offset, timestampMs, key, value }) => {
      const decoded = serde.decode('incidents', viewOf({ offset, timestampMs, key, value }))
      if (!decoded.ok) throw new Error(decoded.detail)
      return decoded.record
    })
    found = events.find(({ event }) => event === 'commanded')
    return found !== undefined
  })
  if (found === undefined) throw new Error('nothing was ordered')
  return found
}

function asked(event: IncidentEvent, more: Partial<FindReasonOptions> = {}): FindReasonOptions {
  const { incident_id: incidentId, seq, step_seq: stepSeq, at_ms: atMs } = event
  return {
    log: rig.log,
    clock: rig.clock,
    decoder: serde,
    createCore: createServiceCore,
    prefix: 'hs.',
    clusterId: TOY_CLUSTER,
    spec: serviceTask(0),
    signal: new AbortController().signal,
    decision: { incidentId, seq, stepSeq, atMs },
    spanMs: 65_000,
    recordsMax: 100_000,
    limitMs: 60_000,
    ...more,
  }
}

function wordsOf(view: RecordView): string {
  const decoded = serde.decode('signals', view)
  return decoded.ok ? `${decoded.record.instance} ${decoded.record.kind}` : decoded.detail
}

test('from a snapshot that lies far enough back', async () => {
  const event = await play(200, OFTEN)
  const reason = await rig.run(findReason(asked(event)))
  expect(reason.isMinimal).toBe(true)
  const spanMs = reason.decidedMs - reason.sinceMs
  expect(spanMs).toBeGreaterThan(64_000)
  expect(spanMs).toBeLessThan(150_000)
  // What shop-2 and the policy were before lies in the state; what the probe says does not.
  const said = reason.records.map(({ view }) => wordsOf(view))
  expect(said.filter((words) => words === 'shop-2 probe')).toHaveLength(1)
  expect(said.length).toBeLessThanOrEqual(4)
}, 60_000)

test('from the genesis, where nothing else is early enough: with policy and all', async () => {
  const event = await play(20, NEVER)
  const reason = await rig.run(findReason(asked(event)))
  expect(reason.isMinimal).toBe(true)
  const topics = reason.records.map(({ topic }) => topic)
  expect(topics).toContain('policies')
  expect(topics.length).toBeLessThanOrEqual(6)
}, 60_000)

test('a step that the journal does not hold is said to be missing', async () => {
  const event = await play(5, NEVER)
  const { incidentId, seq, stepSeq, atMs } = asked(event).decision
  const late = { incidentId, seq, stepSeq: stepSeq + 1_000_000, atMs }
  await expect(rig.run(findReason(asked(event, { decision: late })))).rejects.toMatchObject({
    code: 'HS_NOT_FOUND',
  })
}, 60_000)

test('an aborted search ends', async () => {
  const event = await play(5, NEVER)
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(rig.run(findReason(asked(event, { signal })))).rejects.toThrow('enough')
}, 60_000)
