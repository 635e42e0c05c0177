// A fault as a script: what is done to a running system, and what has to come of it. The same words
// make docs/faults.md.
import type { Scene } from './scene.ts'

interface FaultWords {
  /** As in the table of docs/faults.md. */
  readonly id: `F${number}`
  /** The fault in a few words. */
  readonly title: string
  /** What has to come of it, one sentence; the script, or the test, asserts it. */
  readonly expected: string
}

export interface FaultScript extends FaultWords {
  /** Runs every time; the others only in sections of `--full`. Six in all. */
  readonly inCi?: true
  /** Leaves the shared brokers alone: runs beside others like it. */
  readonly beside?: true
  /** Tests that prove more of it, as those of `ProvenFault`. */
  readonly provenBy?: readonly string[]
  run(scene: Scene): Promise<void>
}

/** A fault that tests on real parts prove already. */
export interface ProvenFault extends FaultWords {
  /** `test/kafka/some.test.ts › title of a test, or a part of it`; describes before it as well. */
  readonly provenBy: readonly string[]
}

export type Fault = FaultScript | ProvenFault

export function isScript(fault: Fault): fault is FaultScript {
  return 'run' in fault
}
