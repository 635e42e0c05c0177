// How many times a task that begins waits for an answer, counted over a way on which each takes
// 200 ms. It was 26 times: each thing that was read had a client of its own that asked for the
// topic's settings again, and the ends of one journal were asked for five times. On slow ways a
// restore took longer than the group left it in peace, so that tasks were restored in turns and
// never ran.
import { expect, test } from 'vitest'
import type { Transport } from '../../src/adapters/client/protocol.ts'
import type { LogPort } from '../../src/runtime/ports.ts'
import type { Replay } from '../../src/runtime/replay.ts'
import { SILENT } from '../../src/runtime/instruments.ts'
import { restore } from '../../src/runtime/restore.ts'
import { Standby } from '../../src/runtime/standby.ts'
import { serviceTask } from '../../src/runtime/task-spec.ts'
import { EngineRig, TOY_CLUSTER } from '../support/engine-rig.ts'
import { createToy, toyDecoder, toyEncoder } from '../support/toy-core.ts'

const WAY_MS = 200

/** A cluster whose task has made some steps and was left, and a slow way to it. */
async function left(): Promise<{ cluster: EngineRig; log: LogPort }> {
  const cluster = new EngineRig()
  await cluster.init()
  const worker = await cluster.worker()
  await cluster.send('signals', ['one', 'two', 'three'])
  await cluster.until('used', () => cluster.drained())
  worker.kill()
  await cluster.clock.advance(10_000)
  const slow = (inner: Transport): Transport => {
    return async (api, request, limits) => {
      await cluster.clock.sleep(WAY_MS)
      return inner(api, request, limits)
    }
  }
  return { cluster, log: cluster.log.broker.connect({ transport: slow }) }
}

const optionsOf = (cluster: EngineRig, log: LogPort) => ({
  log,
  clock: cluster.clock,
  decoder: toyDecoder,
  encoder: toyEncoder,
  createCore: createToy().createCore,
  instruments: SILENT,
  prefix: 'hs.',
  group: 'healstream',
  clusterId: TOY_CLUSTER,
  spec: serviceTask(0),
  signal: new AbortController().signal,
})

async function waits(cluster: EngineRig, log: LogPort, warm: Replay | null): Promise<number> {
  const sinceMs = cluster.clock.monotonicMs()
  const restored = await cluster.run(restore({ ...optionsOf(cluster, log), warm }))
  expect(restored.seq).toBeGreaterThan(0)
  return (cluster.clock.monotonicMs() - sinceMs) / WAY_MS
}

test('from cold: ends and snapshots, the journal, and what it names', async () => {
  const { cluster, log } = await left()
  // Nothing is known of any topic yet.
  expect(await waits(cluster, log, null)).toBeLessThan(10)
  expect(await waits(cluster, log, null)).toBeLessThan(8)
  await cluster.stop()
})

test('from what was kept warm: ends, and the journal', async () => {
  const { cluster, log } = await left()
  const standby = new Standby({ turn: Promise.resolve(), ...optionsOf(cluster, log) })
  await cluster.until('warm', () => standby.isReady)
  const warm = await cluster.run(standby.handOver())
  expect(warm).not.toBeNull()
  expect(await waits(cluster, log, warm)).toBeLessThan(4)
  await cluster.stop()
})
