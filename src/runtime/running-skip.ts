// The record that the core cannot take: its skip and its letter, in one transaction with the steps
// before it (DESIGN.md section 5, poison).
import { HsError } from '../contracts/failure.ts'
import type { Pending } from './pending.ts'
import type { RunOptions } from './run-options.ts'
import { poisonLetter } from './seal.ts'
import { type CheckedSlice, firstRecord } from './stepper.ts'

/** A core that has refused so many records in a row is broken itself. */
export const SKIPS_IN_A_ROW_MAX = 8

export interface Skipped {
  /** The record alone. */
  readonly slice: CheckedSlice
  /** What the core said. */
  readonly reason: string
  readonly pending: Pending
  /** Skips right before this one. */
  readonly inRow: number
  /** Log time. */
  readonly nowMs: number
}

/** Errors: HS_INTERNAL for one skip too many; as Chain.append. */
export async function skipAlone(
  { chain, instruments, spec, seal }: RunOptions,
  { slice, reason, pending, inRow, nowMs }: Skipped,
): Promise<void> {
  const { topic, partition, from } = slice
  const record = firstRecord(slice)
  if (record === null) throw new HsError('HS_INTERNAL', 'a slice without a record failed')
  if (inRow >= SKIPS_IN_A_ROW_MAX)
    throw new HsError(
      'HS_INTERNAL',
      `${SKIPS_IN_A_ROW_MAX} records in a row could not be taken, last ` +
        `${topic}-${partition}@${record.offset}: ${reason}`,
    )
  const letter = poisonLetter(seal, slice, { record, reason, nowMs })
  const position = { topic, partition, offset: record.offset }
  const skip = { kind: 'skip', record: position, from, reason } as const
  const steps = pending.isEmpty ? [] : [pending.entry(null)]
  await chain.append([...pending.records, letter], [...steps, skip])
  instruments.emit('poison_skipped', { task: spec.task, reason, ...position })
}
