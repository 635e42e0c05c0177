// Every conformance case, in one list. A log that passes them all may stand behind the LogPort.
import { FAULT_CASES } from './cases/fault-cases.ts'
import { MEMBER_CASES } from './cases/member-cases.ts'
import { MODEL_CASES } from './cases/model-cases.ts'
import { POSITION_CASES } from './cases/position-cases.ts'
import { READING_CASES } from './cases/reading-cases.ts'
import { RECORD_CASES } from './cases/record-cases.ts'
import { TOPIC_CASES } from './cases/topic-cases.ts'
import { TRANSACTION_CASES } from './cases/transaction-cases.ts'
import type { ConformanceCase } from './rig.ts'

export const CASES: readonly ConformanceCase[] = [
  ...RECORD_CASES,
  ...READING_CASES,
  ...TOPIC_CASES,
  ...TRANSACTION_CASES,
  ...FAULT_CASES,
  ...MEMBER_CASES,
  ...POSITION_CASES,
  ...MODEL_CASES,
]
