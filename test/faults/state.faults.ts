// Faults of what is stored: snapshots, journals, disks, clocks.
import type { Fault } from './script.ts'

export const STATE_FAULTS: readonly Fault[] = []
