// Faults of what people do: by hand, mixed, twice, and all together.
import type { Fault } from './script.ts'

export const OPERATOR_FAULTS: readonly Fault[] = []
