// A scenario in real time: its stage on a real log. Its lines happen when they are due by the
// clock, its agents obey the commands that are read back from the log, and whoever owns the tasks
// judges.
import type { Command } from '../../contracts/records.ts'
import { LogVoice, type LogVoiceOptions } from './log-voice.ts'
import type { Script } from './script.ts'
import { Stage } from './stage.ts'

export type Line = Script['lines'][number]

export class LiveStage extends Stage {
  override readonly driver: LogVoice
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #incidents = new Map<string, string>()
  readonly #onTrouble: (error: unknown) => void
  #over = false

  constructor(options: LogVoiceOptions) {
    super()
    this.driver = new LogVoice(options)
    this.#onTrouble = options.onTrouble
  }

  /** Lines happen as they are due; `tell` hears of each. */
  play(lines: readonly Line[], tell: (line: Line) => void): void {
    for (const line of lines) {
      const happen = (): void => {
        tell(line)
        line.act(this)
      }
      if (line.atMs === 0) this.#guarded(happen)
      else this.in(line.atMs, happen)
    }
  }

  override in(afterMs: number, act: () => void): void {
    if (this.#over) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#guarded(act)
    }, afterMs)
    this.#timers.add(timer)
  }

  /** What the agent of the target reads. */
  obey(command: Command): void {
    this.#guarded(() => this.instances.get(command.target.instance)?.obey(command))
  }

  /** What people who approve know of. */
  heard(instance: string, incidentId: string): void {
    this.#incidents.set(instance, incidentId)
  }

  override incidentOf(instance: string): string | null {
    return this.#incidents.get(instance) ?? null
  }

  /** Tasks belong to workers here. Errors: always. */
  override fleetTask(what: 'stops' | 'runs'): void {
    throw new Error(`"the fleet task ${what}" cannot be played in real time`)
  }

  /** Nobody says anything any more. */
  async close(): Promise<void> {
    this.#over = true
    for (const timer of this.#timers) clearTimeout(timer)
    await this.driver.close()
  }

  protected override tasks(what: 'stop' | 'run'): void {
    throw new Error(`"everything ${what}s" cannot be played in real time`)
  }

  #guarded(act: () => void): void {
    if (this.#over) return
    try {
      act()
    } catch (error) {
      this.#onTrouble(error)
    }
  }
}
