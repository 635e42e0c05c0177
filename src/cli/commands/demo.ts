// `healstream demo`: the demo's face. Headless it talks on stderr and prints one JSON object as its
// last line on stdout; otherwise it shows the story live and runs until Ctrl-C.
import { EXIT } from '../../contracts/failure.ts'
import type { ExitCode } from '../../contracts/failure.ts'
import { resolveSettings } from '../../config/settings.ts'
import { systemClock } from '../../runtime/clock.ts'
import { forPeople } from '../../runtime/reaction.ts'
import { kafkaOptionsOf } from '../../roles/parts/access.ts'
import { brokerLog, type DemoLog, embeddedLog } from '../../roles/demo/demo-log.ts'
import { Demo, HEAL_MS } from '../../roles/demo/demo.ts'
import type { DemoObserver, DemoOptions, Ending, Look } from '../../roles/demo/demo.ts'
import type { Context } from '../context.ts'
import { interruption, STOP_MS, untilAborted, withinLimit } from '../lifecycle.ts'
import { endLines, LiveView, nextLines, recordLines, timed, windowsBlock } from '../demo-view.ts'
import { printable } from '../../contracts/printable.ts'

export interface DemoFlags {
  readonly brokers?: string
  readonly config?: string
  readonly fault: DemoOptions['fault']
  readonly headless?: boolean
  readonly port: number
  readonly init: boolean
  readonly driverExitSignal: 'on' | 'off'
  readonly logLevel: DemoOptions['logLevel']
}

const REPAINT_MS = 500

export async function demo(context: Context, flags: DemoFlags): Promise<ExitCode> {
  const interrupted = interruption()
  const headless = flags.headless === true
  const face = new Face(context, headless)
  const options: DemoOptions = {
    log: logOf(context, flags),
    fault: flags.fault,
    port: flags.port,
    init: flags.init,
    exitSignal: flags.driverExitSignal === 'on',
    env: context.env,
    logLevel: flags.logLevel,
  }
  const running = new Demo(options, face.observer)
  let code: ExitCode = EXIT.interrupted
  let stopped = false
  try {
    const ending = await running.play(interrupted.signal)
    code = ending.state === 'recovered' ? EXIT.ok : EXIT.findings
    if (!headless) await untilAborted(interrupted.signal)
  } catch (error) {
    if (!interrupted.signal.aborted) throw forPeople(error)
  } finally {
    face.close()
    if (interrupted.signal.aborted) context.terminal.say('stopping (Ctrl-C again: at once)')
    stopped = await withinLimit(running.stop())
  }
  if (headless && face.ending !== null) context.terminal.out(JSON.stringify(face.ending.healing))
  else if (stopped) context.terminal.say('stopped, nothing is left running')
  if (!stopped) {
    const { place, prefix } = options.log
    const left = place === null ? '' : `; topics ${prefix}* may be left behind`
    context.terminal.say(`it did not stop within ${STOP_MS / 1_000} s and is ended now${left}`)
    process.exit(code)
  }
  return code
}

/** Real brokers only when the command line says so: a demo must not wander onto some cluster. */
function logOf({ env }: Context, { brokers, config }: DemoFlags): DemoLog {
  if (brokers === undefined && config === undefined) return embeddedLog()
  const resolved = resolveSettings({ brokers, config }, env)
  return brokerLog(kafkaOptionsOf(resolved, { clock: systemClock }))
}

/** Turns what the demo tells into lines. */
class Face {
  readonly observer: DemoObserver
  ending: Ending | null = null
  private readonly context: Context
  private readonly headless: boolean
  private readonly view: LiveView
  private repaint: NodeJS.Timeout | null = null

  constructor(context: Context, headless: boolean) {
    this.context = context
    this.headless = headless
    this.view = new LiveView(context.terminal, headless)
    const { paint } = context.terminal
    this.observer = {
      say: (text) => this.view.line(timed(printable(text))),
      running: (look) => this.show(look),
      broken: ({ text }) => {
        this.view.line('')
        this.view.line(`${'+0.000 s'.padStart(10)}  ${paint('red', 'FAULT     ')} ${text}`)
      },
      record: (record, broken) => {
        for (const line of recordLines(record, broken, paint)) this.view.line(line)
      },
      ended: (ending) => this.end(ending),
    }
  }

  close(): void {
    if (this.repaint !== null) clearInterval(this.repaint)
    this.view.below([])
  }

  private show(look: () => Look): void {
    const paintNow = (): void => {
      const { instances, pids } = look()
      this.view.below(windowsBlock(instances, pids, this.context.terminal))
    }
    this.repaint = setInterval(paintNow, REPAINT_MS)
    paintNow()
  }

  private end(ending: Ending): void {
    this.ending = ending
    const { state, incidentId, healing } = ending
    const { paint } = this.context.terminal
    if (state === 'recovered' && incidentId !== null) {
      for (const line of endLines(healing, paint)) this.view.line(line)
      if (!this.headless) for (const line of nextLines(incidentId)) this.view.line(line)
      return
    }
    const how = state === 'open' ? `not healed within ${HEAL_MS / 1_000} s` : `ended as ${state}`
    const why =
      incidentId === null
        ? 'nothing was detected: look at `npx healstream get instances`'
        : `why: \`npx healstream explain incident ${printable(incidentId)}\``
    this.view.line(paint('red', `${how}; ${why}`))
  }
}
