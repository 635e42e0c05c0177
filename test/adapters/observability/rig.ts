// Instruments whose lines are caught, and a refused record to speak of.
import {
  type InstrumentsOptions,
  type Observability,
  createInstruments,
} from '../../../src/adapters/observability/instruments.ts'

export interface Rig extends Observability {
  readonly lines: string[]
}

export function rig(options: Partial<InstrumentsOptions> = {}): Rig {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  return { ...createInstruments({ level: 'debug', destination, ...options }), lines }
}

export const refused = { topic: 'hs.telemetry', partition: 3, offset: 17, reason: 'corrupt' }
