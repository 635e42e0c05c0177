// One run of one seed: a whole cluster with its agents, operators and strangers in this process, in
// virtual time, with everything that the seed's plan does to it, looked at by the checker while it
// runs and once it has come to rest. The same seed gives the same run, event by event.
import { createMemoryLog, type MemoryLog } from '../../adapters/memory/memory-log.ts'
import type { Transport } from '../../adapters/client/protocol.ts'
import type { Serde } from '../../adapters/serde/serde.ts'
import { createFleetCore } from '../../core/tasks/fleet-task.ts'
import { createServiceCore } from '../../core/tasks/service-task.ts'
import { initCluster } from '../../runtime/init.ts'
import type { LogPort } from '../../runtime/ports.ts'
import { checkedTasks } from './checked-tasks.ts'
import { Checker, type CheckerFigures } from './checker.ts'
import { directTo } from './direct.ts'
import { Fleet } from './fleet.ts'
import { DEADLY, Foreign, POISON } from './foreign.ts'
import { History } from './history.ts'
import { Network } from './network.ts'
import { SimNode } from './node.ts'
import { People } from './people.ts'
import { type Act, type Ambush, type Plan, planOf } from './plan.ts'
import { Random } from './random.ts'
import { Retention } from './retention.ts'
import { quickSignals } from './signals.ts'
import { Trace } from './trace.ts'
import { Workers } from './workers.ts'
import { World, WORLD_BEGINS_MS } from './world.ts'

export interface SimulationOptions {
  readonly seed: number
  /** Simulated time, ms. */
  readonly forMs: number
  readonly serde: Serde
  readonly workers?: number
  readonly partitions?: number
  /** Told of everything that happens. */
  readonly say?: (line: string) => void
  /** Given the log once everything has come to rest. */
  readonly onRest?: (log: LogPort) => Promise<void>
}

export interface SimulationReport {
  readonly seed: number
  readonly problems: readonly string[]
  /** The last things that happened before the first problem was seen. */
  readonly last: readonly string[]
  /** Identity of the run. */
  readonly hash: string
  readonly simulatedMs: number
  readonly events: number
  readonly acknowledged: number
  readonly commands: number
  readonly checked: CheckerFigures
  readonly counts: Readonly<Record<string, number>>
  /** Moments at which a worker was killed. */
  readonly moments: readonly string[]
}

const PREFIX = 'hs.'
const GIB = 1_073_741_824
const SETTLE_MS = 60_000
/** Is everybody there who should be? */
const LOOK_EVERY_MS = 5_000
/** Each so-manyth of them is at the log too: that is dear, and sees what came in between. */
const LOOKS_PER_CHECK = 3
/** The checker stays so far behind, so that what a journal speaks of is visible. */
const LOOK_BEHIND_MS = 15_000
/** After the last fault: so long until everything has to be prompt again. */
const RECOVERY_MS = 20_000
const PROBLEMS_MAX = 8

/** One at a time in a process. */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const putBack = quickSignals()
  // Hundreds of errors are part of a run, and who looks for a defect has it traced.
  const { stackTraceLimit } = Error
  if (options.say === undefined) Error.stackTraceLimit = 0
  try {
    return await new Simulation(options).run()
  } finally {
    putBack()
    Error.stackTraceLimit = stackTraceLimit
  }
}

class Simulation {
  readonly #options: SimulationOptions
  readonly #plan: Plan
  readonly #world = new World()
  readonly #random: Random
  readonly #trace: Trace
  readonly #log: MemoryLog
  readonly #history = new History()
  readonly #network: Network
  readonly #workers: Workers
  readonly #checker: Checker
  readonly #broker: SimNode
  readonly #operator: SimNode
  readonly #agents: SimNode
  readonly #foreign: Foreign
  readonly #fleet: Fleet
  readonly #cluster: string
  readonly #people: People
  readonly #retention: Retention
  readonly #problems: string[] = []
  readonly #last: string[] = []
  readonly #moments = new Set<string>()
  readonly #ambushes = new Map<string, Ambush[]>()
  readonly #hits = new Map<Ambush, number>()
  #visitors = 100

