// Faults of brokers: killed, rolled, full, unreachable to one another.
import type { Fault } from './script.ts'

export const BROKER_FAULTS: readonly Fault[] = []
