// All faults there are, by the file that holds them.
import { BROKER_FAULTS } from './broker.faults.ts'
import { DATA_FAULTS } from './data.faults.ts'
import { LOG_FAULTS } from './log.faults.ts'
import { NETWORK_FAULTS } from './network.faults.ts'
import { OPERATOR_FAULTS } from './operator.faults.ts'
import { PROCESS_FAULTS } from './process.faults.ts'
import type { Fault } from './script.ts'
import { STARVED_FAULTS } from './starved.faults.ts'
import { STATE_FAULTS } from './state.faults.ts'

export interface Listed {
  readonly fault: Fault
  readonly path: string
}

const FILES: Readonly<Record<string, readonly Fault[]>> = {
  broker: BROKER_FAULTS,
  data: DATA_FAULTS,
  log: LOG_FAULTS,
  network: NETWORK_FAULTS,
  operator: OPERATOR_FAULTS,
  process: PROCESS_FAULTS,
  starved: STARVED_FAULTS,
  state: STATE_FAULTS,
}

const numberOf = ({ fault }: Listed): number => Number(fault.id.slice(1))

/** In order of id. */
export const LISTED: readonly Listed[] = Object.entries(FILES)
  .flatMap(([name, faults]) =>
    faults.map((fault): Listed => ({ fault, path: `test/faults/${name}.faults.ts` })),
  )
  .toSorted((a, b) => numberOf(a) - numberOf(b))
