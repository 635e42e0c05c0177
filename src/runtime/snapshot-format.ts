// The number of the layout in which states are written (runtime head and core image). It is part of
// the state: set by genesis, changed by an `upgrade` entry only.
import { HsError } from '../contracts/failure.ts'
import type { GenesisEntry } from '../contracts/journal.ts'

/** What this build writes. */
export const SNAPSHOT_FORMAT = 2
/** The oldest this build reads. */
export const SNAPSHOT_FORMAT_FIRST = 2

export function knowsFormat(format: number): boolean {
  return format >= SNAPSHOT_FORMAT_FIRST && format <= SNAPSHOT_FORMAT
}

/**
 * Errors: HsError HS_CONFIG for a journal that was begun in a format which this build does not
 * have.
 */
export function checkFormat(genesis: GenesisEntry): void {
  const { format, task, prefix } = genesis
  if (knowsFormat(format)) return
  const what =
    `the journal of ${task} was begun in format ${format}, ` +
    `this build knows ${SNAPSHOT_FORMAT_FIRST} to ${SNAPSHOT_FORMAT}`
  const fix =
    format > SNAPSHOT_FORMAT
      ? 'Run a newer healstream on this cluster.'
      : `Formats before ${SNAPSHOT_FORMAT_FIRST} were never released: initialise anew, under ` +
        `another prefix than ${prefix} or after deleting its topics.`
  throw new HsError('HS_CONFIG', what, { fix })
}
