// `healstream demo --scenario NAME`: plays one of the scenarios in real time and says whether what
// has to come of it has come. Headless it talks on stderr and prints one JSON object on stdout.
import { EXIT, type ExitCode } from '../../contracts/failure.ts'
import { printable } from '../../contracts/printable.ts'
import { Play, type PlayObserver } from '../../roles/demo/play.ts'
import type { Verdict } from '../../roles/demo/verdict.ts'
import {
  type Scenario,
  scenarioLines,
  scenarioNamed,
  scenarios,
} from '../../roles/scenario/catalog.ts'
import type { Context } from '../context.ts'
import { demoLog, type DemoRunFlags, isHeadless, runDemo } from '../demo-run.ts'
import { LiveView, nextLines, timed, windowsBlock } from '../demo-view.ts'
import { alertLine, beginLines, happenedLine, PlayedLines, verdictLines } from '../scenario-view.ts'

const REPAINT_MS = 500
const LIST = 'list'

/** Exit code 0: as its script says. Errors: HS_USAGE for a name that there is no scenario of. */
export async function playScenario(
  context: Context,
  flags: DemoRunFlags,
  name: string,
): Promise<ExitCode> {
  if (name === LIST) return list(context, flags)
  const scenario = scenarioNamed(name)
  const headless = isHeadless(flags)
  const face = new Face(context, headless, scenario)
  const { env } = context
  const log = demoLog(context, flags)
  const { port, logLevel } = flags
  const play = new Play({ log, scenario, port, env, logLevel }, face.observer)
  return await runDemo(context, {
    log,
    headless,
    play: async (signal) => {
      const { asExpected } = await play.play(signal)
      return asExpected ? EXIT.ok : EXIT.findings
    },
    stop: () => play.stop(),
    close: () => face.close(),
    result: () => face.verdict,
  })
}

function list({ terminal }: Context, { output }: DemoRunFlags): ExitCode {
  if (output === 'json') {
    const all = scenarios().map(({ name, script: { title, mustAct, endMs } }) => {
      return { name, title, mustAct, endMs }
    })
    terminal.out(JSON.stringify(all))
  } else for (const line of scenarioLines()) terminal.out(printable(line))
  return EXIT.ok
}

/** Turns what the play tells into lines. */
class Face {
  readonly observer: PlayObserver
  verdict: Verdict | null = null
  private readonly view: LiveView
  private sinceMs = Date.now()
  private repaint: NodeJS.Timeout | null = null

  constructor({ terminal }: Context, headless: boolean, { name, script }: Scenario) {
    const { paint } = terminal
    this.view = new LiveView(terminal, headless)
    const played = new PlayedLines(paint)
    const lines = (all: readonly string[]): void => all.forEach((line) => this.view.line(line))
    this.observer = {
      say: (text) => this.view.line(timed(printable(text))),
      begins: (atMs, look) => {
        this.sinceMs = atMs
        lines(beginLines(name, script))
        const paintNow = (): void => this.view.below(windowsBlock(look(), null, terminal))
        this.repaint = setInterval(paintNow, REPAINT_MS)
        paintNow()
      },
      happened: (line, isSetUp) => {
        this.view.line(happenedLine(line, { sinceMs: this.sinceMs, isSetUp, paint }))
      },
      record: (record) => {
        const line = played.line(record, this.sinceMs)
        if (line !== null) this.view.line(line)
      },
      alert: (line) => this.view.line(alertLine(line, Date.now() - this.sinceMs, paint)),
      ended: (verdict) => {
        this.verdict = verdict
        lines(verdictLines(verdict, paint))
        if (!headless) lines(nextLines(verdict.latestIncident))
      },
    }
  }

  close(): void {
    if (this.repaint !== null) clearInterval(this.repaint)
    this.view.below([])
  }
}
