// How every form of the demo runs before a person or a script: it plays to its end, goes on until
// Ctrl-C where somebody looks around, stops within a limit, and headless prints one JSON object.
import { resolveSettings } from '../config/settings.ts'
import { EXIT, type ExitCode } from '../contracts/failure.ts'
import { brokerLog, type DemoLog, embeddedLog } from '../roles/demo/demo-log.ts'
import { kafkaOptionsOf } from '../roles/parts/access.ts'
import { systemClock } from '../runtime/clock.ts'
import { forPeople } from '../runtime/reaction.ts'
import type { Context, Output } from './context.ts'
import { interruption, STOP_MS, untilAborted, withinLimit } from './lifecycle.ts'

/** What every form is told on the command line. */
export interface DemoRunFlags {
  readonly brokers?: string
  readonly config?: string
  readonly headless?: boolean
  readonly output: Output
  readonly port: number
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

export interface DemoRun {
  readonly log: DemoLog
  readonly headless: boolean
  /** To its end; how it has ended. */
  readonly play: (signal: AbortSignal) => Promise<ExitCode>
  readonly stop: () => Promise<void>
  /** Nothing is drawn any more. */
  readonly close: () => void
  /** The object that headless prints; null: it has not come to its end. */
  readonly result: () => unknown
}

/** Errors: those of the play, as people can use them; ends the process when it does not stop. */
export async function runDemo({ terminal }: Context, run: DemoRun): Promise<ExitCode> {
  const interrupted = interruption()
  const { headless } = run
  let code: ExitCode = EXIT.interrupted
  let isStopped = false
  try {
    code = await run.play(interrupted.signal)
    if (!headless) await untilAborted(interrupted.signal)
  } catch (error) {
    if (!interrupted.signal.aborted) throw forPeople(error)
  } finally {
    run.close()
    if (interrupted.signal.aborted) terminal.say('stopping (Ctrl-C again: at once)')
    isStopped = await withinLimit(run.stop())
  }
  const result = run.result()
  if (headless && result !== null) terminal.out(JSON.stringify(result))
  else if (isStopped) terminal.say('stopped, nothing is left running')
  if (!isStopped) {
    const { place, prefix } = run.log
    const left = place === null ? '' : `; topics ${prefix}* may be left behind`
    terminal.say(`it did not stop within ${STOP_MS / 1_000} s and is ended now${left}`)
    process.exit(code)
  }
  return code
}

export function isHeadless({ headless = false, output }: DemoRunFlags): boolean {
  return headless || output === 'json'
}

/** Real brokers only when the command line says so: a demo must not wander onto some cluster. */
export function demoLog({ env }: Context, { brokers, config }: DemoRunFlags): DemoLog {
  if (brokers === undefined && config === undefined) return embeddedLog()
  const resolved = resolveSettings({ brokers, config }, env)
  return brokerLog(kafkaOptionsOf(resolved, { clock: systemClock }))
}