  constructor(options: SimulationOptions) {
    const { seed, forMs, workers, partitions } = options
    this.#options = options
    this.#plan = planOf(seed, forMs, {
      ...(workers === undefined ? {} : { workers }),
      ...(partitions === undefined ? {} : { partitions }),
    })
    for (const ambush of this.#plan.ambushes)
      this.#ambushes.set(ambush.moment, [...(this.#ambushes.get(ambush.moment) ?? []), ambush])
    const world = this.#world
    this.#random = new Random(`healstream ${seed}`)
    this.#trace = new Trace(world, options.say ?? null)
    this.#broker = new SimNode(world, { name: 'broker', offsetMs: 0, rate: 1 })
    this.#operator = new SimNode(world, { name: 'operator', offsetMs: 0, rate: 1 })
    this.#agents = new SimNode(world, { name: 'agents', offsetMs: 120, rate: 1.0002 })
    this.#cluster = `simulated-${seed}`
    this.#log = createMemoryLog({
      clock: this.#broker,
      clusterId: this.#cluster,
      retentionBytes: GIB,
      compactAfterBytes: GIB,
    })
    const { conditions } = this.#plan
    const trace = this.#trace
    const random = this.#random.fork('network')
    this.#network = new Network(world, { random, trace, prefix: PREFIX, conditions })
    const ask = directTo(this.#log)
    this.#foreign = new Foreign({
      node: this.#operator,
      ask,
      random: this.#random.fork('foreign'),
      prefix: PREFIX,
      partitions: this.#plan.partitions,
    })
    this.#workers = this.#makeWorkers()
    this.#fleet = this.#makeFleet()
    this.#people = this.#makePeople()
    this.#checker = this.#makeChecker(ask)
    this.#retention = this.#makeRetention(ask)
  }

  async run(): Promise<SimulationReport> {
    const { forMs, seed } = this.#options
    try {
      await this.#begin()
      await this.#live(forMs)
      if (this.#problems.length === 0) await this.#end()
    } catch (error) {
      this.#problem(`the simulation stopped: ${error instanceof Error ? error.stack : ''}`)
    }
    return {
      seed,
      problems: this.#problems,
      last: this.#last,
      hash: this.#trace.hash(),
      simulatedMs: this.#world.nowMs,
      events: this.#world.events,
      acknowledged: this.#history.acknowledged,
      commands: this.#fleet.commands,
      checked: this.#checker.figures,
      counts: { ...this.#workers.counts, ...this.#retention.counts, ...this.#checker.guards },
      moments: [...this.#moments],
    }
  }

  async #begin(): Promise<void> {
    const { partitions } = this.#plan
    const clock = this.#operator
    const begun = initCluster(this.#log, { clock, partitions, prefix: PREFIX, dev: true })
    await this.#world.settle('init', begun, SETTLE_MS)
    await this.#world.settle('policies', this.#people.applyPolicies(), SETTLE_MS)
    for (let slot = 0; slot < this.#plan.workers; slot++) this.#workers.start(slot)
    this.#fleet.start()
    for (const { atMs, act } of this.#plan.acts) this.#world.after(atMs, () => this.#do(act))
  }

  async #live(forMs: number): Promise<void> {
    for (let look = 1; this.#world.nowMs < forMs && this.#problems.length === 0; look++) {
      await this.#world.run(Math.min(forMs, this.#world.nowMs + LOOK_EVERY_MS))
      if (look % LOOKS_PER_CHECK === 0)
        await this.#checker.advance(this.#broker.nowMs() - LOOK_BEHIND_MS)
      if (this.#world.nowMs > this.#plan.calmFromMs + RECOVERY_MS) this.#checkRunning()
    }
  }

  /** Everything that should run again does. */
  #checkRunning(): void {
    const tasks = this.#workers.statuses().flatMap((status) => status.tasks)
    const running = tasks.filter(({ state }) => state === 'Running')
    const wanted = this.#plan.partitions + 1
    if (running.length !== wanted || tasks.length !== wanted) {
      const found = tasks.map((t) => `${t.task} ${t.state} ${t.reason ?? ''}`).join('; ')
      this.#problem(`all is well, and of ${wanted} tasks there are: ${found}`)
    }
  }

  async #end(): Promise<void> {
    const world = this.#world
    await world.settle('the agents end', this.#fleet.stop(), SETTLE_MS)
    await world.run(world.nowMs + 4_000)
    // What was said a moment before may not have been read by then.
    const untilMs = this.#broker.nowMs() - 1_000
    await world.settle('the workers end', this.#workers.end(), SETTLE_MS)
    await world.run(world.nowMs + 8_000)
    await this.#checker.finish(untilMs)
    const { onRest } = this.#options
    if (onRest !== undefined) await world.settle('the log is read', onRest(this.#log), SETTLE_MS)
    await this.#people.close()
    await this.#log.close()
    await world.run(world.nowMs + 1)
    for (const { name, sleeping } of [this.#broker, this.#agents, this.#operator])
      if (sleeping > 0) this.#problem(`${name} has ended and ${sleeping} of its timers have not`)
  }

  #problem(what: string): void {
    if (this.#problems.length === 0) this.#last.push(...this.#trace.last())
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push(what)
    this.#trace.note(`PROBLEM ${what}`)
  }

  #do(act: Act): void {
    const workers = this.#workers
    this.#trace.note(`act ${JSON.stringify(act)}`)
    switch (act.kind) {
      case 'kill':
        workers.kill(act.slot, act.forMs)
        return
      case 'rot':
        workers.rot(act.slot, act.forMs)
        return
      case 'wrong build':
        workers.runWrong(act.slot, act.forMs)
        return
      case 'stop':
        workers.stop(act.slot, act.forMs)
        return
      case 'visit':
        workers.visit(this.#visitors++, act.forMs)
        return
      case 'pause':
        this.#pause(act.node, act.forMs)
        return
      case 'jump': {
        const node = this.#nodeOf(act.node)
        node?.jump(act.byMs)
        this.#world.after(act.forMs, () => node?.jump(-act.byMs))
        return
      }
      case 'hold':
        this.#people.hold(act.forMs)
        return
      case 'cut':
        this.#retention.cut(act).catch((error: unknown) => this.#problem(String(error)))
        return
      case 'transaction':
        this.#foreign.transaction().catch(ignore)
        return
      case 'garbage':
        this.#foreign.garbage().catch(ignore)
        return
      case 'poison':
        this.#foreign.poison(POISON).catch(ignore)
        return
      case 'deadly':
        this.#foreign.poison(DEADLY).catch(ignore)
    }
  }

  #nodeOf(name: string): SimNode | null {
    return name === 'agents' ? this.#agents : this.#workers.node(Number(name.slice(1)))
  }

  #pause(name: string, forMs: number): void {
    if (name !== 'agents') {
      this.#workers.pause(Number(name.slice(1)), forMs)
      return
    }
    this.#agents.pause()
    this.#world.after(forMs, () => this.#agents.resume())
  }

  /** Kills or stops whoever comes to a moment that the plan names. */
  #witness(moment: string, node: SimNode): void {
    const ambushes = this.#ambushes.get(moment)
    if (ambushes === undefined || this.#world.nowMs >= this.#plan.calmFromMs) return
    for (const ambush of ambushes) {
      if (this.#world.nowMs < ambush.fromMs) continue
      const hits = (this.#hits.get(ambush) ?? 0) + 1
      this.#hits.set(ambush, hits)
      if (hits !== ambush.nth) continue
      const slot = this.#workers.slotOf(node)
      if (slot === null) continue
      this.#trace.note(`${node.name} meets its fate ${moment}`)
      if (ambush.kind === 'pause') this.#workers.pause(slot, ambush.forMs)
      else {
        this.#moments.add(moment)
        this.#workers.kill(slot, ambush.forMs)
      }
    }
  }

  #makeWorkers(): Workers {
    const { serde } = this.#options
    return new Workers({
      world: this.#world,
      network: this.#network,
      broker: this.#log.broker,
      trace: this.#trace,
      random: this.#random.fork('workers'),
      standbys: this.#plan.standbys,
      encoder: serde,
      decoder: serde,
      createCore: createServiceCore,
      createFleetCore,
      witness: (moment, node) => this.#witness(moment, node),
      problem: (what) => this.#problem(what),
      restored: ({ task, ms, warm }) =>
        this.#retention.restored(String(task), { ms: Number(ms), isWarm: warm === true }),
    })
  }

  #makeRetention(ask: Transport): Retention {
    return new Retention({
      ask,
      decoder: this.#options.serde,
      prefix: PREFIX,
      tasks: checkedTasks(this.#plan.partitions),
      isRotten: (print) => this.#workers.rotten.has(print),
      nowMs: () => this.#world.nowMs,
      lastLook: () => this.#checker.read(),
      say: (what) => this.#trace.note(what),
    })
  }

  #makeFleet(): Fleet {
    const { serde } = this.#options
    const { partitions, instances, twice, late } = this.#plan
    const transport = this.#network.from(this.#agents, ignore)
    return new Fleet({
      node: this.#agents,
      log: this.#log.broker.connect({ clock: this.#agents, transport }),
      encoder: serde,
      decoder: serde,
      random: this.#random.fork('fleet'),
      history: this.#history,
      cluster: this.#cluster,
      prefix: PREFIX,
      partitions,
      instancesPerService: instances,
      twice,
      late,
    })
  }

  #makePeople(): People {
    return new People({
      node: this.#operator,
      world: this.#world,
      producer: this.#log.broker.connect({ clock: this.#operator }).producer(),
      random: this.#random,
      encoder: this.#options.serde,
      history: this.#history,
      prefix: PREFIX,
      partitions: this.#plan.partitions,
      services: this.#fleet.services,
      forMs: this.#options.forMs,
    })
  }

  #makeChecker(ask: Transport): Checker {
    const { serde } = this.#options
    const { partitions, calmFromMs } = this.#plan
    return new Checker({
      ask,
      decoder: serde,
      encoder: serde,
      prefix: PREFIX,
      partitions,
      tasks: checkedTasks(partitions),
      history: this.#history,
      problem: (what) => this.#problem(what),
      isRotten: (print) => this.#workers.rotten.has(print),
      promptFromMs: () => WORLD_BEGINS_MS + calmFromMs + RECOVERY_MS,
    })
  }
}

const ignore = (): void => undefined
