// Faults of ways: cut, half-open, slow.
import type { Fault } from './script.ts'

export const NETWORK_FAULTS: readonly Fault[] = []
