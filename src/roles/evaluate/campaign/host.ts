// A host with its agent and the instances beside it: what the agent tells of them each second and
// when something breaks, and what it does with a command (DESIGN.md section 8).
import type { Command, CommandResult, RecordOf } from '../../../contracts/records.ts'
import type { TopicKind } from '../../../contracts/topics.ts'
import type { Random } from '../../simulate/random.ts'
import {
  probe,
  type ProbeWords,
  processEvent,
  refusedConnection,
  registration,
  result,
  type Speaker,
} from '../../simulate/records.ts'
import type { Calendar } from './calendar.ts'
import type { Cluster } from './cluster.ts'
import type { Illness, SimInstance } from './instance.ts'
import { Voice } from './voice.ts'
import { Path } from './path.ts'

/** Of counts and of heartbeats; half as often as by default, which makes a run twice as fast. */
const TICK_MS = 2_000
const REFUSED_AFTER_MS = 100
/** The fast profile: three failures 100 ms apart, each waiting up to 200 ms for an answer. */
const DOWN_AFTER_MS = { refused: 300, timeout: 500 } as const
const RESTART_MS = [400, 3_000] as const

export interface HostOptions {
  readonly name: string
  readonly zone: string
  readonly calendar: Calendar
  readonly cluster: Cluster
  readonly random: Random
}

export class Host {
  readonly name: string
  readonly zone: string
  readonly instances: SimInstance[] = []
  readonly path: Path
  /** The agent's process lives. */
  speaks: boolean = true
  /** What its clock is off by. */
  skewMs: number = 0
  readonly #options: HostOptions
  readonly #told = new Map<SimInstance, 'up' | 'down'>()
  readonly #voices = new Map<SimInstance, Voice>()
  #epoch = 1
  #seq = 0

  constructor(options: HostOptions) {
    this.#options = options
    this.name = options.name
    this.zone = options.zone
    this.path = new Path(options.calendar)
  }

  begin(): void {
    for (const one of this.instances) {
      this.register(one)
      this.#tellProbe(one)
    }
    this.#tick()
  }

  register(one: SimInstance): void {
    const { zone } = one.spec
    const words = registration(this.#who(one), one.version, { zone, appVersion: one.appVersion })
    this.#send('service-events', one, words)
  }

  /** A new version of its code, running already. */
  deploy(one: SimInstance, appVersion: string): void {
    one.appVersion = appVersion
    one.incarnation += 1
    one.version = 1
    this.#send('signals', one, processEvent(this.#who(one), 'started'))
    this.register(one)
    this.#told.delete(one)
    this.#tellProbe(one)
  }

  fall(one: SimInstance, illness: Illness): void {
    one.illness = illness
    const { kind } = illness
    if (kind === 'errors' || kind === 'slow') return
    const still = (act: () => void) => (): void => {
      if (one.illness === illness && !one.inHand) act()
    }
    if (kind !== 'hang') {
      const told = (): void => {
        this.#send('signals', one, refusedConnection(this.#who(one)))
        if (kind === 'crash') this.#send('signals', one, processEvent(this.#who(one), 'exited'))
      }
      this.#options.calendar.in(REFUSED_AFTER_MS, still(told))
    }
    const downMs = DOWN_AFTER_MS[kind === 'hang' ? 'timeout' : 'refused']
    this.#options.calendar.in(
      downMs,
      still(() => this.#tellProbe(one)),
    )
  }

  /** What was wrong is over, by no hand of ours. */
  recover(one: SimInstance): void {
    const wasDown = one.illness?.kind === 'crash'
    one.illness = null
    if (one.inHand) return
    if (wasDown) this.#started(one)
    else this.#tellProbe(one)
  }

  /** A prober that is wrong, or another host's, whose way here is bad. */
  tellVerdict(one: SimInstance, verdict: 'up' | 'down', words: ProbeWords): void {
    if (words.local !== false) this.#told.set(one, verdict)
    this.#send('signals', one, probe(this.#who(one), verdict, words))
  }

  /** The agent has lost its ledger: a new epoch, numbers from 1 on. */
  forget(): void {
    this.#epoch += 1
    this.#seq = 0
    for (const one of this.instances) this.register(one)
  }

  obey(command: Command, one: SimInstance): void {
    if (!this.speaks || one.inHand) return
    const { calendar, random } = this.#options
    const before = one.incarnation
    const answer = (outcome: CommandResult['outcome']): void => {
      const words = { outcome, incarnation_after: one.incarnation }
      const said = result(this.#who(one), command, words)
      this.#send('results', one, { ...said, incarnation_before: before })
    }
    answer('started')
    one.inHand = true
    calendar.in(random.between(...RESTART_MS), () => {
      one.restarted()
      this.#send('signals', one, processEvent(this.#who(one), 'started'))
      this.register(one)
      answer('succeeded')
      this.#told.delete(one)
      if (one.illness !== null) this.fall(one, one.illness)
      else calendar.in(REFUSED_AFTER_MS, () => this.#tellProbe(one))
    })
  }

  #started(one: SimInstance): void {
    one.restarted()
    this.#send('signals', one, processEvent(this.#who(one), 'started'))
    this.register(one)
    this.#told.delete(one)
    this.#tellProbe(one)
  }

  #tick(): void {
    this.#options.calendar.in(TICK_MS, () => this.#tick())
    if (!this.speaks) return
    for (const one of this.instances) {
      const voice = this.#voice(one)
      this.#send('telemetry', one, voice.counts(this.#who(one), one.counts(TICK_MS)))
      // Carries the verdict, and brings it to where it was lost.
      const state = one.inHand ? 'restarting' : (this.#told.get(one) ?? 'unknown')
      this.#send('signals', one, voice.beat(this.#who(one), state))
    }
  }

  #voice(one: SimInstance): Voice {
    const voice = this.#voices.get(one) ?? new Voice(this.#who(one), TICK_MS)
    this.#voices.set(one, voice)
    return voice
  }

  #tellProbe(one: SimInstance): void {
    if (one.inHand) return
    const { verdict, why } = one.probe
    if (this.#told.get(one) === verdict) return
    this.#told.set(one, verdict)
    this.tellVerdict(one, verdict, { why })
  }

  #who(one: SimInstance): Speaker {
    this.#seq += 1
    return {
      cluster: 'cluster-a',
      service: one.spec.service,
      instance: one.spec.name,
      agent: this.name,
      incarnation: one.incarnation,
      atMs: this.#options.calendar.nowMs + this.skewMs,
      seq: this.#seq,
      epoch: this.#epoch,
    }
  }

  #send<K extends 'telemetry' | 'signals' | 'service-events' | 'results'>(
    topic: K & TopicKind,
    { spec }: SimInstance,
    record: RecordOf[K],
  ): void {
    if (!this.speaks) return
    const { cluster } = this.#options
    const value = cluster.encode(topic, record)
    this.path.send(topic, () => cluster.append(topic, spec.service, value))
  }
}
