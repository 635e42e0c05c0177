// What a replay holds an entry of the journal against, and what it makes a core with.
import type { Decoder } from '../contracts/decode.ts'
import { HsError } from '../contracts/failure.ts'
import type { ClusterId, TaskId } from '../contracts/ids.ts'
import type { FenceEntry, GenesisEntry, InputPosition } from '../contracts/journal.ts'
import { BEHAVIOUR_FIRST, BEHAVIOUR_LATEST, knowsBehaviour } from '../core/kernel/behaviour.ts'
import { hex } from '../core/kernel/canonical.ts'
import type { CoreContext } from '../core/kernel/step.ts'
import { sha256 } from './journal.ts'
import { checkFormat, knowsFormat } from './snapshot-format.ts'
import type { TaskInput } from './stepper.ts'

interface Own {
  readonly clusterId: ClusterId
  readonly prefix: string
  readonly spec: { readonly task: TaskId; readonly partition: number }
}

const NEWER = { fix: 'Run a newer healstream on this cluster.' }

/** Errors: HS_FOREIGN_CLUSTER, HS_CHAIN_BROKEN, HS_CONFIG (format). */
export function checkGenesis(genesis: GenesisEntry, { spec, clusterId, prefix }: Own): void {
  if (genesis.clusterId !== clusterId)
    throw new HsError(
      'HS_FOREIGN_CLUSTER',
      `the journal of ${spec.task} belongs to cluster ${genesis.clusterId}, this is ${clusterId}`,
    )
  if (genesis.task !== spec.task || genesis.prefix !== prefix)
    throw new HsError(
      'HS_CHAIN_BROKEN',
      `the genesis of ${spec.task} is that of ${genesis.task} with prefix ${genesis.prefix}`,
    )
  checkFormat(genesis)
}

export function contextOf(
  { partitions, scale, lastTip, atMs }: GenesisEntry,
  behaviour: number,
  { spec, clusterId, decoder }: Own & { readonly decoder: Decoder },
): CoreContext {
  const { task: taskId, partition } = spec
  return {
    clusterId,
    taskId,
    partition,
    partitionCount: partitions,
    behaviour,
    scale,
    ...(lastTip === null ? {} : { afterLossMs: atMs }),
    sha256,
    decoder,
  }
}

/** An older binary must not go on with a judgement that it does not have. Errors: HS_CONFIG. */
export function knownBehaviour(behaviour: number, place: string): number {
  if (knowsBehaviour(behaviour)) return behaviour
  const known = `${BEHAVIOUR_FIRST} to ${BEHAVIOUR_LATEST}`
  const what = `behaviour ${behaviour} is in force, this build knows ${known}`
  throw new HsError('HS_CONFIG', `${place}: ${what}`, NEWER)
}

/** Nor write states as it cannot. Errors: HS_CONFIG. */
export function knownFormat(format: number, place: string): number {
  if (knowsFormat(format)) return format
  const what = `states are of format ${format} from here, which this build does not know`
  throw new HsError('HS_CONFIG', `${place}: ${what}`, NEWER)
}

/** A fence is at the place where the steps before it end. Errors: HS_CHAIN_BROKEN. */
export function checkPositions(
  fence: FenceEntry,
  inputs: readonly TaskInput[],
  found: { readonly positions: readonly number[]; readonly place: string },
): void {
  for (const [i, { topic, partition }] of inputs.entries()) {
    const recorded = offsetOf(fence.positions, { topic, partition })
    if (recorded !== found.positions[i])
      throw new HsError(
        'HS_CHAIN_BROKEN',
        `${found.place}: fence at ${topic}-${partition}@${recorded ?? 'none'}, ` +
          `the steps before it end at ${found.positions[i] ?? 'none'}`,
      )
  }
}

/** Two groups would take the task from each other for ever. Errors: HS_CONFIG. */
export function checkGroup(fence: FenceEntry | null, group: string, task: TaskId): void {
  if (fence === null || fence.group === group) return
  throw new HsError('HS_CONFIG', `${task} belongs to group ${fence.group}, this is ${group}`, {
    fix: 'Give all workers of a cluster the same group.',
  })
}

export function offsetOf(positions: readonly InputPosition[], at: TaskInput): number | null {
  const found = positions.find((p) => p.topic === at.topic && p.partition === at.partition)
  return found?.offset ?? null
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

/** The beginning of a hash, for people. */
export function shortHash(bytes: Uint8Array): string {
  return hex(bytes.subarray(0, 6))
}
