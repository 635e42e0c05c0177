// One run of one seed: a whole cluster with its agents, operators and strangers in this process, in
// virtual time, with everything that the seed's plan does to it, looked at by the checker while it
// runs and once it has come to rest. The same seed gives the same run, event by event.
import { createMemoryLog } from '../../adapters/memory/memory-log.js'
import { topicName } from '../../contracts/topics.js'
import { encodeUtf8 } from '../../contracts/utf8.js'
import { createServiceCore } from '../../core/tasks/service-task.js'
import { initCluster } from '../../runtime/init.js'
import { Checker, INPUT_KINDS } from './checker.js'
import { Fleet, servicesFor } from './fleet.js'
import { DEADLY, Foreign, POISON } from './foreign.js'
import { History } from './history.js'
import { Network } from './network.js'
import { SimNode } from './node.js'
import { planOf } from './plan.js'
import { Random } from './random.js'
import { operatorRecord, policy } from './records.js'
import { Trace } from './trace.js'
import { Workers } from './workers.js'
import { World, WORLD_BEGINS_MS } from './world.js'
const PREFIX = 'hs.'
const GIB = 1_073_741_824
const SETTLE_MS = 60_000
const LOOK_EVERY_MS = 5_000
/** The checker stays so far behind, so that what a journal speaks of is visible. */
const LOOK_BEHIND_MS = 15_000
/** After the last fault: so long until everything has to be prompt again. */
const RECOVERY_MS = 20_000
const PROBLEMS_MAX = 8
const DOCUMENTS = [
  ['HealPolicy', { mode: 'enforce', trigger: 'health == "unhealthy"', action: 'restart_instance' }],
  ['GuardSet', { cooldownMs: '15s', serviceIntervalMs: '8s', warmUpMs: '10s', verifyMs: '10s' }],
]
export async function simulate(options) {
  const simulation = new Simulation(options)
  return await simulation.run()
}
class Simulation {
  #options
  #plan
  #world = new World()
  #random
  #trace
  #log
  #history = new History()
  #network
  #workers
  #checker
  #broker
  #operator
  #agents
  #foreign
  #fleet
  #cluster
  #people
  #problems = []
  #last = []
  #moments = new Set()
  #hits = new Map()
  #visitors = 100
  #holds = 0
  constructor(options) {
    const { seed, forMs, serde, workers, partitions } = options
    this.#options = options
    this.#plan = planOf(seed, forMs, {
      ...(workers === undefined ? {} : { workers }),
      ...(partitions === undefined ? {} : { partitions }),
    })
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
    this.#people = this.#log.broker.connect({ clock: this.#operator }).producer()
    this.#foreign = new Foreign({
      node: this.#operator,
      ask,
      random: this.#random.fork('foreign'),
      prefix: PREFIX,
      partitions: this.#plan.partitions,
    })
    this.#workers = this.#makeWorkers()
    this.#fleet = this.#makeFleet()
    this.#checker = this.#makeChecker(ask, createServiceCore)
    void serde
  }
  async run() {
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
      counts: this.#workers.counts,
      moments: [...this.#moments],
    }
  }
  async #begin() {
    const { partitions } = this.#plan
    const clock = this.#operator
    const begun = initCluster(this.#log, { clock, partitions, prefix: PREFIX, dev: true })
    await this.#world.settle('init', begun, SETTLE_MS)
    await this.#world.settle('policies', this.#applyPolicies(), SETTLE_MS)
    for (let slot = 0; slot < this.#plan.workers; slot++) this.#workers.start(slot)
    this.#fleet.start()
    for (const { atMs, act } of this.#plan.acts) this.#world.after(atMs, () => this.#do(act))
  }
  async #live(forMs) {
    while (this.#world.nowMs < forMs && this.#problems.length === 0) {
      await this.#world.run(Math.min(forMs, this.#world.nowMs + LOOK_EVERY_MS))
      await this.#checker.advance(this.#broker.nowMs() - LOOK_BEHIND_MS)
      if (this.#world.nowMs > this.#plan.calmFromMs + RECOVERY_MS) this.#checkRunning()
    }
  }
  /** Everything that should run again does. */
  #checkRunning() {
    const tasks = this.#workers.statuses().flatMap((status) => status.tasks)
    const running = tasks.filter(({ state }) => state === 'Running')
    if (running.length !== this.#plan.partitions || tasks.length !== running.length) {
      const found = tasks.map((t) => `${t.task} ${t.state} ${t.reason ?? ''}`).join('; ')
      this.#problem(`all is well, and of ${this.#plan.partitions} tasks there are: ${found}`)
    }
  }
  async #end() {
    const world = this.#world
    await world.settle('the agents end', this.#fleet.stop(), SETTLE_MS)
    await world.run(world.nowMs + 4_000)
    await world.settle('the workers end', this.#workers.end(), SETTLE_MS)
    await world.run(world.nowMs + 8_000)
    await this.#checker.finish()
    await this.#people.close()
    await this.#log.close()
    await world.run(world.nowMs + 1)
    for (const { name, sleeping } of [this.#broker, this.#agents, this.#operator])
      if (sleeping > 0) this.#problem(`${name} has ended and ${sleeping} of its timers have not`)
  }
  #problem(what) {
    if (this.#problems.length === 0) this.#last.push(...this.#trace.last())
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push(what)
    this.#trace.note(`PROBLEM ${what}`)
  }
  #do(act) {
    const workers = this.#workers
    this.#trace.note(`act ${JSON.stringify(act)}`)
    switch (act.kind) {
      case 'kill':
        workers.kill(act.slot, act.forMs)
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
        this.#hold(act.forMs)
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
  #nodeOf(name) {
    return name === 'agents' ? this.#agents : this.#workers.node(Number(name.slice(1)))
  }
  #pause(name, forMs) {
    if (name !== 'agents') {
      this.#workers.pause(Number(name.slice(1)), forMs)
      return
    }
    this.#agents.pause()
    this.#world.after(forMs, () => this.#agents.resume())
  }
  /** A person holds a service, and lets it go again. */
  #hold(forMs) {
    const service = this.#random.fork(`hold ${this.#holds}`).pick(this.#fleet.services)
    const id = `hold-${this.#holds++}`
    const tell = (kind) => {
      const refersTo = kind === 'hold' ? null : id
      const name = kind === 'hold' ? id : `${id}-release`
      this.#toAll('operator', name, operatorRecord(name, kind, { service, refersTo })).catch(ignore)
    }
    tell('hold')
    this.#world.after(forMs, () => tell('release'))
  }
  async #applyPolicies() {
    const services = servicesFor(this.#plan.partitions)
    for (const [kind, rest] of DOCUMENTS) {
      const name = `simulation-${kind.toLowerCase()}`
      await this.#toAll('policies', name, policy(name, kind, 1, { match: { services }, ...rest }))
    }
  }
  /** One record to every partition. */
  async #toAll(topic, key, record) {
    const value = this.#options.serde.encode(topic, record)
    const records = Array.from({ length: this.#plan.partitions }, (_, partition) => ({
      topic: topicName(topic, PREFIX),
      partition,
      key: encodeUtf8(key),
      value,
      timestampMs: this.#operator.nowMs(),
    }))
    await this.#history.send(this.#people, records)
  }
  /** Kills or stops whoever comes to a moment that the plan names. */
  #witness(moment, node) {
    for (const ambush of this.#plan.ambushes) {
      if (ambush.moment !== moment || this.#world.nowMs < ambush.fromMs) continue
      if (this.#world.nowMs >= this.#plan.calmFromMs) continue
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
  #makeWorkers() {
    const { serde } = this.#options
    return new Workers({
      world: this.#world,
      network: this.#network,
      broker: this.#log.broker,
      trace: this.#trace,
      random: this.#random.fork('workers'),
      encoder: serde,
      decoder: serde,
      createCore: createServiceCore,
      witness: (moment, node) => this.#witness(moment, node),
      problem: (what) => this.#problem(what),
    })
  }
  #makeFleet() {
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
  #makeChecker(ask, createCore) {
    const { serde } = this.#options
    const { partitions, calmFromMs } = this.#plan
    const tasks = Array.from({ length: partitions }, (_, partition) => {
      const journal = 'journal'
      return { task: `s${partition}`, partition, journal, inputs: INPUT_KINDS, createCore }
    })
    return new Checker({
      ask,
      decoder: serde,
      encoder: serde,
      prefix: PREFIX,
      partitions,
      tasks,
      history: this.#history,
      problem: (what) => this.#problem(what),
      promptFromMs: () => WORLD_BEGINS_MS + calmFromMs + RECOVERY_MS,
    })
  }
}
const ignore = () => undefined
/** The brokers as they answer, without a network in between. */
function directTo(log) {
  let found = null
  const transport = (inner) => {
    found = inner
    return inner
  }
  void log.broker.connect({ transport }).admin()
  const direct = (api, request, limits) => {
    if (found === null) throw new RangeError('no way to the brokers')
    return found(api, request, limits)
  }
  return direct
}
//# sourceMappingURL=simulation.js.map
