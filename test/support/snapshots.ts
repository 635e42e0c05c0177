// What tests of snapshots share: plans that write often or never, restores with and without them,
// and the parts of two restores that have to be equal.
import type { SnapshotPart } from '../../src/contracts/records.ts'
import type { EventFields, EventKind, Instruments } from '../../src/runtime/instruments.ts'
import type { LogPort } from '../../src/runtime/ports.ts'
import type { Replay, ReplayOptions, Restored } from '../../src/runtime/replay.ts'
import { restore } from '../../src/runtime/restore.ts'
import { SNAPSHOT_PLAN, type SnapshotPlan } from '../../src/runtime/snapshot-cadence.ts'
import { serviceTask } from '../../src/runtime/task-spec.ts'
import { type EngineRig, type RigWorker, TOY_CLUSTER } from './engine-rig.ts'
import { type Tamper, tamperedLog } from './tampered-log.ts'
import { createToy, type Toy, toyDecoder } from './toy-core.ts'

/** A snapshot after every few steps, however little they cost. */
export const OFTEN: SnapshotPlan = { ...SNAPSHOT_PLAN, tailMs: 1, paceMs: 5, closeMs: 0 }
export const NEVER: SnapshotPlan = {
  ...SNAPSHOT_PLAN,
  tailMs: 1e12,
  checkpointEveryMs: 1e12,
  renewEveryMs: 1e12,
  closeMs: 0,
}
export const SNAPSHOTS = 'hs.snapshots'
const BALLAST = 500_000

/** One whose image is of three pieces. */
export function heavyToy(): Toy {
  const toy = createToy()
  toy.ballast = BALLAST
  return toy
}

export interface Noted {
  readonly events: { kind: EventKind; fields: EventFields }[]
  readonly instruments: Instruments
}

export function noted(): Noted {
  const events: { kind: EventKind; fields: EventFields }[] = []
  return { events, instruments: { emit: (kind, fields) => events.push({ kind, fields }) } }
}

export interface Outcome {
  readonly restored: Restored
  readonly events: Noted['events']
}

export interface How {
  readonly log?: LogPort
  readonly toy?: Toy
  readonly warm?: Replay | null
}

export function replayOptions(cluster: EngineRig, { log, toy }: How = {}): ReplayOptions {
  return {
    log: log ?? cluster.log,
    clock: cluster.clock,
    decoder: toyDecoder,
    createCore: (toy ?? heavyToy()).createCore,
    prefix: 'hs.',
    clusterId: TOY_CLUSTER,
    spec: serviceTask(0),
    signal: new AbortController().signal,
  }
}

export async function restored(cluster: EngineRig, how: How = {}): Promise<Outcome> {
  const { events, instruments } = noted()
  const options = { ...replayOptions(cluster, how), group: 'healstream', instruments }
  const found = await cluster.run(restore({ ...options, warm: how.warm ?? null }))
  return { restored: found, events }
}

/** The fold from the genesis: no snapshot is there. */
export async function folded(cluster: EngineRig, toy: Toy = heavyToy()): Promise<Restored> {
  const none: Tamper = {
    end: (topic) => (topic === SNAPSHOTS || topic === 'hs.checkpoints' ? 0 : null),
  }
  return (await restored(cluster, { log: tamperedLog(cluster.log, none), toy })).restored
}

export const refusals = ({ events }: Outcome): readonly unknown[] =>
  events.flatMap(({ kind, fields }) => (kind === 'snapshot_refused' ? [fields['reason']] : []))

export const written = (worker: RigWorker, kind: string = 'snapshot'): readonly EventFields[] =>
  worker.events.flatMap((e) =>
    e.kind === 'snapshot_written' && e.fields['kind'] === kind ? [e.fields] : [],
  )

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Everything but what depends on where the restore began. */
export function comparable(found: Restored): unknown {
  const { core, tail: _tail, checkpointMs: _checkpoint, stateDigest, tip, ...rest } = found
  const image = core.image().map(hexOf)
  return { ...rest, image, stateDigest: hexOf(stateDigest), tip: hexOf(tip) }
}

export async function steps(cluster: EngineRig, count: number, from: number = 0): Promise<void> {
  for (let i = 0; i < count; i++) {
    await cluster.send(i % 3 === 0 ? 'telemetry' : 'signals', [`v${from + i}`])
    await cluster.clock.advance(120)
  }
}

/** A worker that has written so many. */
export async function withSnapshots(cluster: EngineRig, count: number): Promise<RigWorker> {
  const worker = await cluster.worker({ toy: heavyToy(), snapshots: OFTEN })
  for (let i = 0; written(worker).length < count; i++) {
    if (i > 200) throw new Error('no snapshots are written')
    await steps(cluster, 4, i * 4)
  }
  return worker
}

export function partOf(value: Buffer): SnapshotPart {
  return JSON.parse(value.toString()) as SnapshotPart
}

export async function snapshotRecords(cluster: EngineRig): Promise<readonly SnapshotPart[]> {
  const records = await cluster.records('snapshots')
  return records.map(({ value }) => partOf(Buffer.from(value ?? [])))
}
