// Every conformance case, in one list. A log that passes them all may stand behind the LogPort.
import { RECORD_CASES } from './cases/record-cases.ts'
import type { ConformanceCase } from './rig.ts'

export const CASES: readonly ConformanceCase[] = [...RECORD_CASES]
