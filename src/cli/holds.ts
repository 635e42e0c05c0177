// Which holds are in force, asked before one is released: a name with a slip in it would be told as
// released, and everything stay held. Each partition is asked, because a release that has reached
// only some of them is to be repeated.
import type { Decoder } from '../contracts/decode.ts'
import { HsError } from '../contracts/failure.ts'
import type { OperatorRecord } from '../contracts/records.ts'
import { topicName } from '../contracts/topics.ts'
import { afterLossHold } from '../core/decision/holds.ts'
import { readBeginning } from '../runtime/init.ts'
import { boundsOf } from '../runtime/journal.ts'
import type { LogPort } from '../runtime/ports.ts'
import type { TaskSpec } from '../runtime/replay.ts'
import { allTasks } from '../runtime/task-spec.ts'
import { visitRange } from './read-range.ts'

export interface HoldsAt {
  readonly log: LogPort
  readonly decoder: Decoder
  readonly prefix: string
  /** P. */
  readonly partitions: number
  readonly nowMs: number
}

export interface HoldsInForce {
  /** Of any partition, each once. */
  readonly names: readonly string[]
  /** A journal's genesis has expired or cannot be read: it may have been begun after a loss. */
  readonly isCut: boolean
}

/** Errors: LogError of the log. */
export async function holdsInForce(at: HoldsAt): Promise<HoldsInForce> {
  const names = new Set<string>()
  let isCut = false
  for (let partition = 0; partition < at.partitions; partition++) {
    const held = new Map<string, number | null>()
    for (const spec of allTasks(at.partitions)) {
      if (spec.partition !== partition) continue
      const born = await heldAtBirth(at, spec)
      if (born === 'unknown') isCut = true
      else if (born !== null) held.set(born, null)
    }
    await follow(at, partition, held)
    for (const [name, endsMs] of held) if (endsMs === null || endsMs > at.nowMs) names.add(name)
  }
  return { names: [...names], isCut }
}

/** null: it was begun holding nothing. */
async function heldAtBirth({ log, prefix }: HoldsAt, spec: TaskSpec): Promise<string | null> {
  const at = { topic: topicName(spec.journal, prefix), partition: spec.partition }
  const genesis = await readBeginning(log, at).catch((error: unknown) => {
    if (error instanceof HsError) return 'expired' as const
    throw error
  })
  if (genesis === 'expired') return 'unknown'
  return genesis === null || genesis.lastTip === null ? null : afterLossHold(genesis.atMs)
}

async function follow(
  { log, decoder, prefix }: HoldsAt,
  partition: number,
  held: Map<string, number | null>,
): Promise<void> {
  const at = { topic: topicName('operator', prefix), partition }
  const { start, end } = await boundsOf(log, at)
  await visitRange(log, at, { from: start, to: end }, (view) => {
    const decoded = decoder.decode('operator', view)
    if (!decoded.ok) return
    const said: OperatorRecord = decoded.record
    if (said.kind === 'hold' || said.kind === 'kill_switch') held.set(said.id, said.expires_at_ms)
    else if (said.kind === 'release') held.delete(said.refers_to ?? '')
  })
}
