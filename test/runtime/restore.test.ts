// Restore on its own: equal at any point, bounded by nothing but the journal, and out of the way of
// the event loop while it works.
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { BEHAVIOUR_LATEST } from '../../src/core/kernel/behaviour.ts'
import { serviceTask } from '../../src/runtime/task-spec.ts'
import { SILENT } from '../../src/runtime/instruments.ts'
import type { Restored } from '../../src/runtime/replay.ts'
import { restore } from '../../src/runtime/restore.ts'
import { EngineRig, TOY_CLUSTER } from '../support/engine-rig.ts'
import { createToy, toyDecoder } from '../support/toy-core.ts'

const rigs: EngineRig[] = []

async function rig(): Promise<EngineRig> {
  const made = new EngineRig()
  rigs.push(made)
  await made.init()
  return made
}

afterEach(async () => {
  for (const made of rigs.splice(0)) await made.stop()
})

function restored(
  cluster: EngineRig,
  signal: AbortSignal = new AbortController().signal,
): Promise<Restored> {
  return cluster.run(
    restore({
      log: cluster.log,
      clock: cluster.clock,
      decoder: toyDecoder,
      createCore: createToy().createCore,
      instruments: SILENT,
      prefix: 'hs.',
      group: 'healstream',
      clusterId: TOY_CLUSTER,
      spec: serviceTask(0),
      signal,
    }),
  )
}

describe('restore', () => {
  test('of a new cluster: positions and behaviour of the genesis', async () => {
    const cluster = await rig()
    await cluster.send('signals', ['not yet used'])
    const found = await restored(cluster)
    expect(found).toMatchObject({ gen: 0, seq: 0, skipsInRow: 0, wakeAtMs: null })
    expect(found.behaviour).toBe(BEHAVIOUR_LATEST)
    expect(found.positions).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
    expect(found.lastFence).toBe(null)
  })

  test('of a journal with an unknown behaviour stops, and says what to do', async () => {
    const cluster = new EngineRig()
    rigs.push(cluster)
    await cluster.init({ behaviour: BEHAVIOUR_LATEST + 1 })
    await expect(restored(cluster)).rejects.toMatchObject({
      code: 'HS_CONFIG',
      message: expect.stringContaining(`behaviour ${BEHAVIOUR_LATEST + 1} is in force`),
      fix: 'Run a newer healstream on this cluster.',
    })
  })

  test('carries over when the core wants to be woken and how far topics were read', async () => {
    const cluster = await rig()
    const worker = await cluster.worker()
    await cluster.clock.advance(2_000)
    await cluster.send('signals', ['tick 60000'])
    await cluster.until('used', () => cluster.drained())
    worker.kill()
    const found = await restored(cluster)
    expect(found.wakeAtMs).toBe(found.nowMs + 60_000)
    expect(found.asOf.telemetry).toBeGreaterThan(0)
    expect(found.movedSinceFence).toBe(true)
  })

  test('at any moment it is a point of the one history', async () => {
    const batch = fc.record({
      topic: fc.constantFrom('signals' as const, 'telemetry' as const, 'remote' as const),
      values: fc.array(fc.constantFrom('a', 'urgent', 'boom'), { minLength: 1, maxLength: 4 }),
      passMs: fc.nat({ max: 1_500 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 8 }), async (batches) => {
        const cluster = await rig()
        await cluster.worker()
        const seen: { seq: number; digest: string }[] = []
        for (const { topic, values, passMs } of batches) {
          await cluster.send(topic, values)
          await cluster.clock.advance(passMs)
          const { seq, stateDigest } = await restored(cluster)
          seen.push({ seq, digest: Buffer.from(stateDigest).toString('hex') })
        }
        const bySeq = new Map<number, string>()
        for (const { seq, digest } of seen) {
          expect(bySeq.get(seq) ?? digest).toBe(digest)
          bySeq.set(seq, digest)
        }
        expect(seen.map(({ seq }) => seq)).toEqual(seen.map(({ seq }) => seq).sort((a, b) => a - b))
        await rigs.pop()?.stop()
      }),
      { numRuns: 15 },
    )
  })

  test('lets the event loop run while it steps', async () => {
    const cluster = await rig()
    const worker = await cluster.worker()
    for (let i = 0; i < 300; i++) {
      await cluster.send('signals', ['a'])
      await cluster.clock.advance(5)
    }
    await cluster.until('used', () => cluster.drained())
    worker.kill()
    let turns = 0
    const beat = setInterval(() => turns++, 0)
    const turning = setImmediate(function turn() {
      turns++
      next = setImmediate(turn)
    })
    let next = turning
    const found = await restored(cluster)
    clearInterval(beat)
    clearImmediate(next)
    expect(found.seq).toBeGreaterThan(200)
    expect(turns).toBeGreaterThan(2)
  })

  test('ends when the task is closed', async () => {
    const cluster = await rig()
    const stop = new AbortController()
    stop.abort(new Error('closed'))
    await expect(restored(cluster, stop.signal)).rejects.toThrow('closed')
  })
})
