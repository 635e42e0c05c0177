// `healstream demo`: the demo's face. Headless it talks on stderr and prints one JSON object as its
// last line on stdout; otherwise it shows the story live and runs until Ctrl-C.
import { EXIT } from '../../contracts/failure.ts'
import type { ExitCode } from '../../contracts/failure.ts'
import { Demo, HEAL_MS } from '../../roles/demo/demo.ts'
import type { DemoObserver, DemoOptions, Ending, Look } from '../../roles/demo/demo.ts'
import type { Context } from '../context.ts'
import { demoLog, type DemoRunFlags, isHeadless, runDemo } from '../demo-run.ts'
import { endLines, LiveView, nextLines, recordLines, timed, windowsBlock } from '../demo-view.ts'
import { alertLine } from '../scenario-view.ts'
import { printable } from '../../contracts/printable.ts'

export interface DemoFlags extends DemoRunFlags {
  readonly fault: DemoOptions['fault']
  /** Plays this one instead; `list`: says which there are. */
  readonly scenario?: string
  readonly init: boolean
  readonly driverExitSignal: 'on' | 'off'
}

const REPAINT_MS = 500

export async function demo(context: Context, flags: DemoFlags): Promise<ExitCode> {
  const headless = isHeadless(flags)
  const face = new Face(context, headless)
  const options: DemoOptions = {
    log: demoLog(context, flags),
    fault: flags.fault,
    port: flags.port,
    init: flags.init,
    exitSignal: flags.driverExitSignal === 'on',
    env: context.env,
    logLevel: flags.logLevel,
  }
  const running = new Demo(options, face.observer)
  return await runDemo(context, {
    log: options.log,
    headless,
    play: async (signal) => {
      const { state } = await running.play(signal)
      return state === 'recovered' ? EXIT.ok : EXIT.findings
    },
    stop: () => running.stop(),
    close: () => face.close(),
    result: () => face.ending?.healing ?? null,
  })
}

/** Turns what the demo tells into lines. */
class Face {
  readonly observer: DemoObserver
  ending: Ending | null = null
  private readonly context: Context
  private readonly headless: boolean
  private readonly view: LiveView
  private repaint: NodeJS.Timeout | null = null
  private faultAt: number | null = null

  constructor(context: Context, headless: boolean) {
    this.context = context
    this.headless = headless
    this.view = new LiveView(context.terminal, headless)
    const { paint } = context.terminal
    this.observer = {
      say: (text) => this.view.line(timed(printable(text))),
      running: (look) => this.show(look),
      broken: ({ text, faultAt }) => {
        this.faultAt = faultAt
        this.view.line('')
        this.view.line(`${'+0.000 s'.padStart(10)}  ${paint('red', 'FAULT     ')} ${text}`)
      },
      record: (record, broken) => {
        for (const line of recordLines(record, broken, paint)) this.view.line(line)
      },
      alert: (line) => {
        const at = this.faultAt
        if (at !== null) this.view.line(alertLine(line, Date.now() - at, paint))
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
