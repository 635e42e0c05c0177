// Faults of what comes in: poison, bursts, late, damaged.
import type { Fault } from './script.ts'

export const DATA_FAULTS: readonly Fault[] = []
