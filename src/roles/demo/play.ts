// A scenario played in real time by the demo's cluster: its agents and instances are of the script,
// the log, the tasks, the guards and the alerts are the real ones. What has come of it is read back
// from the log.
import type { Scenario } from '../scenario/catalog.ts'
import { type Line, LiveStage } from '../scenario/live-stage.ts'
import type { InstanceView } from '../projector/views.ts'
import type { Cluster } from './cluster.ts'
import type { DemoLog } from './demo-log.ts'
import { Grounds, orAborted } from './grounds.ts'
import { readStory, type StoryRecord } from './story.ts'
import { type Happened, type Verdict, verdictOf } from './verdict.ts'

export interface PlayOptions {
  /** Ended by the play. */
  readonly log: DemoLog
  readonly scenario: Scenario
  /** 0 = a free one. */
  readonly port: number
  readonly env: Readonly<Record<string, string | undefined>>
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/** Hears of everything as it happens. */
export interface PlayObserver {
  readonly say: (text: string) => void
  /** The script begins, at this time; instances can be asked for from now on. */
  readonly begins: (atMs: number, look: () => readonly InstanceView[]) => void
  /** A line of the script has happened. */
  readonly happened: (line: Happened, isSetUp: boolean) => void
  readonly record: (record: StoryRecord) => void
  /** A line of the console sink of the alerts. */
  readonly alert: (line: string) => void
  readonly ended: (verdict: Verdict) => void
}

const LOOK_MS = 50
/** What has to come may come so much later than the script ends, on a busy machine. */
const LATE_MS = 15_000
/** What may not be done is waited for, for so long at least. */
const CALM_MS = 1_000

export class Play {
  private readonly options: PlayOptions
  private readonly observer: PlayObserver
  private readonly grounds: Grounds
  private readonly stopping = new AbortController()
  private readonly lines: Happened[] = []
  private readonly records: StoryRecord[] = []
  private stage: LiveStage | null = null
  private story: Promise<void> | null = null
  private over = false

  /** Errors: HS_CONFIG when the run folder cannot be used. */
  constructor(options: PlayOptions, observer: PlayObserver) {
    this.options = options
    this.observer = observer
    const { log, port, env, logLevel } = options
    const { say, alert } = observer
    this.grounds = new Grounds({ log, port, env, logLevel, say, alert })
  }

  /**
   * Runs up to the end of the script. Errors: HsError of a start that failed; of a script that
   * cannot be played; of a signal's abort (then `stop` is all that is left to do).
   */
  async play(signal: AbortSignal): Promise<Verdict> {
    const cluster = await orAborted(this.grounds.open(), signal)
    await orAborted(cluster.init(), signal)
    const failing = new AbortController()
    const fail = (error: unknown): void => failing.abort(error)
    this.story = this.readAll(cluster, fail)
    await orAborted(cluster.run(), signal)
    await orAborted(cluster.ready(signal), signal)
    const either = AbortSignal.any([signal, failing.signal])
    const beganMs = this.begin(cluster, fail)
    await this.until(cluster, beganMs + this.options.scenario.script.endMs, either)
    const verdict = this.verdict()
    this.over = true
    this.observer.ended(verdict)
    return verdict
  }

  /** Ends everything in the order of use; nothing is left. */
  async stop(): Promise<void> {
    this.stopping.abort()
    await this.stage?.close()
    await this.story
    await this.grounds.close()
  }

  private begin(cluster: Cluster, onTrouble: (error: unknown) => void): number {
    const { script } = this.options.scenario
    const stage = new LiveStage({ ...cluster.parts, log: cluster.log.connect('stage'), onTrouble })
    this.stage = stage
    const beganMs = cluster.clock.nowMs()
    this.observer.begins(beganMs, () => cluster.model.instances())
    stage.play(script.lines, ({ text, atMs }: Line) => {
      const line = { atMs: cluster.clock.nowMs(), text }
      this.lines.push(line)
      this.observer.happened(line, atMs === 0)
    })
    return beganMs
  }

  /** The script has ended, and what it asks for is done or too late. */
  private async until({ clock }: Cluster, endMs: number, signal: AbortSignal): Promise<void> {
    const { mustAct } = this.options.scenario.script
    const calmMs = mustAct === null ? CALM_MS : 0
    for (let nowMs = clock.nowMs(); nowMs < endMs + LATE_MS; nowMs = clock.nowMs()) {
      if (nowMs >= endMs + calmMs && this.verdict().asExpected) return
      await clock.sleep(LOOK_MS, signal)
    }
  }

  private verdict(): Verdict {
    const { log, scenario } = this.options
    const { lines, records } = this
    const { mustAct } = scenario.script
    return verdictOf({ scenario: scenario.name, log: log.name, mustAct, lines, records })
  }

  private async readAll(cluster: Cluster, fail: (error: unknown) => void): Promise<void> {
    const log = cluster.log.connect('story')
    const { decoder, prefix, partitions } = cluster.parts
    try {
      for await (const record of readStory(
        { log, decoder, prefix, partitions, pulses: true },
        this.stopping.signal,
      ))
        this.take(record)
    } catch (error) {
      fail(error)
    } finally {
      await log.close()
    }
  }

  private take(record: StoryRecord): void {
    if (record.kind === 'command') this.stage?.obey(record.command)
    if (record.kind === 'incident' && record.event.instance !== null)
      this.stage?.heard(record.event.instance, record.event.incident_id)
    if (!this.over) this.records.push(record)
    this.observer.record(record)
  }
}
