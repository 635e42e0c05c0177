// The demo: an embedded cluster, two real services, traffic, one fault, and the reading of how it
// was healed. It tells an observer what happens and believes only what it reads back from the log.
import { HsError } from '../../contracts/failure.ts'
import type { InstanceView } from '../projector/views.ts'
import type { Cluster } from './cluster.ts'
import { breakInstance, faultText } from './fault.ts'
import type { DemoFault } from './fault.ts'
import { startFleet } from './fleet.ts'
import type { Fleet } from './fleet.ts'
import { Grounds, orAborted } from './grounds.ts'
import { concerns, healingState, incidentOf, summarise } from './healing.ts'
import type { Broken, Healing, HealingState } from './healing.ts'
import type { DemoLog } from './demo-log.ts'
import { readStory } from './story.ts'
import type { StoryRecord } from './story.ts'
import { startTraffic } from './traffic.ts'
import type { Traffic } from './traffic.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface DemoOptions {
  /** Ended by the demo. */
  readonly log: DemoLog
  readonly fault: DemoFault
  /** 0 = a free one. */
  readonly port: number
  /** False: start without a genesis and wait for `healstream init`. */
  readonly init: boolean
  /** May agents report the exit of their own children? */
  readonly exitSignal: boolean
  readonly env: Environment
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/** Hears of everything as it happens. */
export interface DemoObserver {
  readonly say: (text: string) => void
  /** Instances and processes can be asked for from now on. */
  readonly running: (look: () => Look) => void
  readonly broken: (broken: Broken) => void
  readonly record: (record: StoryRecord, broken: Broken) => void
  /** A line of the console sink of the alerts. */
  readonly alert: (line: string) => void
  readonly ended: (ending: Ending) => void
}

export interface Look {
  readonly instances: readonly InstanceView[]
  readonly pids: ReadonlyMap<string, number | null>
}

/** How the fault ended, or that it has not within HEAL_MS. */
export interface Ending {
  readonly state: HealingState
  readonly healing: Healing
  readonly incidentId: string | null
}

/** A fault that is not healed by then counts as not healed. */
export const HEAL_MS = 30_000
const WARM_UP_MS = 60_000
const LOOK_MS = 100
const INSTANCES = 6
/** Requests a service must have in its window before it is broken: enough to judge rates by. */
const REQUESTS_MIN = 60
const VICTIM = { service: 'stock', instance: 'stock-2' } as const

export class Demo {
  private readonly options: DemoOptions
  private readonly observer: DemoObserver
  private readonly stopping = new AbortController()
  private readonly grounds: Grounds
  private cluster: Cluster | null = null
  private fleet: Fleet | null = null
  /** Of which something may run before it is there. */
  private starting: Promise<unknown> = Promise.resolve()
  private traffic: Traffic | null = null
  private story: Promise<void> | null = null
  /** Up to the end of the incident; the demo goes on for as long as somebody looks around. */
  private readonly records: StoryRecord[] = []
  private over = false
  private current: Broken | null = null

  /** Errors: HS_CONFIG when the run folder cannot be used. */
  constructor(options: DemoOptions, observer: DemoObserver) {
    this.options = options
    this.observer = observer
    const { log, port, env, logLevel } = options
    const { say, alert } = observer
    this.grounds = new Grounds({ log, port, env, logLevel, say, alert })
  }

  /**
   * Runs up to the end of the incident. Errors: HsError of a start that failed, or of a signal's
   * abort (then `stop` is all that is left to do).
   */
  async play(signal: AbortSignal): Promise<Ending> {
    const cluster = await orAborted(this.startCluster(), signal)
    if (this.options.init) await orAborted(cluster.init(), signal)
    else await this.waitForInit(cluster, signal)
    this.story = this.readAll(cluster)
    await orAborted(cluster.run(), signal)
    await orAborted(this.applyPolicies(cluster), signal)
    const services = this.startServices(cluster)
    this.starting = services.catch(() => undefined)
    await orAborted(services, signal)
    await this.warmUp(cluster, signal)
    const broken = await this.breakOne()
    const ending = await this.followUp(broken, signal)
    this.over = true
    this.observer.ended(ending)
    return ending
  }

  /** Ends everything in the order of use; nothing is left. */
  async stop(): Promise<void> {
    this.stopping.abort()
    await this.starting
    this.traffic?.stop()
    await this.fleet?.stop()
    await this.story
    await this.grounds.close()
  }

  private async startCluster(): Promise<Cluster> {
    this.cluster = await this.grounds.open()
    return this.cluster
  }

