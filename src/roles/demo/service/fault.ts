// The demo's fault switch: what a service does wrong while its health check stays well. Crash and
// hang need no switch, they are done to the process from outside.

export type Fault = 'none' | 'errors' | 'slow'

const FAULTS: readonly Fault[] = ['none', 'errors', 'slow']

/** The fault of that name, or null. */
export function faultNamed(name: string): Fault | null {
  return FAULTS.find((fault) => fault === name) ?? null
}

/** Time that `slow` adds to every piece of work. */
export const SLOW_MS = 1_500

const WORK_MIN_MS = 2
const WORK_MAX_MS = 15

/** How long the next piece of work takes; `random` in [0, 1). */
export function workMs(fault: Fault, random: number): number {
  const ms = WORK_MIN_MS + Math.floor(random * (WORK_MAX_MS - WORK_MIN_MS + 1))
  return fault === 'slow' ? ms + SLOW_MS : ms
}