  private async waitForInit(cluster: Cluster, signal: AbortSignal): Promise<void> {
    const refused = await cluster.run().then(
      () => null,
      (error: unknown) => error,
    )
    if (!(refused instanceof HsError)) throw refused ?? new HsError('HS_INTERNAL', 'a worker runs')
    this.observer.say(`${refused.code}: ${refused.message}`)
    this.observer.say('the worker does not start by itself: npx healstream init')
    while (!cluster.hasGenesis()) await cluster.clock.sleep(LOOK_MS, signal)
    this.observer.say('genesis found')
  }

  private async applyPolicies(cluster: Cluster): Promise<void> {
    await cluster.applyPolicies(this.grounds.run.token)
    this.observer.say('policies of examples/demo/policies.yaml applied')
  }

  private async startServices(cluster: Cluster): Promise<void> {
    const fleet = await startFleet({
      ...cluster.parts,
      connect: (role) => cluster.log.connect(role),
      folder: this.grounds.folder,
      exitSignal: this.options.exitSignal,
      mark: this.options.env['HEALSTREAM_DEMO_RUN'],
    })
    this.fleet = fleet
    // Asked to stop meanwhile: nothing more is begun.
    if (this.stopping.signal.aborted) return
    if (fleet.problems.length > 0)
      throw new HsError('HS_CONFIG', `services do not start: ${fleet.problems.join('; ')}`, {
        fix: 'Look at what the machine runs besides (memory, open files, ports) and start again.',
      })
    this.traffic = startTraffic(fleet.shopPorts)
    const pids = [...fleet.pids()].map(([name, pid]) => `${name} ${pid ?? '-'}`).join(', ')
    this.observer.say(`six processes run: ${pids}`)
    this.observer.say('traffic: about 60 requests a second, shop asks stock')
    this.observer.running(() => ({ instances: cluster.model.instances(), pids: fleet.pids() }))
  }

  private async warmUp(cluster: Cluster, signal: AbortSignal): Promise<void> {
    this.observer.say('warming up until all six are ready and healthy')
    const until = cluster.clock.monotonicMs() + WARM_UP_MS
    const seconds = WARM_UP_MS / 1_000
    for (;;) {
      const waiting = coldOnes(cluster)
      if (waiting.length === 0) return
      if (cluster.clock.monotonicMs() > until)
        throw new HsError('HS_INTERNAL', `not warm after ${seconds} s: ${waiting.join('; ')}`, {
          fix: 'Start again with --log-level info; when the machine is busy, when it is less so.',
        })
      await cluster.clock.sleep(LOOK_MS, signal)
    }
  }

  private async breakOne(): Promise<Broken> {
    const { fault } = this.options
    const victim = this.fleet?.victim(VICTIM.service, VICTIM.instance)
    if (victim === undefined) throw new HsError('HS_INTERNAL', 'the fleet is not running')
    const text = faultText(fault, victim)
    const faultAt = await breakInstance(fault, victim, this.grounds.guardian)
    const { name: log } = this.options.log
    const broken: Broken = { log, fault, faultAt, victim, text }
    this.current = broken
    this.observer.broken(broken)
    return broken
  }

  /** Until the incident is over or HEAL_MS have passed. */
  private async followUp(broken: Broken, signal: AbortSignal): Promise<Ending> {
    const until = Date.now() + HEAL_MS
    const clock = this.cluster?.clock
    while (healingState(this.records, broken) === 'open' && Date.now() < until)
      await clock?.sleep(LOOK_MS / 4, signal)
    return {
      state: healingState(this.records, broken),
      healing: summarise(this.records, broken),
      incidentId: incidentOf(this.records, broken)?.incident_id ?? null,
    }
  }

  private async readAll(cluster: Cluster): Promise<void> {
    const log = cluster.log.connect('story')
    const { decoder, prefix, partitions } = cluster.parts
    const source = { log, decoder, prefix, partitions }
    try {
      for await (const record of readStory(source, this.stopping.signal)) {
        if (!this.over) this.records.push(record)
        const broken = this.current
        if (broken !== null && concerns(record, broken)) this.observer.record(record, broken)
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.observer.say(`the topics cannot be read any more: ${reason}`)
    } finally {
      await log.close()
    }
  }
}

/** What keeps the demo from being warm, one sentence each. */
function coldOnes(cluster: Cluster): readonly string[] {
  const instances = cluster.model.instances()
  const few = cluster.model
    .services()
    .filter((service) => service.n < REQUESTS_MIN)
    .map((service) => `${service.service} has ${service.n} requests`)
  const sick = instances
    .filter((view) => view.health !== 'healthy' || view.lifecycle !== 'ready')
    .map((view) => `${view.instance} is ${view.health}, ${view.lifecycle}`)
  const open = cluster.model
    .incidents()
    .filter((incident) => incident.open)
    .map(({ instance, service }) => `the incident of ${instance ?? service} is open`)
  const missing =
    instances.length < INSTANCES ? [`${instances.length} of ${INSTANCES} instances are known`] : []
  return [...missing, ...sick, ...open, ...few]
}
